"""A clock that jumps: what is planned in between happens, and no time passes for whoever waits."""

from __future__ import annotations

from simulated_world.calls import Calls
from simulated_world.events import Events


class SimClock:
    """The clock of a simulated world; see `ports.Clock`."""

    def __init__(self, events: Events, calls: Calls) -> None:
        self._events, self._calls = events, calls

    def now(self) -> float:
        with self._calls.one("clock.now"):
            return self._events.now_s

    def sleep_until(self, at_s: float) -> None:
        with self._calls.one("clock.sleep_until"):
            self._events.run_until(at_s)
