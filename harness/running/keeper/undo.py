"""What must be undone, on disk before it is done: promises to put the world back, and how they are kept.

One JSON line each, appended and flushed to the disk::

    {"run": "...", "temp": "...", "keeper_pid": 7, "keeper_started": 71, "harness_pid": 6, "harness_started": 70}
    {"id": "1", "undo": [{"method": "DELETE", "url": "http://127.0.0.1:8474/proxies/east"}], "lasting": true}
    {"id": "2", "undo": [{"method": "DELETE", "url": "http://127.0.0.1:8474/proxies/east/toxics/late"}]}
    {"done": "2"}

How each undo is written, its kind says (`means`); one that names none is an HTTP request. A promise may be kept twice without harm.
So whoever is in doubt keeps it: the harness, its keeper, or a person later.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.running.keeper.means import Undo, read
from harness.running.keeper.processes import look

_LEAST_S = 0.1
_KEYS = (b'{"run": ', b'{"id": ', b'{"done": ')
"""How a record begins."""


class Promise(NamedTuple):
    """The *undos*, in this order, of what was done under *id*; *lasting*: it is to stand as long as the run lives."""

    id: str
    undos: tuple[Undo, ...]
    lasting: bool = False


class Outcome(NamedTuple):
    """What came of one *undo* of promise *id*: whether what it undoes is gone now, and *why* one can say so or not."""

    id: str
    undo: Undo
    gone: bool
    why: str


class Owner(NamedTuple):
    """Whose undo file it is: the *run*, its *temp* folder, its two processes; *_started* tells them from later ones."""

    run: str
    temp: str
    keeper_pid: int
    keeper_started: int
    harness_pid: int
    harness_started: int


class UndoLog:
    """The undo file at *path*, to which its run appends."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def begin(self, run: str, temp: Path, keeper_pid: int) -> None:
        """Write down that *run*, this process and its keeper (0: none yet) own the file. Raises OSError where the disk is full."""
        keeper, harness = look(keeper_pid), look(os.getpid())
        mine = Owner(
            run,
            str(temp),
            keeper_pid,
            keeper.started if keeper else 0,
            os.getpid(),
            harness.started if harness else 0,
        )
        _append(self._fd, mine._asdict())

    def promise(self, key: str, undos: Sequence[Undo], *, lasting: bool = False) -> None:
        """Write down how to undo what is about to be done; only after this may it be tried.

        What is *lasting* is undone at the end of the run alone, and not when the run has merely gone quiet.

        Raises OSError where the disk is full, and ValueError for what `put_back` would refuse to carry out.
        """
        for undo in undos:
            if reason := undo.refusal():
                raise ValueError(f"{undo}: {reason}")
        line: dict[str, object] = {"id": key, "undo": [undo.written() for undo in undos]}
        _append(self._fd, line | ({"lasting": True} if lasting else {}))

    def kept(self, key: str) -> None:
        """Write down that it was undone; where the disk is full, it will be undone once more, and that does no harm."""
        _append_if_possible(self._fd, {"done": key})

    def close(self) -> None:
        os.close(self._fd)


def pending(path: Path) -> list[Promise]:
    """The promises of *path* that nobody has kept yet, last first. A line that a crash cut short is left out.

    It was to be on disk before anything was tried, so nothing was.
    """
    promises: dict[str, Promise] = {}
    for line in _lines(path):
        match line:
            case {"id": str(key), "undo": list(undos)}:
                promises.pop(key, None)  # promised again, it is as late as this
                promises[key] = Promise(key, tuple(map(read, undos)), line.get("lasting") is True)
            case {"done": str(key)}:
                promises.pop(key, None)
    return list(reversed(promises.values()))


