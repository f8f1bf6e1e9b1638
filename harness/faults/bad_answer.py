"""The fault in which an answer is good in form, and wrong in what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.dialects import dialects
from harness.faults.base import OfRequests
from harness.faults.effects import AnswerFlaw, Rule, SpoilAnswer
from harness.reading.target import Link

_SAYING = frozenset({"language", "refusal", "model", "fingerprint"})


class BadAnswer(OfRequests):
    """An answer, whole or streamed, is a success and no good: empty, cut short, a wrong fact, another's, another model's, and more."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "empty answer, empty response, 200 without text": "on: {kind: provider}, flaw: empty",
        "finish_reason length, answer cut short by max_tokens": "on: {kind: provider}, flaw: length",
        "hallucination, wrong fact, degraded quality": "on: {kind: provider}, flaw: wrong_fact, share: 0.3",
        'refusal, "I cannot help with that"': "on: {kind: provider}, flaw: refusal, share: 0.3",
        "another user's answer, leak between conversations, mixed up": "on: {kind: provider}, flaw: other_conversation, share: 0.3",
        "answer in another language, wrong language": "on: {kind: provider}, flaw: language",
        "JSON off its schema, structured output broken": "on: {kind: provider}, flaw: off_schema",
        "another model served, silent downgrade, changed system fingerprint": "on: {kind: provider}, flaw: model",
        "wrong tool calls, function calling, arguments that do not fit": "on: {kind: provider}, flaw: tool_arguments",
        "wrong usage, token counts off, surprising bill": "on: {kind: provider}, flaw: usage, times: 1.3",
    }

    kind: Literal["bad_answer"] = "bad_answer"
    flaw: AnswerFlaw = Field(
        description="empty: no text; length: cut short, and it says so; language: another one; wrong_fact: every number is another one; "
        "refusal; other_conversation: the last answer to another one; off_schema: JSON of another form; model, fingerprint: "
        "another one served; tool_names, tool_arguments (a JSON string in place of an object), tool_parallel (each call twice): calls of "
        "tools; usage: more tokens are counted"
    )
    says: str = Field(
        default="",
        description="of language, refusal, model and fingerprint: what the answer says or names; default: some text or name",
    )
    characters: Annotated[int, Field(ge=0)] = Field(default=20, description="of length: how much of the text comes")
    times: Annotated[float, Field(gt=0)] = Field(
        default=1.3, description="of usage: so many times the tokens, rounded up"
    )

    @model_validator(mode="after")
    def _with_its_own_settings(self) -> Self:
        for setting, flaws in (("says", _SAYING), ("characters", {"length"}), ("times", {"usage"})):
            if setting in self.model_fields_set and self.flaw not in flaws:
                raise ValueError(f"{setting} is for the flaw {' or '.join(sorted(flaws))}, and this one is {self.flaw}")
        return self

    @classmethod
    def suits(cls, link: Link) -> bool:
        return super().suits(link) and dialects[link.speaks].changeable

    def misfit(self, link: Link) -> str:
        if not dialects[link.speaks].changeable:
            return f"speaks {link.speaks}, whose answers {self.kind} cannot change; it changes OpenAI's and Anthropic's"
        if self.flaw == "fingerprint" and not dialects[link.speaks].prints:
            return f"speaks {link.speaks}, whose answers have no fingerprint; name another model with flaw: model"
        return ""

    def rule(self) -> Rule:
        return SpoilAnswer(self.flaw, self.says, self.characters, self.times)

    def summary(self) -> str:
        return f"bad_answer {self.flaw}{self.whom}"
