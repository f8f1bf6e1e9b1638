"""How a process of the target, and all that it started, is held to less: its processor time by the keeper, its memory by the kernel.

Time: it is stopped and continued (`harness.running.keeper.throttle`). Memory: the kernel gives each process no more addresses than it has
and what it has left below the limit (RLIMIT_AS, setrlimit(2)), so that asking for more fails. What is only reserved counts, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.faults.effects import Limited, Sight
from harness.problems import HarnessError
from harness.reading.quantities import byte_count_said
from harness.running.keeper.means import Continue, MemoryUndo, Undo
from harness.running.keeper.processes import LINUX, Process, below, cpu_s, everyone, look
from harness.running.world.places.base import Reach

_NO_LIMIT = -1  # resource.RLIM_INFINITY, of a module that is not there everywhere
_LATE_S, _LATE_SHARE = 1.0, 0.1
"""What it may have had beyond its share without anybody having lifted its limit: between two looks, and on a busy machine."""
_PASSES_MAX = 20

At = tuple[str, str]


@dataclass
class _Limit:
    """What was done to a process, and to all that it started."""

    leader: Process
    began_s: float
    had_s: Mapping[int, float]
    undos: Sequence[Undo]
    soft: dict[int, int] = field(default_factory=dict)
    """How many bytes of addresses each may have."""


class ProcessLimits:
    """Makes `Limited` true of processes that the harness started."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._in_force: dict[At, _Limit] = {}

    def misfit(self, effect: Limited) -> str:
        if not LINUX:
            return "a process can be held to less on Linux alone; limit a container, or break its links"
        most = len(os.sched_getaffinity(0))
        if effect.cpu is not None and effect.cpu >= most:
            return f"process {effect.aim} has no more than {most} processors already; hold it to less"
        if effect.memory_bytes is None:
            return ""
        family = self._family(effect.aim)
        try:
            softs = {_addresses(one.pid)[0] for one in family}
            if why := _too_much(effect.aim, [_had(one.pid) for one in family], effect.memory_bytes):
                return why
        except (OSError, AttributeError) as error:
            return f"the memory of process {effect.aim} cannot be limited here ({error}); limit a container"
        return (
            ""
            if len(softs) == 1
            else f"process {effect.aim} and what it started have different limits of memory already"
        )

    def undo(self, effect: Limited) -> list[Undo]:
        leader = self._leader(effect.aim)
        undos: list[Undo] = [] if effect.cpu is None else [Continue(leader.pid, leader.started)]
        if effect.memory_bytes is not None:
            undos.append(MemoryUndo(leader.pid, leader.started, _addresses(leader.pid)[0]))
        return undos

    def inject(self, at: At, effect: Limited) -> None:
        name = effect.aim
        leader, family = self._leader(name), self._family(name)
        had_s = {one.pid: cpu_s(one.pid) or 0.0 for one in family}
        limit = self._in_force[at] = _Limit(leader, time.monotonic(), had_s, self.undo(effect))
        if effect.memory_bytes is not None:
            # One that runs out of it may end, and that is no other end than the one that was asked for.
            self._reach.the_processes.excuse(name)
            self._hold_memory(limit, name, effect.memory_bytes)
        if effect.cpu is not None:
            self._reach.the_processes.limit(name, effect.cpu)

    def revert(self, at: At) -> None:
        limit = self._in_force.get(at)
        if limit is None:
            return
        processes, name = self._reach.the_processes, at[1]
        if any(isinstance(undo, Continue) for undo in limit.undos):
            processes.limit(name, 0.0)
        for undo in limit.undos:
            gone, why = undo.carry_out(1.0)
            if not gone:
                raise HarnessError(f"process {name}: {why}")
        if any(isinstance(undo, MemoryUndo) for undo in limit.undos):
            if _runs(limit.leader):
                processes.miss(name)
            else:
                processes.start_again(name, 0.0)
        del self._in_force[at]

    def ask(self, at: At, effect: Limited) -> Sight:
        limit = self._in_force.get(at)
        if limit is None:
            return Sight(effect.aim, answered=0, stands=False)
        if not _runs(limit.leader):
            ended = effect.memory_bytes is not None
            return Sight(effect.aim, answered=int(ended), stands=ended or None)
        amiss = "; ".join(filter(None, [_memory_amiss(limit), _time_amiss(limit, effect)]))
        return Sight(effect.aim, answered=int(not amiss), stands=not amiss, amiss=amiss)

    def _hold_memory(self, limit: _Limit, name: str, most: int) -> None:
        """Hold all of them, and those that they start meanwhile; what one starts afterwards is held as it is itself."""
        import resource

        for _ in range(_PASSES_MAX):
            new = [one for one in self._family(name) if one.pid not in limit.soft]
            if not new:
                return
            for one in new:
                try:
                    soft, hard = _addresses(one.pid)
                    had = _had(one.pid)
                    if why := _too_much(name, [had], most):
                        raise HarnessError(why)
                    wanted = had.addresses + most - had.resident
                    limit.soft[one.pid] = min(value for value in (wanted, soft, hard) if value != _NO_LIMIT)
                    resource.prlimit(one.pid, resource.RLIMIT_AS, (limit.soft[one.pid], hard))
                except (ProcessLookupError, FileNotFoundError):
                    limit.soft.pop(one.pid, None)  # it ended meanwhile
                except OSError as error:
                    raise HarnessError(f"the memory of process {name} cannot be limited: {error}") from error

    def _leader(self, name: str) -> Process:
        found = look(self._reach.the_processes.pids[name])
        if found is None:
            raise HarnessError(f"process {name} has ended before, so it cannot be held to less")
        return found

    def _family(self, name: str) -> list[Process]:
        leader = self._leader(name)
        return [leader, *below({leader.pid}, everyone())]


