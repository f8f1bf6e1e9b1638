"""Where a game day lies: ``reports/gamedays/NAME/ID/`` with its events, copies of its files and its runs, held by one process at a time."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.problems import HarnessError, RefusedError, cannot
from harness.record import run_folder
from harness.running.state.target_state import me

BELOW = "gamedays"
EVENTS = "day.jsonl"
"""What its folder is known by."""


@dataclass(frozen=True, slots=True)
class DayFolder:
    """The files of one day, by name; the runs of its scenarios lie beside them, in ``SCENARIO/RUN/``."""

    path: Path

    @property
    def events(self) -> Path:
        return self.path / EVENTS

    @property
    def files(self) -> Path:
        """Copies of the game-day file and of those that it names, as they were when the day was opened."""
        return self.path / "files"

    @property
    def lock(self) -> Path:
        """Held while a process carries the day out; says whose that is."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """What its runs said while they went on."""
        return self.path / "runs.log"

    def runs(self) -> list[Path]:
        """The folder of every run of the day, whatever became of it."""
        return sorted(
            {path.parent for name in ("history.jsonl", "undo.jsonl") for path in self.path.glob(f"*/*/{name}")}
        )


def create(out: Path, name: str, at: datetime) -> DayFolder:
    """A new folder for a day that is opened *at*. Raises HarnessError where none can be made."""
    folder = DayFolder(out / BELOW / name / f"{at:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
    try:
        folder.path.mkdir(parents=True, mode=0o700)
        folder.files.mkdir()
    except OSError as error:
        raise HarnessError(f"no folder for the day can be made: {cannot(error)}") from error
    return folder


def keep_copies(folder: DayFolder, copies: dict[str, str]) -> None:
    """Write *copies* of files, by their names. Raises HarnessError where that cannot be done."""
    try:
        for name, text in copies.items():
            run_folder.write(folder.files / name, text)
    except OSError as error:
        raise HarnessError(f"the files of the day cannot be kept: {cannot(error)}") from error


def changed(folder: DayFolder, copies: dict[str, str]) -> list[str]:
    """The names of those of *copies* that are not as they were when the day was opened."""
    return [name for name, text in copies.items() if _text(folder.files / name) != text]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


@contextmanager
def held(folder: DayFolder) -> Iterator[None]:
    """The day is this process's inside. Raises RefusedError, which names whose it is, where another one carries it out."""
    import fcntl  # not on Windows, where no day is carried out

    with folder.lock.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise RefusedError(
                f"{folder.path} goes on in {lock.read().strip() or 'another process'}; say it there"
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} of {me()}\n")
        lock.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                lock.truncate(0)
