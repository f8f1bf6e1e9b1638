"""What the reference assistants leave to chance is the same for one seed, and no request's draws hang on those of another."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from openai._models import FinalRequestOptions
from tenacity import RetryCallState

from harness.reference import assistant, fragile
from harness.reference.assistant import Unanswered
from harness.reference.chance import Chance
from harness.reference.failover import Failover
from harness.reference.routing import Limits

STUBBORN = Limits(first_token_s=10.0, gap_s=10.0, no_try_after_s=10.0, backoff_s=0.001)


def test_one_seed_gives_one_request_after_the_other_the_same_draws_however_many_each_takes() -> None:
    one, other = Chance(1, "east"), Chance(1, "east")
    patient = one.next()
    assert [patient.random() for _ in range(3)][:1] == [other.next().random()]
    assert one.next().random() == other.next().random()


@pytest.mark.parametrize(("seed", "region"), [(2, "east"), (1, "west")])
def test_another_seed_or_region_gives_others(seed: int, region: str) -> None:
    assert Chance(seed, region).next().random() != Chance(1, "east").next().random()


def test_what_libraries_draw_hangs_on_the_seed_too() -> None:
    before = random.getstate()
    try:
        drawn = []
        for seed in (1, 1, 2):
            Chance(seed, "east").seed_the_rest()
            drawn.append(random.random())
    finally:
        random.setstate(before)
    assert drawn[0] == drawn[1] != drawn[2]


def _sdk_waits(seed: int, order: list[int]) -> list[float]:
    """How long the SDK waits for each of three requests, which fail in *order*."""
    chance, found = Chance(seed, "east"), dict[int, float]()

    async def answer(number: int, turn: asyncio.Event, after: asyncio.Event) -> None:
        chance.next()
        await turn.wait()
        options = FinalRequestOptions.construct(method="post", url="/")
        found[number] = client._calculate_retry_timeout(2, options)
        after.set()

    async def every() -> None:
        turns = [asyncio.Event() for _ in range(4)]
        turns[0].set()
        place = {number: order.index(number) for number in order}
        await asyncio.gather(*(answer(n, turns[place[n]], turns[place[n] + 1]) for n in range(3)))
        await client.close()

    client = assistant.model_client("http://127.0.0.1:1", timeout_s=1.0, max_retries=2)
    asyncio.run(every())
    return [found[number] for number in range(3)]


def test_the_waits_of_the_sdk_hang_on_the_request_whichever_of_several_fails_first() -> None:
    before = random.getstate()
    assert _sdk_waits(1, [0, 1, 2]) == _sdk_waits(1, [2, 0, 1]) != _sdk_waits(2, [0, 1, 2])
    assert len({*_sdk_waits(1, [0, 1, 2])}) == 3
    assert random.getstate() == before


def _waits(run_with_providers, monkeypatch, seed: int) -> list[float]:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noted(for_s: float) -> None:
        waits.append(for_s)
        await sleep(0)

    async def test(east, west) -> None:
        providers = Failover("east", {"east": east.url, "west": west.url}, STUBBORN, seed)
        monkeypatch.setattr(asyncio, "sleep", noted)
        try:
            for _ in range(2):
                with pytest.raises(Unanswered):
                    await providers.complete(assistant.prompt("Hello?", None), came_s=time.monotonic())
        finally:
            monkeypatch.setattr(asyncio, "sleep", sleep)
            await providers.close()

    run_with_providers(test, ["500"] * 10, ["500"] * 10)
    return waits


def test_the_waits_of_the_resilient_assistant_are_those_of_its_seed(run_with_providers, monkeypatch) -> None:
    first = _waits(run_with_providers, monkeypatch, 1)
    assert first == _waits(run_with_providers, monkeypatch, 1) != _waits(run_with_providers, monkeypatch, 2)
    assert len(set(first)) == len(first) > 1


def test_the_waits_of_the_fragile_assistant_are_those_of_its_seed_and_grow() -> None:
    def waits(seed: int) -> list[float]:
        chance, found = Chance(seed, "east"), []
        for _ in range(200):
            state = RetryCallState(None, None, ("question", chance.next()), {})
            for attempt in (1, 2, 9):
                state.attempt_number = attempt
                found.append(fragile._wait_s(state))
        return found

    assert waits(1) == waits(1) != waits(2)
    assert [max(waits(1)[at::3]) <= most for at, most in ((0, 0.25), (1, 0.5), (2, 1.0))] == [True] * 3
    assert max(waits(1)[2::3]) > 0.9
