"""The health URL of the reference assistant in both its forms: the one sees neither an outage nor the end of a hiccup, the other both."""

from __future__ import annotations

import asyncio

import pytest

from harness.reference import health
from harness.reference.health import GOOD_IN_A_ROW, Connects, Tells
from harness.reference.outcomes import FEWEST, OF_THE_LAST_S, Outcomes


class Clock:
    """Stands still until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def outcomes() -> tuple[Outcomes, Clock]:
    clock = Clock()
    return Outcomes(clock), clock


def answered(outcomes: Outcomes, clock: Clock, *, good: bool, for_s: float) -> None:
    """Ten questions a second are answered."""
    for _ in range(round(10 * for_s)):
        clock.now_s += 0.1
        outcomes.answered(good)


def test_one_that_answers_by_errors_alone_is_unhealthy_before_long(outcomes):
    told, clock = outcomes
    answered(told, clock, good=True, for_s=10)
    assert told.well()
    answered(told, clock, good=False, for_s=OF_THE_LAST_S / 2 + 0.2)
    assert not told.well()


def test_one_that_stumbled_stays_healthy(outcomes):
    told, clock = outcomes
    answered(told, clock, good=True, for_s=10)
    answered(told, clock, good=False, for_s=OF_THE_LAST_S / 2 - 0.2)
    assert told.well()
    answered(told, clock, good=True, for_s=1)
    assert told.well()


def test_a_few_bad_answers_where_few_are_given_say_nothing(outcomes):
    told, _ = outcomes
    for _ in range(FEWEST - 1):
        told.answered(False)
    assert told.well()
    told.answered(False)
    assert not told.well()


def test_it_is_well_again_once_half_of_the_last_answers_were_good(outcomes):
    told, clock = outcomes
    answered(told, clock, good=False, for_s=10)
    assert not told.well()
    answered(told, clock, good=True, for_s=OF_THE_LAST_S / 2 + 0.2)
    assert told.well()


def test_where_nobody_is_sent_any_more_one_question_of_its_own_decides(outcomes):
    told, clock = outcomes
    answered(told, clock, good=False, for_s=10)
    assert not told.well()
    clock.now_s += 60
    assert not told.well(), "nobody knows better"
    told.answered(True)
    assert told.well()


def test_it_asks_a_question_of_its_own_only_where_nobody_else_does(monkeypatch):
    monkeypatch.setattr(health, "EVERY_S", 0.0)
    clock = Clock()
    asked = []

    async def ask() -> None:
        asked.append(clock.now_s)
        told.answered(True)

    told = Tells(ask)
    told._clock = clock
    for _ in range(FEWEST):
        told.answered(False)

    async def watched() -> None:
        task = asyncio.create_task(told.watch())
        for _ in range(10):
            await asyncio.sleep(0)
        assert asked == []
        clock.now_s += OF_THE_LAST_S + 1
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(watched())
    assert len(asked) == 1
    assert told.well()


def test_a_look_at_the_port_takes_one_refusal_for_an_outage_until_it_was_accepted_many_times(free_port):
    port, seen = free_port(), []

    async def looked() -> None:
        told = Connects(f"http://127.0.0.1:{port}")
        for _ in range(2):
            await told.look()
        seen.append(told.well())
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
        async with server:
            for _ in range(GOOD_IN_A_ROW):
                seen.append(told.well())
                await told.look()
            told.answered(False)
            seen.append(told.well())

    asyncio.run(looked())
    assert seen == [*[False] * (GOOD_IN_A_ROW + 1), True]
