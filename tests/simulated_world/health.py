"""Services with a health URL: one that goes by whether its provider accepts a connection, and one that goes by what users get."""

from __future__ import annotations

from harness.protocols.asking import Asked
from harness.reference.outcomes import Outcomes
from simulated_world.events import Process
from simulated_world.fragile import Fragile
from simulated_world.service import Answer, Surroundings


class _Once(Fragile):
    timeout_s, sdk_tries, loops = 2.5, 1, 1


class GoesByConnections(_Once):
    """Unhealthy from one refusal on until so many looks in a row went well."""

    looks = 20

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._missing = 0

    def healthy(self) -> bool:
        accepts = self._around.wire.accepts(self._around.providers[0])
        self._missing = max(0, self._missing - 1) if accepts else self.looks
        return not self._missing


class GoesByOutcomes(_Once):
    """Healthy while half of its last answers were good."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._outcomes = Outcomes(lambda: around.events.now_s)

    def answer(self, asked: Asked) -> Process[Answer | None]:
        found = yield from super().answer(asked)
        self._outcomes.answered(found is not None)
        return found

    def healthy(self) -> bool:
        return self._outcomes.well()
