"""The rule by which a provider answers an error."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.effects import Fail, Rule
from harness.running.wire.edge.rules.base import Asked, Decision, EdgeRuleKind


class Failed(EdgeRuleKind[Fail]):
    """Answers an error."""

    spec: ClassVar[type[Rule]] = Fail

    def judge(self, asked: Asked) -> Decision:
        return asked.words.error(self.told.status, request_id=asked.request_id)
