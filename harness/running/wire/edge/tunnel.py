"""What a connection becomes once client and provider have agreed to speak something else, such as WebSocket: bytes, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Tunnel:
    """Passes on what comes from *near* to *far* and back, until either ends: then *ended* is called, and *gone* when both have."""

    def __init__(
        self,
        near: asyncio.Transport,
        far: asyncio.Transport,
        ended: Callable[[], None],
        gone: Callable[[Tunnel], None],
    ) -> None:
        self._near, self._far = near, far
        self._ended: Callable[[], None] | None = ended
        self._gone = gone
        self._sides = 2

    def begin(self, said: bytes, head: bytes) -> None:
        """Tell the client *head*, and what the provider *said* behind it; from now on both are led past all else."""
        self._near.set_protocol(_Side(self._far, self._lose))
        self._far.set_protocol(_Side(self._near, self._lose))
        self._near.write(head + said)

    def drop(self) -> None:
        """End both sides at once; nobody is told."""
        self._ended = None
        self._near.abort()
        self._far.abort()

    def _lose(self) -> None:
        """One side is there no longer."""
        self._sides -= 1
        ended, self._ended = self._ended, None
        # What either said last still goes out.
        self._near.close()
        self._far.close()
        if ended is not None:
            ended()
        if not self._sides:
            self._gone(self)


class _Side(asyncio.Protocol):
    """One side, whose bytes go to *other*; it reads no faster than that takes them."""

    def __init__(self, other: asyncio.Transport, end: Callable[[], None]) -> None:
        self._other = other
        self._end = end

    def data_received(self, data: bytes) -> None:
        if not self._other.is_closing():
            self._other.write(data)

    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
