"""Consent to the commands of a game-day file: given once, by a person, for exactly what the file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shlex import join

from harness.gameday.files import DayFiles
from harness.problems import Problem, UsageProblems
from harness.reading.state_place import is_url
from harness.running.state.folder import FolderStore
from harness.running.state.target_state import me
from harness.settings import Settings


def consent(files: DayFiles, settings: Settings, *, yes: bool, ask: Callable[[list[str]], bool] | None) -> None:
    """Return once somebody on this machine has agreed to the commands of the file, at once where there are none.

    *yes*: whoever calls agrees; else *ask* is given the commands and says whether. Raises UsageProblems where nobody agrees. Who agreed
    to which text is remembered where the state of targets is kept, and in the cache where that is a URL: consent is one machine's own.
    """
    if not files.commands or _given(files, settings):
        return
    shown = [join(command) for command in files.commands]
    if yes or (ask is not None and ask(shown)):
        _give(files, settings)
        return
    many = f"{len(shown)} commands" if len(shown) > 1 else f"a command ({shown[0]})"
    what = f"has {many} run to which nobody here has agreed; look with `harness gameday plan`, and agree with --yes"
    raise UsageProblems(Problem(what, file=files.document.file))


def _given(files: DayFiles, settings: Settings) -> bool:
    return _store(settings).read(_name(files)) is not None


def _give(files: DayFiles, settings: Settings) -> None:
    said = {
        "schema": "harness.consent/1",
        "sha256": files.document.sha256,
        "file": files.document.file,
        "by": me(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _store(settings).write(_name(files), json.dumps(said, indent=2) + "\n", None)


def _store(settings: Settings) -> FolderStore:
    return FolderStore(settings.cache if is_url(settings.state) else Path(settings.state).expanduser())


def _name(files: DayFiles) -> str:
    return f"consent-{files.document.sha256[:32]}.json"
