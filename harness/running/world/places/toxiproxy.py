"""The Toxiproxy proxies: where what passes on a link is delayed, throttled, sliced or cut."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.effects import Cut, Effect, Sight, Toxic
from harness.running.keeper.means import HttpUndo, Undo
from harness.running.world.places.base import Place


class ToxiproxyPlace(Place):
    """Makes `Toxic` and `Cut` true."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        assert isinstance(effect, Toxic | Cut)
        return [HttpUndo(**request) for request in self._reach.proxies.undo_effect_requests(fault, effect)]

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, Toxic | Cut)
        self._reach.proxies.inject(fault, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, Toxic | Cut)
        if not self._reach.carriers.proxy_gone:
            self._reach.proxies.revert(fault, effect)

    def ask(self, fault: str, effect: Effect) -> Sight:
        stands, amiss = self._reach.proxies.found(fault, effect.aim)
        return Sight(effect.aim, stands=stands, amiss=amiss)

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        return self._reach.probed(self.ask(fault, effect), timeout_s)
