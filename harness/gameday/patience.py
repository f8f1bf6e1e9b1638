"""How long a day waits for people who say nothing, before it is stopped and closed: a scheduler cannot be held up for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from harness.suites.spending import spelt


class Patience:
    """Counts *limit_s* seconds on *clock*, which nobody sets, from when somebody was heard last; None: people are waited for for ever."""

    def __init__(self, limit_s: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s, self._clock = limit_s, clock
        self._heard, self._since_s, self._warned = -1, 0.0, False

    def left(self, heard: int) -> timedelta | None:
        """For how much longer people are waited for who were heard last at event *heard*; None: for ever. Counts from the first call."""
        if self._limit_s is None:
            return None
        if heard != self._heard:
            self._heard, self._since_s, self._warned = heard, self._clock(), False
        return timedelta(seconds=self._since_s + self._limit_s - self._clock())

    def quiet(self, heard: int) -> timedelta:
        """For how long there is nothing to say of it, where there is a limit."""
        left = self.left(heard) or timedelta()
        half = timedelta(seconds=(self._limit_s or 0.0) / 2)
        return left - half if left > half else left

    def warning(self, heard: int) -> str:
        """What everybody should know now that half of the time is over; said once, empty before and after that."""
        left = self.left(heard)
        if left is None or self._limit_s is None or self._warned or left.total_seconds() > self._limit_s / 2:
            return ""
        self._warned = True
        half = spelt(self._limit_s / 2)
        return f"nobody has said anything for {half}; unless somebody does within {half} more, the day is stopped and closed"

    @property
    def over(self) -> str:
        """Why the day is stopped once nothing is left."""
        return f"nobody said anything for {spelt(self._limit_s or 0.0)}"
