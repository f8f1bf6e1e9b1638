"""A timer that never rings early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import ceil

_CUT_S = 0.001


def in_at_least(delay_s: float, then: Callable[..., None], *arguments: object) -> asyncio.TimerHandle:
    """Have the running loop call *then* no sooner than *delay_s* from now.

    libuv counts whole milliseconds from a clock that it cuts to them, so its own timers ring up to one too early
    (https://docs.libuv.org/en/v1.x/timer.html), and uvloop rounds a delay to the nearest one.
    """
    return asyncio.get_running_loop().call_later((ceil(delay_s / _CUT_S) + 1) * _CUT_S, then, *arguments)
