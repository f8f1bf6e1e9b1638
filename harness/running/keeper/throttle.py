"""Holds what the keeper started to so much time of the processors: once it has had its share of a tenth of a second, it stands still.

It is what cpulimit does, and what a quota of a control group does from within the kernel (cpu.max of cgroup v2). From outside nothing can
be stopped at the very moment at which its share is used up, so what it had beyond that is taken from what it may have next: over any time
it has its share, and what it may have had between two looks.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from harness.running.keeper.children import Children
from harness.running.keeper.processes import Process, cpu_s, look

PERIOD_S = 0.1
LOOK_S = 0.005
"""It is not looked more often than this at what something has had."""
_KIN_S = 0.5
"""So often it is looked who belongs to it. Who lives for less stands still with the others, and is not counted."""


class Allowance:
    """What is left of the time of *cpu* processors to something that runs on as many as *most*; times are of a monotonic clock."""

    def __init__(self, cpu: float, now_s: float, most: int) -> None:
        self._quota_s, self._most = cpu * PERIOD_S, max(1, most)
        self._left_s, self._began_s = self._quota_s, now_s

    def after(self, now_s: float, spent_s: float) -> float:
        """For how long it may run before it is looked again, now that it has *spent_s* since the last look.

        Negative: it has had its share, and has to stand still for so long.
        """
        self._left_s -= spent_s
        if (periods := int((now_s - self._began_s) / PERIOD_S)) > 0:
            self._began_s += periods * PERIOD_S
            # What it did not use is not saved up; what it had too much is owed.
            self._left_s = min(self._quota_s, self._left_s + periods * self._quota_s)
        ends_s = max(0.001, self._began_s + PERIOD_S - now_s)
        if self._left_s <= 0:
            return -ends_s
        return min(ends_s, max(LOOK_S, self._left_s / self._most))


class _Held:
    """A child, by the *pid* that it had, that is held to its *allowance*."""

    def __init__(self, pid: int, allowance: Allowance, next_s: float) -> None:
        self.pid, self.allowance, self.next_s = pid, allowance, next_s
        self.looked_s, self.stands = float("-inf"), False
        self.family: list[Process] = []
        self.had_s: dict[tuple[int, int], float] = {}


class Throttles:
    """Those of the *children* that are held to so many processors, by name."""

    def __init__(self, children: Children, clock: Callable[[], float] = time.monotonic) -> None:
        self._children, self._clock = children, clock
        self._held: dict[str, _Held] = {}

    def limit(self, name: str, cpu: float) -> int:
        """Hold child *name* and all that came of it to *cpu* processors, or (0) no longer; how many run.

        Raises ValueError for an unknown name.
        """
        running = self._children.signal(name, 0)
        self._free(name)
        if cpu and (pid := self._children.runs(name)):
            now_s = self._clock()
            self._held[name] = _Held(pid, Allowance(cpu, now_s, len(os.sched_getaffinity(0))), now_s)
            self.turn()
        return running

    def free_all(self) -> None:
        """Nothing is held any more, and all of it goes on."""
        for name in list(self._held):
            self._free(name)

    @property
    def wait_ms(self) -> float | None:
        """For how long there is nothing to do; None: for ever."""
        if not self._held:
            return None
        return 1000 * max(0.0, min(held.next_s for held in self._held.values()) - self._clock())

    def turn(self) -> None:
        """Have each stand still, or go on, whose time has come."""
        for name, held in list(self._held.items()):
            now_s = self._clock()
            if self._children.runs(name) != held.pid:
                self._free(name)
            elif now_s >= held.next_s:
                self._turn(name, held, now_s)

    def _turn(self, name: str, held: _Held, now_s: float) -> None:
        if now_s >= held.looked_s + _KIN_S:
            held.family, held.looked_s = self._children.family(name), now_s
        wait_s = held.allowance.after(now_s, _spent_s(held))
        stands = wait_s < 0
        if stands or held.stands:
            self._tell(name, held, signal.SIGSTOP if stands else signal.SIGCONT)
        held.stands, held.next_s = stands, now_s + abs(wait_s)

    def _tell(self, name: str, held: _Held, signum: int) -> None:
        """Its group at once, and each that left it, if that is still who it was."""
        strangers = [one for one in held.family if one.group != held.pid]
        self._children.tell(name, [one for one in strangers if _is_still(one)], signum)

    def _free(self, name: str) -> None:
        if self._held.pop(name, None) is not None:
            self._children.signal(name, signal.SIGCONT)


def _spent_s(held: _Held) -> float:
    """What those who belong to it have had since the last time. Of who was there at first, what it had before is no matter of ours."""
    first, spent_s = not held.had_s, 0.0
    for one in held.family:
        if (now_s := cpu_s(one.pid)) is not None:
            key = one.pid, one.started
            before_s = held.had_s.get(key, now_s if first else 0.0)
            spent_s += max(0.0, now_s - before_s)
            held.had_s[key] = now_s
    return spent_s


def _is_still(one: Process) -> bool:
    found = look(one.pid)
    return found is not None and found.started == one.started
