"""How the resilient assistant asks its providers; it stands in region east."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from harness.reference import assistant
from harness.reference.assistant import Unanswered
from harness.reference.failover import Failover
from harness.reference.routing import Limits

PATIENT = Limits(first_token_s=10.0, gap_s=10.0, no_try_after_s=10.0, backoff_s=0.001)
QUICK = replace(
    PATIENT, first_token_s=0.3, gap_s=0.3
)  # Only where a provider is silent, and nobody else has to answer.
SILENT = {"hang", "stall"}


class QuickAtFirst:
    """Limits that are over soon for a request's first try alone: who is asked next has all the time that this machine takes."""

    tries = 0

    @property
    def first_token_s(self) -> float:
        self.tries += 1
        return self.gap_s

    @property
    def gap_s(self) -> float:
        return QUICK.gap_s if self.tries == 1 else PATIENT.gap_s


@contextlib.asynccontextmanager
async def over(east, west, limits: Limits = PATIENT) -> AsyncIterator[Failover]:
    providers = Failover("east", {"west": west.url, "east": east.url}, limits)
    try:
        yield providers
    finally:
        await providers.close()


async def ask(providers: Failover) -> str:
    return await providers.complete(assistant.prompt("Hello?", None), came_s=time.monotonic())


async def ask_often(providers: Failover, times: int) -> list[str]:
    """The answers, asked for one after the other; a request that was not answered is the reason why."""
    answers = []
    for _ in range(times):
        try:
            answers.append(await ask(providers))
        except Unanswered as why:
            answers.append(str(why))
    return answers


