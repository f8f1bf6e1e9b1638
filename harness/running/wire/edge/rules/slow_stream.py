"""The rule by which a stream comes slowly: its first content late, or little by little."""

from __future__ import annotations

import math
from typing import ClassVar

from harness.faults.effects import Rule, SlowStream
from harness.protocols.model_stream import ModelEvent
from harness.running.wire.edge.rules.base import Asked, Deed, EdgeRuleKind, Following, Wait
from harness.running.wire.edge.rules.of_events import OfEvents

_DRIPS_PER_S = 10


class StreamSlowed(EdgeRuleKind[SlowStream]):
    """Puts off what a stream says."""

    spec: ClassVar[type[Rule]] = SlowStream

    def follow(self, asked: Asked) -> Following:
        return _Slowing(self.told.at(asked.now_s - self.since_s))


class _Slowing(OfEvents):
    reads_only: ClassVar[bool] = True

    def __init__(self, told: SlowStream) -> None:
        super().__init__()
        self._told = told
        self._begun = False

    def event(self, event: ModelEvent) -> list[Deed]:
        told, waits = self._told, list[Deed]()
        if event.content and not self._begun:
            self._begun = True
            waits = [Wait(told.first_token_s)] if told.first_token_s else []
        elif event.content and told.token_gap_s:
            waits = [Wait(told.token_gap_s, after_told=True)]
        drips = _drips(event.raw, told.bytes_per_s) if told.bytes_per_s and self._begun else [event.raw]
        self.touched = self.touched or bool(waits) or len(drips) > 1
        return [*waits, *drips]


def _drips(raw: bytes, bytes_per_s: int) -> list[Deed]:
    """*raw* in pieces, each as long after the one before it as it takes at this rate."""
    size = math.ceil(bytes_per_s / _DRIPS_PER_S)
    deeds: list[Deed] = []
    for at in range(0, len(raw), size):
        drip = raw[at : at + size]
        deeds += [Wait(len(drip) / bytes_per_s, after_told=True), drip]
    return deeds
