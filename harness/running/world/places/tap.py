"""The taps: where clients of a link are refused, reset or met with silence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.faults.effects import Effect, Sight, TapMode
from harness.running.keeper.means import HttpUndo, Undo
from harness.running.world.places.base import Place


class TapPlace(Place):
    """Makes `TapMode` true."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        assert isinstance(effect, TapMode)
        return [HttpUndo(**request) for request in self._reach.the_wire.undo_requests(fault, effect)]

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, TapMode)
        self._reach.the_wire.inject(fault, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, TapMode)
        if not self._reach.carriers.wire_gone:
            self._reach.the_wire.revert(fault, effect)

    def ask(self, fault: str, effect: Effect) -> Sight:
        return self._reach.in_the_wire(fault, effect.aim)

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        return self._reach.probed(self.ask(fault, effect), timeout_s)
