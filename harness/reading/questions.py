"""The questions file: what clients ask, under an id that joins the answers to it, who asks, and what is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from harness.reading.patterns import JsonSchema, Regex
from harness.reading.steps import asked_as
from harness.reading.strict import Strict

QUESTIONS_MAX = 100_000


ANY = "What can you help me with?"
"""What any service can be asked."""


class Expected(Strict):
    """What a right answer says: one of ``text`` (these words in this order), ``matches`` and ``facts``."""

    text: Annotated[str, Field(min_length=1)] | None = Field(default=None, description="words that stand in the answer")
    matches: Regex | None = Field(default=None, description="a regular expression that is found in the answer")
    facts: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="a text whose numbers, dates and names with digits the answer has, too"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Expected:
        if sum(said is not None for said in (self.text, self.matches, self.facts)) != 1:
            raise ValueError("say what a right answer says in one way: text, matches or facts")
        return self


def _as_text(written: object) -> object:
    return {"text": written} if isinstance(written, str) else written


class Tool(Strict):
    """A function that the model may call, offered with a question in the words of the target's protocol."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)]
    description: str | None = None
    parameters: JsonSchema = Field(
        default_factory=lambda: {"type": "object", "properties": {}}, description="a JSON Schema of its arguments"
    )


class Turn(Strict):
    """What a conversation asks next."""

    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")] = Field(description="what is asked")
    expected: Annotated[Expected, BeforeValidator(_as_text)] | None = Field(
        default=None, description="what a right answer to it says"
    )


def _or_text(schema: dict[str, Any]) -> None:
    """Says in the JSON Schema of turns that each may be a text."""
    items = schema["anyOf"][0]
    items["items"] = {"anyOf": [items["items"], {"type": "string", "minLength": 1}]}


class Question(Strict):
    """One question. Answers to the same *id* are compared with one another, and so are those to each of its turns."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")] = Field(description="what is asked")
    user: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\x20-\x7e]+$")] | None = Field(
        default=None, description="who asks; {user} in the target file's body, headers and path"
    )
    region: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=40)] | None = Field(
        default=None,
        description="the region in which what is asked has to stay; residency_violations counts what leaves it",
    )
    expected: Annotated[Expected, BeforeValidator(_as_text)] | None = Field(
        default=None, description="what a right answer says; a text, or one of text, matches, facts"
    )
    turns: list[Annotated[Turn, BeforeValidator(_as_text)]] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="what the same conversation asks after text, one after the other; each a text, or text with expected",
        json_schema_extra=_or_text,
    )
    system: Annotated[str, Field(min_length=1, max_length=100_000)] | None = Field(
        default=None, description="the system prompt of a chat"
    )
    size: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="about so many tokens are asked: words that say nothing stand behind the text"
    )
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(default=None, description="of the answer of a chat")
    tools: list[Tool] | None = Field(default=None, min_length=1, description="what the model of a chat may call")

    @property
    def asked(self) -> Iterator[Question]:
        """Itself, and each of its turns as a question of its own: the second is called ``id#2``."""
        yield self
        for number, turn in enumerate(self.turns or (), start=2):
            changes = {"id": asked_as(self.id, number - 1), "text": turn.text, "expected": turn.expected, "turns": None}
            yield self.model_copy(update=changes)


class Questions(Strict):
    """A set of questions, asked in an order that the run's seed decides."""

    schema_: Literal["harness.questions/1"] = Field(alias="schema")
    questions: list[Question] = Field(min_length=1, max_length=QUESTIONS_MAX)

    @property
    def asked(self) -> dict[str, Question]:
        """Everything that is asked, by what its answers are kept under."""
        return {one.id: one for question in self.questions for one in question.asked}

    @field_validator("questions")
    @classmethod
    def _ids_are_unique(cls, questions: list[Question]) -> list[Question]:
        first: dict[str, int] = {}
        wrongs = []
        for index, question in enumerate(questions):
            known = first.setdefault(question.id, index)
            if known != index:
                wrongs.append(
                    ((index, "id"), f"{question.id!r} is the id of questions[{known}] too; each needs its own")
                )
        if wrongs:
            # Each with its place in the list, so that the reader of the file can tell the line.
            raise PydanticCustomError("placed", "ids are used twice", {"wrongs": wrongs})
        return questions
