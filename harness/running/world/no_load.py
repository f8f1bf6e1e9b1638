"""The load of a run that sends none, since the service's own traffic is watched: its clock goes, until watching ends."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.record.run_folder import RunFolder
from harness.running.world.clock import RunClock


class NoLoad:
    """Nobody who asks, for as long as *total_s*; see `ports.Load`, and `world.load.LoadChild`, in whose place it stands."""

    def __init__(self, total_s: float) -> None:
        self.clock = RunClock()
        self._total_s, self._stopped = total_s, False

    def spawn(self, say: Callable[[str], None] = lambda _: None) -> None:
        """There is nothing to start."""

    def ready(self) -> bool:
        return True

    def set_off(self) -> float:
        """Sets the run's clock going: it reads 0 now. Returns that moment on the monotonic clock."""
        zero_s = time.monotonic()
        self.clock.start(zero_s)
        return zero_s

    def start(self) -> None:
        """Watching has begun with the clock."""

    def check(self) -> None:
        """Nothing of it can be lost."""

    def ended(self) -> bool:
        return self._stopped or self.clock.now() >= self._total_s

    def stop(self) -> None:
        self._stopped = True

    def account(self, folder: RunFolder) -> None:
        """It leaves nothing behind."""
