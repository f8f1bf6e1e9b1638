"""The rule by which requests go on to the provider later."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.delays import late_s
from harness.faults.effects import Delay, Rule
from harness.running.wire.edge.rules.base import Asked, Decision, EdgeRuleKind, Wait


class Delayed(EdgeRuleKind[Delay]):
    """Has each request wait."""

    spec: ClassVar[type[Rule]] = Delay

    def judge(self, asked: Asked) -> Decision:
        told = self.told
        base_s = told.base_s if told.ramp is None else told.ramp.at(told.base_s, asked.now_s - self.since_s)
        return Wait(late_s(base_s, told.jitter_s, told.distribution, self.lots.next(asked.attempt.lot)))
