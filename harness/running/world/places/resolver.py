"""The resolver: where who looks up the name of a link is told something else, or later."""

from __future__ import annotations

from msgspec.structs import replace

from harness.faults.effects import Effect, NameDelay, Sight
from harness.running.world.lookup import look_up
from harness.running.world.places.base import Reach
from harness.running.world.places.wire import WirePlace


class ResolverPlace(WirePlace):
    """Makes what is told of names true, which who asks the resolver sees at once."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._late_s: dict[tuple[str, str], float] = {}
        """By how much each fault in force has an answer late, by fault and link: whoever looks has to wait as long."""

    def inject(self, fault: str, effect: Effect) -> None:
        if isinstance(effect, NameDelay):
            late = effect.late
            self._late_s[fault, effect.aim] = max(late.base_s, late.ramp.start if late.ramp else 0.0)
        super().inject(fault, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        super().revert(fault, effect)
        self._late_s.pop((fault, effect.aim), None)

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        said, link = self.ask(fault, effect), self._reach.links[effect.aim]
        assert link.dns is not None, "only a link that is reached by name is aimed at here"
        assert self._reach.resolver_port is not None, "where a link has a name there is a resolver"
        late_s = sum(late_s for (_, aim), late_s in list(self._late_s.items()) if aim == effect.aim)
        seen = look_up(effect.aim, link.dns.name, self._reach.resolver_port, timeout_s + late_s)
        return replace(said, outcome=seen.outcome, elapsed_s=seen.elapsed_s)
