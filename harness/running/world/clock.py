"""The run's clock: the machine's monotonic one, counted from when the load began."""

from __future__ import annotations

import time


class RunClock:
    """Reads 0 at *zero_s* of the monotonic clock; before `start` it reads 0 all the time."""

    def __init__(self) -> None:
        self.zero_s: float | None = None

    def start(self, zero_s: float) -> None:
        self.zero_s = zero_s

    def now(self) -> float:
        return 0.0 if self.zero_s is None else time.monotonic() - self.zero_s

    def sleep_until(self, at_s: float) -> None:
        time.sleep(max(0.0, at_s - self.now()))