def test_while_all_is_well_only_the_own_region_is_asked_and_once(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            assert await ask_often(providers, 5) == ["It is 7."] * 5
            assert (len(east.attempts), len(west.attempts)) == (5, 0)

    run_with_providers(test, ["good"], ["good"])


@pytest.mark.parametrize(
    "word", ["hang", "500", "503", "429", "stall", "close", "truncated", "length", "empty", "broken", "error"]
)
def test_when_the_own_region_fails_in_any_way_the_other_one_answers(run_with_providers, word):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            if word in SILENT:
                providers._limits = QuickAtFirst()
            assert await ask(providers) == "It is 7."
            assert (len(east.attempts), len(west.attempts)) == (1, 1)

    run_with_providers(test, [word], ["good"])


def test_a_refused_connection_is_a_failure_like_any_other(run_with_providers, free_port):
    async def test(east, west) -> None:
        east.url = f"http://127.0.0.1:{free_port()}"
        async with over(east, west) as providers:
            assert await ask(providers) == "It is 7."

    run_with_providers(test, ["good"], ["good"])


def test_a_request_that_the_provider_finds_wrong_is_not_asked_again(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            with pytest.raises(Unanswered, match="400"):
                await ask(providers)
            assert (len(east.attempts), len(west.attempts)) == (1, 0)

    run_with_providers(test, ["400"], ["good"])


def test_a_prompt_that_is_too_long_for_one_provider_is_put_to_another_and_to_each_once(run_with_providers):
    async def answered(east, west) -> None:
        async with over(east, west) as providers:
            assert await ask(providers) == "It is 7."
            assert (len(east.attempts), len(west.attempts)) == (1, 1)

    async def refused(east, west) -> None:
        async with over(east, west) as providers:
            with pytest.raises(Unanswered, match="too long"):
                await ask(providers)
            assert (len(east.attempts), len(west.attempts)) == (1, 1)

    run_with_providers(answered, ["too long"], ["good"])
    run_with_providers(refused, ["too long"], ["too long"])


def test_the_sdk_adds_no_tries_of_its_own(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            await ask(providers)
            assert {attempt["x-stainless-retry-count"] for attempt in (*east.attempts, *west.attempts)} == {"0"}

    run_with_providers(test, ["500"], ["good"])


@pytest.mark.parametrize(("word", "asked"), [("close", 5), ("truncated", 5), ("500", 20), ("429", 20)])
def test_a_link_that_keeps_failing_is_left_alone_and_one_that_refuses_at_once_is_given_more_time(
    run_with_providers, word, asked
):
    async def test(east, west) -> None:
        async with over(east, west, replace(PATIENT, breaker_open_s=60.0)) as providers:
            assert await ask_often(providers, 30) == ["It is 7."] * 30
            assert (len(east.attempts), len(west.attempts)) == (asked, 30)

    run_with_providers(test, [word], ["good"])


def test_a_link_that_works_again_is_found_by_one_probe_and_used(run_with_providers, eventually):
    async def test(east, west) -> None:
        async with over(east, west, replace(PATIENT, breaker_open_s=0.05)) as providers:
            await ask_often(providers, 5)
            await asyncio.gather(*(ask(providers) for _ in range(10)))
            assert len(east.attempts) <= 6, "at most one of those at once was a probe"

            async def back() -> bool:
                before = len(west.attempts)
                await ask(providers)
                return len(west.attempts) == before

            for _ in range(1000):
                if await back():
                    break
            assert await ask_often(providers, 5) == ["It is 7."] * 5
            assert await back()

    run_with_providers(test, ["close"] * 5 + ["good"], ["good"])


def test_a_limited_link_cools_for_as_long_as_it_asks_and_costs_no_budget(run_with_providers):
    async def test(east, west) -> None:
        east.headers = {"retry-after": "30"}
        async with over(east, west) as providers:
            while providers.routing.budget.take():
                pass
            assert await ask_often(providers, 10) == ["It is 7."] * 10
            assert (len(east.attempts), len(west.attempts)) == (1, 10)

    run_with_providers(test, ["429"], ["good"])


@pytest.mark.parametrize(
    ("said", "for_s"),
    [({}, None), ({"retry-after-ms": "20"}, 0.02), ({"retry-after": "7"}, 7.0), ({"retry-after": "tomorrow"}, None)],
)
def test_when_a_limited_link_may_be_asked_again_is_what_it_says(run_with_providers, monkeypatch, said, for_s):
    async def test(east, west) -> None:
        east.headers = said
        told = []
        async with over(east, west) as providers:
            monkeypatch.setattr(providers.routing, "limited", lambda tried, for_s: told.append((tried.link, for_s)))
            await ask(providers)
            assert told == [("east", for_s)]

    run_with_providers(test, ["429"], ["good"])


def test_when_both_regions_fail_a_request_makes_nine_tries_at_most_in_turn(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            with pytest.raises(Unanswered, match="500"):
                await ask(providers)
            assert (len(east.attempts), len(west.attempts)) == (5, 4)

    run_with_providers(test, ["500"], ["500"])


def test_when_both_regions_fail_for_long_the_budget_holds_the_tries_down(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west, replace(PATIENT, breaker_failures=10_000)) as providers:
            await ask_often(providers, 60)
            assert len(east.attempts) + len(west.attempts) == 120 + 10, "one free failover each, and the budget once"

    run_with_providers(test, ["500"], ["500"])


def test_when_both_regions_fail_for_long_the_breakers_hold_the_tries_down(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west, replace(PATIENT, no_try_after_s=0.02, breaker_open_s=60.0)) as providers:
            await ask_often(providers, 60)
            assert len(east.attempts) <= 20
            assert len(west.attempts) <= 20

    run_with_providers(test, ["500"], ["500"])


def test_no_try_is_begun_when_the_request_has_waited_too_long(run_with_providers):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            late_s = time.monotonic() + PATIENT.no_try_after_s + 1.0
            providers.routing.clock = lambda: late_s if east.attempts else 0.0
            with pytest.raises(Unanswered, match="gave up after 1 tries; last: east: "):
                await ask(providers)
            assert (len(east.attempts), len(west.attempts)) == (1, 0)

    run_with_providers(test, ["500"], ["good"])


def test_a_caller_who_leaves_ends_the_try_and_counts_neither_for_nor_against_the_link(run_with_providers, eventually):
    async def test(east, west) -> None:
        async with over(east, west) as providers:
            asking = [asyncio.create_task(ask(providers)) for _ in range(8)]
            await eventually(lambda: len(east.attempts) == 8, "all have asked")
            for task in asking:
                task.cancel()
            await eventually(lambda: east.left == 8, "the provider sees all of them leave")
            east.script = ["good"]
            assert await ask(providers) == "It is 7."
            assert (len(east.attempts), len(west.attempts)) == (9, 0)

    run_with_providers(test, ["hang"], ["good"])
