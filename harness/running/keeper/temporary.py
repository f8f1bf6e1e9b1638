"""The temporary folder of a run: named before it is there, marked as the run's own, and known again by whoever takes it away."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from secrets import token_hex

from harness.problems import HarnessError, cannot

TEMP_MARK = ".harness-run"
"""The file that says of a temporary folder whose it is."""
_NAME = "harness-"
_NONE = "no temporary folder can be made; name one that can be written to with TMPDIR"


def named(what: str = "") -> Path:
    """Where a temporary folder is to be made, for *what*; nobody can guess it. Raises HarnessError where there is no place for one.

    Whoever makes it writes its name down first: then a kill in between leaves nothing that nobody can tell of.
    """
    try:
        return Path(tempfile.gettempdir()) / f"{_NAME}{what}{token_hex(8)}"
    except OSError as error:
        raise HarnessError(f"{_NONE}: {cannot(error)}") from error


def make(temp: Path) -> None:
    """Make the folder *temp* for this user alone. Raises HarnessError."""
    try:
        temp.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"{_NONE}: {cannot(error)}") from error


def mark(temp: Path, run: str) -> None:
    """Write down in the folder *temp* that it is *run*'s, so that it can be removed when nobody else is left to. Raises OSError."""
    (temp / TEMP_MARK).write_text(f"{run}\n")


def is_unfinished(temp: Path) -> bool:
    """Whether whoever was to make *temp* came no further than that; to remove what is empty harms nobody, whoever claims it."""
    try:
        return temp.name.startswith(_NAME) and stat.S_ISDIR(temp.lstat().st_mode) and not any(temp.iterdir())
    except OSError:
        return False


def is_its_own(temp: Path, run: str) -> bool:
    """Whether *temp* is a folder of this user, with *run*'s mark in it."""
    try:
        found = temp.lstat()
        with open(temp / TEMP_MARK, encoding="utf-8", opener=_never_waiting) as file:
            said = file.read(1000)
    except (OSError, UnicodeDecodeError):
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and said == f"{run}\n"


def _never_waiting(path: str, flags: int) -> int:
    """Open without following a link, and without waiting for a writer where it is a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
