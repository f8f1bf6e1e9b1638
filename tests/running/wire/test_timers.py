"""A wait of the wire's is never shorter than it was told to be, whatever the clock of the loop is cut to."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop

from harness.running.wire.timers import in_at_least


@pytest.mark.parametrize("delay_s", [0.0, 0.0004, 0.001, 0.0025])
def test_no_timer_rings_early(delay_s: float) -> None:
    async def shortest_s() -> float:
        took_s = []
        for _ in range(40):
            rang = asyncio.get_running_loop().create_future()
            began_s = time.monotonic()
            in_at_least(delay_s, lambda rang=rang: rang.set_result(time.monotonic()))
            took_s.append(await rang - began_s)
        return min(took_s)

    assert uvloop.run(shortest_s()) >= delay_s
