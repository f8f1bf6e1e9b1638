"""The semantic cache in both its forms: a mark of the user in front of a long question keeps nobody apart, a cache of one's own does."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from openai import OpenAIError

from harness.reference.accounts import Asked
from harness.reference.cache import FRESH_S, Assistant, Cache, meaning

LONG = "Please tell me what the credit limit of my account is this month"
ANN, BOB = Asked(LONG, "ann"), Asked(LONG, "bob")


class Model:
    """Says what stands in its prompt, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked, self.gone, self.chat = 0, False, SimpleNamespace(completions=self)

    async def create(self, *, messages: list[dict[str, str]], **_: object) -> object:
        self.asked += 1
        if self.gone:
            raise OpenAIError("gone")
        said = messages[-1]["content"]
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=said))])


def answers(apart: bool, *asked: Asked) -> tuple[list[str | None], int]:
    """What is answered, one after the other, and how often the model was asked."""
    model = Model()
    assistant = Assistant(model, Cache(apart=apart))  # type: ignore[arg-type] # stands for the SDK's client

    async def ask() -> list[str | None]:
        return [(await assistant.answer(one))[0] for one in asked]

    return asyncio.run(ask()), model.asked


def test_where_who_asks_is_one_word_of_many_the_second_user_is_given_the_answer_of_the_first():
    (to_ann, to_bob), asked = answers(False, ANN, BOB)
    assert to_bob == to_ann
    assert "500 euros" in str(to_bob)
    assert asked == 1


def test_where_each_user_has_a_cache_of_their_own_nobody_is_given_the_answer_of_another():
    (to_ann, to_bob, again), asked = answers(True, ANN, BOB, ANN)
    assert "500 euros" in str(to_ann)
    assert "20 euros" in str(to_bob)
    assert (again, asked) == (to_ann, 2)


@pytest.mark.parametrize("apart", [True, False])
def test_what_means_something_else_is_asked_of_the_model_and_a_mark_says_nothing(apart):
    other = Asked("Could you tell me at which branch my account is held", "ann")
    marked = Asked(f"{LONG} [n-0123456789]", "ann")
    said, asked = answers(apart, ANN, other, marked)
    assert (asked, said[2]) == (2, said[0])


def test_what_is_no_longer_fresh_is_asked_anew_and_answered_as_it_was_while_the_model_is_gone():
    model, now_s = Model(), [0.0]
    assistant = Assistant(model, Cache(apart=True, clock=lambda: now_s[0]))  # type: ignore[arg-type] # stands for the SDK's client

    async def ask() -> list[tuple[str | None, bool]]:
        first = await assistant.answer(ANN)
        now_s[0] = FRESH_S
        assert await assistant.answer(ANN) == first
        now_s[0], model.gone = 3 * FRESH_S, True
        during = [await assistant.answer(ANN), await assistant.answer(BOB)]
        model.gone = False
        return [first, *during, await assistant.answer(BOB)]

    first, to_ann, to_bob, later = asyncio.run(ask())
    assert model.asked == 5
    assert to_ann == (first[0], True)
    assert to_bob == (None, False)
    assert "20 euros" in str(later[0])


def test_a_likeness_is_one_for_the_same_words_and_nothing_for_none():
    assert meaning("one two") @ meaning("two, one!") == pytest.approx(1)
    assert meaning("one two") @ meaning("three") == 0
    assert not meaning("").any()
