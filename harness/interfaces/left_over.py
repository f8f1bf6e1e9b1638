"""What runs that are dead may have left in force, and the command that puts it back; nothing is touched."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.problems import UsageProblems
from harness.reading.state_file import Lease
from harness.record import history
from harness.record.history import Begun
from harness.record.run_folder import below, ended
from harness.running.keeper.undo import Promise, not_understood, owner_alive, pending, unreadable
from harness.running.leases import alive
from harness.running.state.place import store_at
from harness.running.state.store import StateError
from harness.running.state.target_state import TargetState
from harness.settings import Settings

OUT = Path("reports")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A *run* that is dead, by its folder, and *what* it may have left in force, in words."""

    run: Path
    what: str

    @property
    def heal(self) -> str:
        """The command that puts it back."""
        out = self.run.parent.parent
        return "harness heal" if out == OUT else f"harness heal --out {shlex.quote(str(out))}"

    def __str__(self) -> str:
        return f"run {self.run.name} is dead, and may have left in force: {self.what}"


def left_over(settings: Settings, out: Path = OUT) -> list[LeftOver]:
    """Each run that is dead and left something, of those stored below *out* and of those that hold a target in the user's own state.

    What is on another machine, or at a URL, cannot be looked at from here.
    """
    found = {
        run.resolve(): run for run in below(out, "undo.jsonl") if not owner_alive(run / "undo.jsonl", ended=ended(run))
    }
    for lease in _leases(settings):
        run = Path(lease.folder)
        if lease.folder and alive(lease) == "no":
            found.setdefault(run.resolve(), run)
    return [LeftOver(run, what) for run in found.values() if (what := _what(run))]


def _leases(settings: Settings) -> Iterator[Lease]:
    with suppress(StateError, UsageProblems):
        store = store_at(settings.state, settings)
        for target in store.targets():
            with suppress(StateError):
                if (lease := TargetState(store, target).holder()) is not None:
                    yield lease


def _what(run: Path) -> str:
    """What the undo file of *run* promises that nobody has done; empty where that is nothing."""
    path = run / "undo.jsonl"
    try:
        if unreadable(path) or not_understood(path):
            return f"nobody can tell, since {path.name} cannot be read"
        return _told(pending(path), run)
    except OSError as error:
        return f"nobody can tell, since {path.name} cannot be read: {error.strerror}"


def _told(promises: list[Promise], run: Path) -> str:
    """Its faults, as the plan had them; where there are none any more, whose proxies."""
    known = _summaries(run)
    faults = [known.get(one.id, f"fault {one.id}") for one in promises if not one.lasting]
    rest = [f"the proxy of {one.id}" if one.id.startswith("link ") else one.id for one in promises if one.lasting]
    said = faults or rest
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + more


def _summaries(run: Path) -> dict[str, str]:
    """Each fault of the run as a sentence, by its id; none where its history does not begin."""
    with suppress(OSError, history.NoEventError), (run / "history.jsonl").open("rb") as file:
        match history.decode(file.readline()):
            case [Begun() as begun, *_]:
                return {fault.id: fault.summary for fault in begun.faults if fault.summary}
    return {}
