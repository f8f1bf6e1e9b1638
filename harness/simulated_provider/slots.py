"""How much a provider works on at once, and how much it lets wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType


class Overloaded(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """Every slot is taken and the queue is full."""


class Slots:
    """*capacity* pieces of work at once; *queue* more wait, first come first served; a further one is Overloaded.

    *left* says what share (0-1) of the capacity there is at the moment, of which one slot always stays; *short* is called for each piece
    of work that has to wait, or is refused, for want of the rest.
    """

    def __init__(
        self,
        capacity: int,
        queue: int,
        left: Callable[[], float] = lambda: 1.0,
        short: Callable[[], None] = lambda: None,
    ) -> None:
        self._capacity, self._queue, self._left, self._short = capacity, queue, left, short
        self._working = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if not self._waiting and self._working < self._now:
            self._working += 1
            return
        if self._working < self._capacity:
            self._short()
        if len(self._waiting) >= self._queue:
            raise Overloaded
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end_one()  # It was its turn just then.
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_one()

    def fill(self) -> None:
        """Have those who wait begin, as far as there is room; to be called when there may be more of it than there was."""
        while self._waiting and self._working < self._now:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._working += 1
                turn.set_result(None)

    def _end_one(self) -> None:
        self._working -= 1
        self.fill()

    @property
    def _now(self) -> int:
        """How much it works on at once at the moment."""
        return max(1, round(self._capacity * self._left()))
