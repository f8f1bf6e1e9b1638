"""How much a provider works on at once, and how much it lets wait."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Overloaded(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """Every slot is taken and the queue is full."""


class Slots:
    """*capacity* pieces of work at once; *queue* more wait, first come first served; a further one is Overloaded."""

    def __init__(self, capacity: int, queue: int) -> None:
        self._free = asyncio.Semaphore(capacity)
        self._queue = queue
        self._waiting = 0

    async def __aenter__(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= self._queue:
            raise Overloaded
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.release()
