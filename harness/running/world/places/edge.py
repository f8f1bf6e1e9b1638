"""The edges: where requests over HTTP are answered in the provider's place, and answers delayed, changed or cut."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.effects import EdgeRule, Effect, Sight
from harness.running.keeper.means import HttpUndo, Undo
from harness.running.world.places.base import Place


class EdgePlace(Place):
    """Makes `EdgeRule` true. What it does to requests leaves its mark on them; to look by a request of our own would be one too many."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        assert isinstance(effect, EdgeRule)
        return [HttpUndo(**request) for request in self._reach.the_wire.undo_requests(fault, effect)]

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, EdgeRule)
        self._reach.the_wire.inject(fault, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, EdgeRule)
        if not self._reach.carriers.wire_gone:
            self._reach.the_wire.revert(fault, effect)

    def ask(self, fault: str, effect: Effect) -> Sight:
        return self._reach.in_the_wire(fault, effect.aim)
