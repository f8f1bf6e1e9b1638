"""What taps and edges have in common: both are in the wire process, which makes true, and false again, what it is told."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.effects import Effect, Sight
from harness.running.keeper.means import HttpUndo, Undo
from harness.running.wire.client import WireEffect
from harness.running.world.places.base import Place


class WirePlace(Place):
    """Makes what a tap or an edge does true."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        assert isinstance(effect, WireEffect)
        return [HttpUndo(**request) for request in self._reach.the_wire.undo_requests(fault, effect)]

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, WireEffect)
        self._reach.the_wire.inject(fault, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, WireEffect)
        if not self._reach.carriers.wire_gone:
            self._reach.the_wire.revert(fault, effect)

    def ask(self, fault: str, effect: Effect) -> Sight:
        return self._reach.in_the_wire(fault, effect.aim)
