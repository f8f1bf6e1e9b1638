"""Heals what a run that was killed may have left: its faults, its processes and its temporary folder, as its undo file tells.

Anybody may have written that file, so nothing is done that a run of the harness would not have needed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Literal, NamedTuple

from harness.running.keeper import strays, undo
from harness.running.keeper.processes import LINUX, look
from harness.running.keeper.temporary import is_its_own, is_unfinished
from harness.running.keeper.undo import Owner

_LINES_TOLD = 3


class Healed(NamedTuple):
    """What a run has left *now*, and what was *said* meanwhile, line by line."""

    now: Literal["nothing", "goes on", "left"]
    said: tuple[str, ...]


class _Done(NamedTuple):
    """One thing that was tried, and whether it is *gone* now."""

    said: str
    gone: bool


def heal(run: Path, *, ended: bool = False) -> Healed:
    """Put back all that the run in the folder *run* left, where that can be done; its undo file goes once nothing is left.

    *ended*: whoever asks knows that the run has ended, though the process that conducted it, as that of a game day, may go on.
    """
    path = run / "undo.jsonl"
    try:
        if _is_special(path):
            return Healed("left", (f"{path}: cannot be read: it is no file",))
        if undo.owner_alive(path, ended=ended):
            return Healed("goes on", (f"{run}: still running; left alone",))
        if undo.unreadable(path):
            return Healed("left", (f"{path}: no line of it can be read, so nobody knows what was left in force",))
        done = [*_faults(path), *_unknown(path), *_rest(run.name, undo.owner(path))]
        if all(one.gone for one in done):
            path.unlink(missing_ok=True)
    except OSError as error:
        return Healed("left", (f"{path}: cannot be read: {error.strerror}",))
    left = not all(one.gone for one in done)
    return Healed("left" if left else "nothing", tuple(f"{run}: {one.said}" for one in done))


def _faults(path: Path) -> Iterator[_Done]:
    for outcome in undo.put_back(path):
        state = "put back" if outcome.gone else f"NOT put back: {outcome.why}"
        yield _Done(f"{outcome.id}: {state}", outcome.gone)


def _unknown(path: Path) -> Iterator[_Done]:
    """What another version wrote, or somebody else."""
    if numbers := undo.not_understood(path):
        lines = f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:_LINES_TOLD]))}"
        more = f" and {len(numbers) - _LINES_TOLD} more" if len(numbers) > _LINES_TOLD else ""
        why = "cannot be read, so nobody knows what was promised there; remove the file once nothing of it is in force"
        said = f"{lines}{more} of {path.name} {why}"
        yield _Done(said, gone=False)


def _rest(name: str, owner: Owner | None) -> Iterator[_Done]:
    """What was no fault: processes without a keeper, and the temporary folder with the secrets in it."""
    if owner is None:
        return
    if owner.run != name:
        yield _Done(f"its undo file is that of run {owner.run!r}; processes and folders are left alone", gone=True)
        return
    for process in strays.end(owner.run):
        gone = (now := look(process.pid)) is None or now.started != process.started
        yield _Done(f"process {process.pid}, which it had started: {'ended' if gone else 'NOT ended'}", gone)
    if not LINUX:
        what = f"processes that it started are not found on this system: look for {strays.MARK}={owner.run} in their environment"
        yield _Done(what, gone=True)
    yield from _temporary(Path(owner.temp), owner.run)


def _temporary(temp: Path, run: str) -> Iterator[_Done]:
    if not temp.is_absolute() or not os.path.lexists(temp):
        return
    if not (is_unfinished(temp) or is_its_own(temp, run)):
        yield _Done(f"{temp}: left alone: nothing in it says that it is the temporary folder of this run", gone=True)
        return
    rmtree(temp, ignore_errors=True)
    gone = not temp.exists()
    yield _Done(f"temporary folder {temp}: {'removed' if gone else 'NOT removed'}", gone)


def _is_special(path: Path) -> bool:
    """Whether it is there and to read it could take for ever, as with a pipe."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
