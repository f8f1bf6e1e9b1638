"""Processes of a run whose keeper is gone: known by the run's mark in their environment, and ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from harness.running.keeper.processes import Process, everyone, look

MARK = "HARNESS_RUN"
"""The variable by which every process that a run starts, and all that those start, can be told from others."""
GRACE_S = 1.0
_KILLED_WITHIN_S = 1.0
_LOOK_AGAIN_S = 0.02
_KEEPER = b"harness-keeper\n"


def strays(run: str) -> list[Process]:
    """The processes of this user that bear the mark of *run* and have no keeper any more; none are found but on Linux."""
    marked = [process for process in everyone() if _bears(process.pid, run)]
    return [process for process in marked if process.pid != os.getpid() and not _kept(process)]


def end(run: str, grace_s: float = GRACE_S) -> list[Process]:
    """Ask the strays of *run* to end, kill them after *grace_s*, and return those that were there."""
    there = strays(run)
    for signum, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, _KILLED_WITHIN_S)):
        for process in (left := _left(there)):
            with suppress(OSError):
                os.kill(process.pid, signum)
                os.kill(process.pid, signal.SIGCONT)  # one that is stopped acts on SIGTERM only then
        late_s = time.monotonic() + wait_s
        while left and (left := _left(there)) and time.monotonic() < late_s:
            time.sleep(_LOOK_AGAIN_S)
    return there


def _left(processes: list[Process]) -> list[Process]:
    return [process for process in processes if (now := look(process.pid)) and now.started == process.started]


def _bears(pid: int, run: str) -> bool:
    mark = f"{MARK}={run}".encode("utf-8", "surrogateescape")
    return mark in _read(f"/proc/{pid}/environ").split(b"\0")


def _kept(process: Process) -> bool:
    """Whether a keeper is above it; of a run that goes on nothing is a stray, whoever claims to have started it."""
    above: Process | None = process
    while above and above.parent > 1:
        if _read(f"/proc/{above.parent}/comm") == _KEEPER:
            return True
        above = look(above.parent)
    return False


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # another user's, or it ended just now
        return b""
