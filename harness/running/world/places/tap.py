"""The taps: where clients of a link are refused, reset or met with silence, and what passes is late, slow or cut."""

from __future__ import annotations

from harness.faults.effects import Effect, Sight
from harness.running.world.places.wire import WirePlace


class TapPlace(WirePlace):
    """Makes `TapMode` and `TapShape` true, which a client of the link sees at once."""

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        return self._reach.probed(self.ask(fault, effect), timeout_s)
