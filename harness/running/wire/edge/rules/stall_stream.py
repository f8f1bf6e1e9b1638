"""The rule by which a stream says no more for a while, and stays open."""

from __future__ import annotations

import math
from typing import ClassVar

from harness.faults.effects import Rule, StallStream
from harness.protocols.model_stream import ModelEvent
from harness.running.wire.edge.rules.base import Asked, Deed, EdgeRuleKind, Following, Wait
from harness.running.wire.edge.rules.of_events import AtContent


class StreamStalled(EdgeRuleKind[StallStream]):
    """Stalls a stream at an event."""

    spec: ClassVar[type[Rule]] = StallStream

    def follow(self, asked: Asked) -> Following:
        return _Stalling(self.told)


class _Stalling(AtContent):
    def __init__(self, told: StallStream) -> None:
        super().__init__(told.after)
        self._lasts_s = math.inf if told.lasts_s is None else told.lasts_s

    def then(self, event: ModelEvent) -> list[Deed]:
        return [Wait(self._lasts_s)]