def put_back(
    path: Path,
    timeout_s: float = 1.0,
    *,
    budget_s: float | None = None,
    lasting: bool = True,
) -> list[Outcome]:
    """Keep every pending promise of *path*, last first, and return what came of each undo; none stops the others.

    Unless *lasting*, what is to stand as long as the run lives is left as it is.

    Each has *timeout_s* to connect and as long again to be answered; once *budget_s* is spent the rest are still tried, a
    tenth of a second each. Nothing is undone on another machine. Raises nothing for an undo that fails.
    """
    late_s = None if budget_s is None else time.monotonic() + budget_s
    outcomes: list[Outcome] = []
    for promise in pending(path):
        if promise.lasting and not lasting:
            continue
        kept = True
        for undo in promise.undos:
            limit_s = timeout_s if late_s is None else min(timeout_s, max(_LEAST_S, late_s - time.monotonic()))
            gone, why = undo.carry_out(limit_s)
            outcomes.append(Outcome(promise.id, undo, gone, why))
            kept = kept and gone
        if kept:
            _note_done(path, promise.id)
    return outcomes


def owner(path: Path) -> Owner | None:
    """The run that owns *path*, the latest if there were several; None where the file does not say."""
    found = None
    for line in _lines(path):
        found = _owner(line) or found
    return found


def owner_alive(path: Path, *, ended: bool = False) -> bool:
    """Whether the run that owns *path* still goes on, or its keeper is still putting the world back.

    Of one that has *ended* the process may go on with something else, as that of a game day does: its keeper alone counts.
    """
    run = owner(path)
    if run is None:
        return False
    conducted = not ended and _is(run.harness_pid, run.harness_started)
    return conducted or _is(run.keeper_pid, run.keeper_started)


def unreadable(path: Path) -> bool:
    """Whether *path* has whole lines of which none can be read, so that nobody knows what it promised. Raises OSError."""
    try:
        return b"\n" in path.read_bytes() and next(_lines(path), None) is None
    except FileNotFoundError:
        return False


def not_understood(path: Path) -> list[int]:
    """Which lines of *path*, from 1, are neither ours nor what a crash left of one; nobody knows what they promised. Raises OSError."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [number for number, line in enumerate(lines, 1) if not (_is_torn(line) or _is_known(_record(line)))]


def _is(pid: int, started: int) -> bool:
    process = look(pid) if pid > 0 else None
    return process is not None and process.started == started


def _lines(path: Path) -> Iterator[dict[str, object]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content.split(b"\n"):
        if (record := _record(line)) is not None:
            yield record


def _record(line: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_torn(line: bytes) -> bool:
    """Whether *line* is nothing, or what a crash or a full disk leaves of a record: its beginning, or blocks that were never written."""
    written = line.strip(b"\0")
    return not written or (_record(line) is None and any(written.startswith(key[: len(written)]) for key in _KEYS))


def _is_known(record: dict[str, object] | None) -> bool:
    match record:
        case {"id": str(), "undo": list()} | {"done": str()}:
            return True
    return record is not None and _owner(record) is not None


def _owner(record: dict[str, object]) -> Owner | None:
    match record:
        case {
            "run": str(run),
            "temp": str(temp),
            "keeper_pid": int(keeper),
            "keeper_started": int(keeper_started),
            "harness_pid": int(harness),
            "harness_started": int(harness_started),
        }:
            return Owner(run, temp, keeper, keeper_started, harness, harness_started)
    return None


def _append(fd: int, record: dict[str, object]) -> None:
    # A line that was cut short, by a crash or a full disk, must not swallow this one.
    size = os.fstat(fd).st_size
    torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
    line = b"\n" * torn + json.dumps(record).encode() + b"\n"
    written = os.write(fd, line)
    if written < len(line):
        raise OSError(f"only {written} of {len(line)} bytes of the undo file could be written; is the disk full?")
    os.fsync(fd)


def _append_if_possible(fd: int, record: dict[str, object]) -> None:
    try:
        _append(fd, record)
    except OSError:
        # Said nowhere, because raising would keep what comes next from being undone.
        return


def _note_done(path: Path, key: str) -> None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND)
    except OSError:
        return
    _append_if_possible(fd, {"done": key})
    os.close(fd)
