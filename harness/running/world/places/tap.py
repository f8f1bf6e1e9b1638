"""The taps: where clients of a link are refused, reset, met with silence or shown a bad certificate, and what passes is late or cut."""

from __future__ import annotations

from harness.faults.effects import Effect, Sight, TapCertificate
from harness.running.world.places.wire import WirePlace


class TapPlace(WirePlace):
    """Makes what a tap does true, which a client of the link sees at once."""

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        said = self.ask(fault, effect)
        # A probe speaks in clear, at a port of its own, and is shown no certificate.
        return said if isinstance(effect, TapCertificate) else self._reach.probed(said, timeout_s)
