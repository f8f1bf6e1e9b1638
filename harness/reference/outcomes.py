"""Whether a service is well, by what became of the questions of the last seconds, and no network."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

OF_THE_LAST_S = 4.0
FEWEST = 5


class Outcomes:
    """Well as long as half of the questions of the last seconds were answered, where there were enough to tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: deque[tuple[float, bool]] = deque()
        self._was_well = True

    def answered(self, good: bool) -> None:
        """A question was answered, well or not."""
        self._last.append((self._clock(), good))

    def well(self) -> bool:
        since_s = self._clock() - OF_THE_LAST_S
        while self._last and self._last[0][0] < since_s:
            self._last.popleft()
        good = sum(was_good for _, was_good in self._last)
        if len(self._last) >= FEWEST:
            self._was_well = 2 * good >= len(self._last)
        elif good and good == len(self._last):
            self._was_well = True
        return self._was_well

    def forgotten(self) -> bool:
        """Whether it was unwell when it was last asked anything, which is so long ago that nobody knows."""
        return not self.well() and not self._last
