"""What a connection becomes once client and provider have agreed to speak something else, such as WebSocket: bytes, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.running.wire.farewell import Farewell, Listening
from harness.running.wire.half_close import still_listens
from harness.running.wire.sockets import reset


class Tunnel:
    """Passes on what comes from *near* to *far* and back, until either ends: then *ended* is called, and *gone* when both have.

    How one side ends, the other does: by a close, by a reset, or by half of a close, after which it is told the rest. What Toxiproxy
    would make a close of, the tap is told by *farewell*, and tells by what *listening* hears. A half close is none where nobody can
    tell it from a close, and not through TLS.
    """

    def __init__(
        self,
        near: asyncio.Transport,
        far: asyncio.Transport,
        ended: Callable[[], None],
        gone: Callable[[Tunnel], None],
        farewell: Farewell,
        listening: Listening,
    ) -> None:
        self._near, self._far = near, far
        self._ended: Callable[[], None] | None = ended
        self._gone = gone
        self._farewell, self._listening = farewell, listening
        self._sides = 2
        self._near_hushed = self._far_hushed = False
        """The client, or the provider, says no more."""

    def begin(self, said: bytes, head: bytes) -> None:
        """Tell the client *head*, and what the provider *said* behind it; from now on both are led past all else."""
        self._near.set_protocol(_Side(self._far, self._hear, lambda: False, self._lose_near))
        self._far.set_protocol(_Side(self._near, self._near.write, self._half_close_near, self._lose_far))
        self._near.write(head + said)

    def drop(self) -> None:
        """End both sides at once; nobody is told."""
        self._ended = None
        self._near.abort()
        self._far.abort()

    def _hear(self, data: bytes) -> None:
        """The client said *data*, or the tap how it ended."""
        data, end = self._listening.hear(data)
        if data:
            self._far.write(data)
        if end == "reset":
            reset(self._far)
        elif end == "half" and self._far.can_write_eof() and not self._far_hushed:
            self._near_hushed = True
            self._far.write_eof()
        elif end == "half":
            self._far.close()

    def _half_close_near(self) -> bool:
        """The provider says no more; whether it is told more."""
        self._far_hushed = not self._near_hushed and self._far.can_write_eof() and still_listens(self._far)
        if self._far_hushed and not self._near.is_closing():
            self._near.write(self._farewell.say("half"))
        return self._far_hushed

    def _lose_near(self, exc: Exception | None) -> None:
        if (rest := self._listening.rest()) and not self._far.is_closing():
            self._far.write(rest)
        self._lose()

    def _lose_far(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionResetError) and not self._near.is_closing():
            self._near.write(self._farewell.say("reset"))
        self._lose()

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
    """One side, whose bytes *take* has for *other*; it reads no faster than that takes them. *half*: whether its end is half of it."""

    def __init__(
        self,
        other: asyncio.Transport,
        take: Callable[[bytes], None],
        half: Callable[[], bool],
        end: Callable[[Exception | None], None],
    ) -> None:
        self._other, self._take, self._half, self._end = other, take, half, end

    def data_received(self, data: bytes) -> None:
        if not self._other.is_closing():
            self._take(data)

    def eof_received(self) -> bool:
        return self._half()

    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
