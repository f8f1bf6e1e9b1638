"""The rule by which a provider hangs up before it answers."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.effects import HangUp, Rule
from harness.running.wire.edge.rules.base import Asked, Cut, Decision, EdgeRuleKind


class HungUp(EdgeRuleKind[HangUp]):
    """Cuts the connection on which the request came; the provider hears nothing of it."""

    spec: ClassVar[type[Rule]] = HangUp

    def judge(self, asked: Asked) -> Decision:
        return Cut(reset=self.told.by == "reset")
