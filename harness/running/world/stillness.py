"""Whether a process that a run waits for has been stopped (SIGSTOP), so that nobody need wait for it; Linux tells that in /proc."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from harness.problems import HarnessError
from harness.running.keeper.processes import is_stopped

_EVERY_S, _LOOKS = 0.5, 10
"""So often it is looked, and so many looks in a row have to find a process stopped: whole machines pause for a moment, too."""


class Stillness:
    """Looks at *processes*, by name, from time to time."""

    def __init__(
        self,
        processes: Mapping[str, int],
        is_stopped: Callable[[int], bool] = is_stopped,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processes, self._is_stopped, self._clock = processes, is_stopped, clock
        self._looked_s = clock()
        self._found: dict[str, int] = {}

    def check(self) -> None:
        """Raises HarnessError, which names who it is, for a process that has been stopped for five seconds of looking."""
        if self._clock() < self._looked_s + _EVERY_S:
            return
        self._looked_s = self._clock()
        for name, pid in self._processes.items():
            self._found[name] = self._found.get(name, 0) + 1 if self._is_stopped(pid) else 0
            if self._found[name] >= _LOOKS:
                what = "was stopped (SIGSTOP) while it was waited for, and goes on only once somebody continues it"
                raise HarnessError(f"process {name} (pid {pid}) {what}: kill -CONT {pid}, or run again")
