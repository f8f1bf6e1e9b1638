"""The questions file: what clients ask, one line of text each, under an id that joins the answers to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Question(_Strict):
    """One question. Answers to the same *id* are compared with one another."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
    text: Annotated[str, Field(min_length=1, max_length=4000)] = Field(description="what is asked")


class Questions(_Strict):
    """A set of questions, asked in an order that the run's seed decides."""

    schema_: Literal["harness.questions/1"] = Field(alias="schema")
    questions: list[Question] = Field(min_length=1, max_length=10_000)

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
