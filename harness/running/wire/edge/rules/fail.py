"""The rule by which a provider answers an error."""

from __future__ import annotations

from typing import ClassVar

from harness.dialects.bodies import with_body
from harness.faults.effects import Fail, Rule
from harness.running.wire.edge.rules.base import Answer, Asked, Decision, EdgeRuleKind
from harness.running.wire.edge.rules.waiting import Waiting


class Failed(EdgeRuleKind[Fail]):
    """Answers an error."""

    spec: ClassVar[type[Rule]] = Fail

    def judge(self, asked: Asked) -> Decision:
        told, words = self.told, asked.words
        waiting = Waiting(told.told, told.wait_s, asked)
        word = words.word(told.status, told.code)
        answer = words.error(word, waiting.occasion)
        page = not told.code and word.status in words.pages
        answer = with_body(answer, told.body or ("html" if page else "api"))
        retry = {} if told.should_retry is None else {"x-should-retry": str(told.should_retry).lower()}
        return Answer(
            answer.status, answer.reason, answer.body, {**answer.headers, **waiting.headers, **retry, **told.headers}
        )