def _addresses(pid: int) -> tuple[int, int]:
    """How many bytes of addresses *pid* may use, and how far it could raise that itself; -1: any number. Raises OSError."""
    import resource

    return resource.prlimit(pid, resource.RLIMIT_AS)


class _Had(NamedTuple):
    """How many bytes of addresses a process uses, and how many of them are in memory."""

    addresses: int
    resident: int


def _had(pid: int) -> _Had:
    """What *pid* has now. Raises OSError where it has ended."""
    told = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    addresses, resident, *_ = (int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in told.split())
    return _Had(addresses, resident)


def _too_much(name: str, had: Sequence[_Had], most: int) -> str:
    """That a process has more than it may have, which nobody can take from it; empty where none has."""
    largest = max((one.resident for one in had), default=0)
    if largest <= most:
        return ""
    has = f"process {name} has {byte_count_said(largest)} of memory"
    return f"{has}, and none can be taken from a process; say more than that, or limit a container"


def _runs(leader: Process) -> bool:
    found = look(leader.pid)
    return found is not None and found.started == leader.started


def _memory_amiss(limit: _Limit) -> str:
    for pid, soft in limit.soft.items():
        try:
            now = _addresses(pid)[0]
        except OSError:
            continue  # that one has ended
        if now == _NO_LIMIT or now > soft:
            return "it may use more memory than it was told; somebody else has changed its limit"
    return ""


def _time_amiss(limit: _Limit, effect: Limited) -> str:
    """What there is to say of how much time of the processors they had since."""
    if effect.cpu is None:
        return ""
    lasted_s, had_s = time.monotonic() - limit.began_s, sum(_had_since(limit))
    if had_s <= effect.cpu * lasted_s * (1 + _LATE_SHARE) + _LATE_S:
        return ""
    return f"it had {had_s / lasted_s:.2g} processors, more than {effect.cpu:g}; somebody else has continued it"


def _had_since(limit: _Limit) -> Iterator[float]:
    for one in [limit.leader, *below({limit.leader.pid}, everyone())]:
        yield (cpu_s(one.pid) or 0.0) - limit.had_s.get(one.pid, 0.0)
