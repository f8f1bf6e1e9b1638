"""The front door to several regions in both its forms: who is left gets all of it and again, or what it can carry, people first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from openai import OpenAIError

from harness.reference import regions
from harness.reference.regions import KEPT_FOR_PEOPLE, Careful, Eager, Region

AT_ONCE = 4


class Model:
    """Answers when it is told to, or fails at once."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails, self.asked, self.done = fails, 0, asyncio.Event()
        self.chat = SimpleNamespace(completions=self)

    async def create(self, **_: object) -> object:
        self.asked += 1
        if self.fails:
            raise OpenAIError("gone")
        await self.done.wait()
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="30 days"))])


def several(*models: Model) -> list[Region]:
    return [Region(model, AT_ONCE) for model in models]  # type: ignore[arg-type] # stands for the SDK's client


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_an_eager_door_asks_round_and_round_however_much_the_one_that_is_left_has_to_do():
    async def told() -> tuple[int, int]:
        east, west = Model(fails=True), Model()
        door = Eager(several(east, west), standby=False)
        asking = [asyncio.create_task(door.answer("?", "batch")) for _ in range(10 * AT_ONCE)]
        await settled()
        working = west.asked
        west.done.set()
        assert await asyncio.gather(*asking) == ["30 days"] * len(asking)
        return working, east.asked

    assert asyncio.run(told()) == (10 * AT_ONCE, 5 * AT_ONCE)


def test_an_eager_door_gives_up_after_so_many_rounds():
    async def told() -> tuple[str | None, int, int]:
        east, west = Model(fails=True), Model(fails=True)
        return await Eager(several(east, west), standby=True).answer("?", "people"), east.asked, west.asked

    assert asyncio.run(told()) == (None, regions.ROUNDS, regions.ROUNDS)


def test_a_careful_door_sends_a_region_no_more_than_it_can_carry_and_keeps_places_for_people(monkeypatch):
    monkeypatch.setattr(regions, "WAIT_S", 0.0)

    async def told() -> None:
        west = Model()
        door = Careful(several(west), standby=False)
        batch = [asyncio.create_task(door.answer("?", "batch")) for _ in range(2 * AT_ONCE)]
        await settled()
        assert west.asked == AT_ONCE - KEPT_FOR_PEOPLE
        people = [asyncio.create_task(door.answer("?", "people")) for _ in range(KEPT_FOR_PEOPLE + 1)]
        await settled()
        assert west.asked == AT_ONCE
        west.done.set()
        assert (await asyncio.gather(*people)).count(None) == 1
        assert (await asyncio.gather(*batch)).count(None) == AT_ONCE + KEPT_FOR_PEOPLE

    asyncio.run(told())


def test_people_wait_for_a_place_that_is_about_to_be_free():
    async def told() -> str | None:
        west = Model()
        door = Careful(several(west), standby=False)
        before = [asyncio.create_task(door.answer("?", "people")) for _ in range(AT_ONCE)]
        await settled()
        waiting = asyncio.create_task(door.answer("?", "people"))
        await settled()
        assert not waiting.done()
        west.done.set()
        await asyncio.gather(*before)
        return await waiting

    assert asyncio.run(told()) == "30 days"


@pytest.mark.parametrize(("standby", "asked"), [(True, (3, 0)), (False, (2, 1))])
def test_a_standby_is_asked_when_the_first_cannot_and_active_regions_share(standby, asked):
    async def told() -> tuple[int, int]:
        east, west = Model(), Model()
        door = Careful(several(east, west), standby=standby)
        asking = [asyncio.create_task(door.answer("?", "people")) for _ in range(3)]
        await settled()
        for model in (east, west):
            model.done.set()
        await asyncio.gather(*asking)
        return east.asked, west.asked

    assert asyncio.run(told()) == asked


def test_a_region_that_fails_is_left_alone_and_the_other_one_answers():
    async def told() -> tuple[list[str | None], int]:
        east, west = Model(fails=True), Model()
        west.done.set()
        door = Careful(several(east, west), standby=True)
        return [await door.answer("?", "people") for _ in range(10)], east.asked

    assert asyncio.run(told()) == (["30 days"] * 10, regions.FAILURES)
