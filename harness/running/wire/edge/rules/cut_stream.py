"""The rule by which a stream is over before its end."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.effects import CutStream, Rule
from harness.protocols.model_stream import ModelEvent
from harness.running.wire.edge.rules.base import Asked, Cut, Deed, EdgeRuleKind, End, Following
from harness.running.wire.edge.rules.of_events import AtContent


class StreamCut(EdgeRuleKind[CutStream]):
    """Cuts a stream at an event."""

    spec: ClassVar[type[Rule]] = CutStream

    def follow(self, asked: Asked) -> Following:
        return _Cutting(self.told)


class _Cutting(AtContent):
    def __init__(self, told: CutStream) -> None:
        super().__init__(told.after)
        self._by = told.by

    def then(self, event: ModelEvent) -> list[Deed]:
        return [End() if self._by == "end" else Cut(reset=self._by == "reset")]
