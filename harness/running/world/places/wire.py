"""What taps and edges have in common: both are in the wire process, which makes true, and false again, what it is told."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.effects import EdgeRule, Effect, Sight, TapAnswers, TapMode, TapShape
from harness.running.keeper.means import HttpUndo, Undo
from harness.running.world.places.base import Place


class WirePlace(Place):
    """Makes `TapMode`, `TapShape` and `EdgeRule` true."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        assert isinstance(effect, TapMode | TapShape | TapAnswers | EdgeRule)
        return [HttpUndo(**request) for request in self._reach.the_wire.undo_requests(fault, effect)]

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, TapMode | TapShape | TapAnswers | EdgeRule)
        self._reach.the_wire.inject(fault, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, TapMode | TapShape | TapAnswers | EdgeRule)
        if not self._reach.carriers.wire_gone:
            self._reach.the_wire.revert(fault, effect)

    def ask(self, fault: str, effect: Effect) -> Sight:
        return self._reach.in_the_wire(fault, effect.aim)
