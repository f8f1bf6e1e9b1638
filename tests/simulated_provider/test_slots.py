from __future__ import annotations

import asyncio

import pytest

from harness.simulated_provider.slots import Overloaded, Slots


def test_beyond_capacity_and_queue_one_more_is_overloaded_and_others_are_served_in_order():
    async def main() -> None:
        slots, finish, served, refused = Slots(2, 3), asyncio.Event(), [], []

        async def work(name: int) -> None:
            try:
                async with slots:
                    served.append(name)
                    await finish.wait()
            except Overloaded:
                refused.append(name)

        works = [asyncio.create_task(work(name)) for name in range(7)]
        while len(refused) < 2:
            await asyncio.sleep(0)
        assert (served, refused) == ([0, 1], [5, 6])
        finish.set()
        await asyncio.gather(*works)
        assert served == [0, 1, 2, 3, 4]

    asyncio.run(main())


def test_a_slot_is_free_again_after_work_that_failed_and_a_place_in_the_queue_after_one_who_gave_up():
    async def main() -> None:
        slots = Slots(1, 1)
        with pytest.raises(ZeroDivisionError):
            async with slots:
                raise ZeroDivisionError
        async with slots:
            waiting = asyncio.create_task(slots.__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await slots.__aenter__()
            waiting.cancel()
            await asyncio.wait([waiting])
            waiting = asyncio.create_task(slots.__aenter__())
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    asyncio.run(main())
