"""The processes of this machine, as Linux shows them in /proc; elsewhere only whether one process exists."""

from __future__ import annotations

import os
import sys
import time
from typing import NamedTuple

LINUX = sys.platform == "linux"


class Process(NamedTuple):
    """One process; *started* tells it from a later one with the same pid (clock ticks since boot; 0 where unknown)."""

    pid: int
    parent: int
    group: int
    session: int
    started: int


def look(pid: int) -> Process | None:
    """The process *pid*, or None where there is none; one that has ended and only waits to be reaped is none."""
    if not LINUX:
        return Process(pid, 0, 0, 0, 0) if _exists(pid) else None
    state, *fields = _fields(pid) or (b"Z",)
    if state in b"ZX":
        return None
    parent, group, session, *more = map(int, fields)
    return Process(pid, parent, group, session, more[15])


def is_stopped(pid: int) -> bool:
    """Whether the process *pid* was stopped by a signal or a debugger; False also where the system does not tell."""
    return LINUX and _fields(pid)[:1] in ([b"T"], [b"t"])


def cpu_s(pid: int) -> float | None:
    """How much time of the processors the process *pid* has had, in seconds, with all its threads; None where nobody can tell."""
    try:
        # The clock of another process, as clock_getcpuclockid(3) makes its number on Linux.
        return time.clock_gettime((~pid << 3) | 2) if LINUX else None
    except OSError:
        return None


def everyone() -> list[Process]:
    """Every process that runs; empty where there is no /proc."""
    if not LINUX:
        return []
    with os.scandir("/proc") as entries:
        seen = [look(int(entry.name)) for entry in entries if entry.name.isdigit()]
    return [process for process in seen if process]


def below(roots: set[int], processes: list[Process]) -> list[Process]:
    """Those of *processes* that descend from one of *roots*; the roots themselves are left out."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in found and child.pid not in roots:
                found[child.pid] = child
                waiting.append(child.pid)
    return list(found.values())


def _fields(pid: int) -> list[bytes]:
    """What /proc says of *pid*, from its state on; nothing where there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return []
    try:
        line = os.read(fd, 4096)
    except OSError:  # it ended between the two calls
        return []
    finally:
        os.close(fd)
    # The name stands in parentheses and may itself contain spaces and parentheses.
    return line[line.rindex(b")") + 2 :].split()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
