"""What faults leave of a provider's capacity, and of its speed, at the moment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Annotated

import msgspec

_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Times = Annotated[float, msgspec.Meta(ge=1)]


class Ramp(msgspec.Struct, frozen=True):
    """A value that is at *start* first, and moves evenly to what it was told to be in *over_s*."""

    start: float
    over_s: Annotated[float, msgspec.Meta(gt=0)]

    def at(self, value: float, after_s: float) -> float:
        return value + (self.start - value) * max(0.0, 1 - after_s / self.over_s)


class Taken(msgspec.Struct, frozen=True):
    """What one fault takes: *share_ratio* of the capacity is left, and an answer takes *slow* times as long."""

    share_ratio: _Share = 1.0
    slow: _Times = 1.0
    share_ramp: Ramp | None = None
    slow_ramp: Ramp | None = None

    def share_at(self, after_s: float) -> float:
        return self.share_ramp.at(self.share_ratio, after_s) if self.share_ramp else self.share_ratio

    def slow_at(self, after_s: float) -> float:
        return self.slow_ramp.at(self.slow, after_s) if self.slow_ramp else self.slow


class Shortage:
    """What all faults in force take together; *felt* counts, by fault, the chats that had to wait, were refused or took longer for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: dict[str, tuple[Taken, float]] = {}
        self.felt: Counter[str] = Counter()

    @property
    def in_force(self) -> dict[str, int]:
        """How many chats have felt each fault that is in force."""
        return {fault: self.felt[fault] for fault in self._taken}

    def put(self, fault: str, taken: Taken) -> None:
        """Have *fault* take that; told the same twice, it goes on as it began."""
        was = self._taken.get(fault)
        if was is None or was[0] != taken:
            self._taken[fault] = (taken, self._clock())

    def drop(self, fault: str) -> None:
        """Have *fault* take nothing any more."""
        self._taken.pop(fault, None)

    @property
    def left(self) -> float:
        """The share of the capacity that is there at the moment; the greatest shortage counts, as of one cause."""
        now_s = self._clock()
        return min((taken.share_at(now_s - since_s) for taken, since_s in self._taken.values()), default=1.0)

    def short(self) -> None:
        """A chat had to wait, or was refused, for want of capacity."""
        now_s = self._clock()
        self.felt.update(
            fault for fault, (taken, since_s) in self._taken.items() if taken.share_at(now_s - since_s) < 1
        )

    def slow(self) -> float:
        """How many times as long an answer takes that is begun now."""
        now_s, times = self._clock(), 1.0
        for fault, (taken, since_s) in self._taken.items():
            by = taken.slow_at(now_s - since_s)
            times *= by
            self.felt.update([fault] if by > 1 else [])
        return times
