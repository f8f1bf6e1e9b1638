"""One request to a provider, written as it comes, of which it is known when the last byte was: so what was forwarded counts exactly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from harness.http1.answer_head import Head
from harness.record.rows import Arrival
from harness.running.wire.edge.upstream import Upstream
from harness.running.wire.edge.upstream_connection import UpstreamConnection

_LINGER_S = 0.02
"""A provider has this long to take a request up before the edge may close the connection on it."""
_LINGER_STEPS = 5
"""As many turns of the event loop are between: else a moment in which this process stood still would pass for that time."""
_WHOLE_WITHIN_S = 5.0
_WAITING_BYTES = 1 << 18
"""So much of a request waits for a connection; then its client has to wait, too."""


class Hearer(Protocol):
    """Who wants an answer."""

    def hold_back(self, *, full: bool) -> None:
        """No more of the request can be sent right now; or, not *full*, it can again."""

    def hear_interim(self, head: Head) -> None:
        """The provider said *head*, and the answer is still to come."""

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        """The next *pieces* of the answer, whose head is *head*; *whole*: they are the last."""

    def switched(self, head: Head, said: bytes, transport: asyncio.Transport) -> None:
        """The provider goes on with another protocol, as it was asked to, and has *said* this in it; *transport* is the hearer's now."""

    def fail(self, error: Exception) -> None:
        """No answer will come, or not the rest of it."""


class UpstreamRequest:
    """One request for *hearer*, for which *arrival* gets its forwarded_s and redials.

    A kept connection that the provider had ended before the first byte is written is not used, and a fresh one is dialled. Once a byte is
    written the provider may have read it, and done what was asked: then nothing is ever sent again, and the end of the connection is
    what the client is told.
    """

    def __init__(
        self, upstream: Upstream, hearer: Hearer, arrival: Arrival, *, to_head: bool, may_switch: bool = False
    ) -> None:
        self._upstream = upstream
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._last_said = False
        self._hearer = hearer
        self._arrival = arrival
        self._to_head = to_head
        self._may_switch = may_switch
        self._connection: UpstreamConnection | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._let_go: Callable[[], None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Have a connection for the request. The hearer hears of it only after this has returned."""
        connection = self._upstream.take()
        if connection is None:
            self._dial()
        elif connection.left:
            self._redial(connection)
        else:
            self._take_up(connection)

    def say(self, data: bytes, *, last: bool) -> None:
        """Send the next part of the request; *last*: it is whole with that. After its end nothing is sent."""
        self._last_said = last
        if self._connection is not None:
            self._connection.say(data, last=last)
        elif self._dialling is not None:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            if self._waiting_bytes > _WAITING_BYTES:
                self._hearer.hold_back(full=True)

    def end(self) -> None:
        """Let nothing more be heard, and nothing more of the request be written."""
        for timer in (self._late, self._lingering):
            if timer is not None:
                timer.cancel()
        self._late = self._lingering = None
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.let_go()

    def let_go(self, then: Callable[[], None]) -> None:
        """End for a client who has left, and call *then*; the hearer hears no more.

        What had come whole by then was on its way: the provider still gets it, but need not answer.
        """
        self._let_go = then
        self._late = asyncio.get_running_loop().call_later(_WHOLE_WITHIN_S, self._finish)
        if self._arrival.forwarded_s is not None:
            self._linger(_LINGER_STEPS)

    def pause(self) -> None:
        """Take no more of the answer until `resume`."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    # What the connection calls.

    def sent(self) -> None:
        self._arrival.forwarded_s = time.monotonic()
        self._upstream.tally.forwarded += 1
        if self._let_go is not None:
            self._linger(_LINGER_STEPS)

    def hold_up(self, *, full: bool) -> None:
        if self._let_go is None:
            self._hearer.hold_back(full=full)

    def hear_interim(self, head: Head) -> None:
        if self._let_go is None:
            self._hearer.hear_interim(head)

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        if whole:
            self._connection = None
        if self._let_go is not None:
            self._finish()
        else:
            self._hearer.hear(head, pieces, whole=whole)

    def switched(self, head: Head, said: bytes, transport: asyncio.Transport) -> None:
        self._connection = None
        if self._let_go is not None:
            transport.abort()
            self._finish()
        else:
            self._hearer.switched(head, said, transport)

    def lost(self, error: Exception) -> None:
        self._connection = None
        self._fail(error)

    # How the request is sent.

    def _dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._reach())

    async def _reach(self) -> None:
        try:
            connection = await self._upstream.dial()
        except (OSError, UnicodeError) as error:
            self._dialling = None
            self._fail(error)
        else:
            self._dialling = None
            self._take_up(connection)

    def _take_up(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        connection.take_up(self, to_head=self._to_head, may_switch=self._may_switch)
        if self._waiting:
            waiting, self._waiting = b"".join(self._waiting), []
            if self._waiting_bytes > _WAITING_BYTES:
                self._hearer.hold_back(full=False)
            connection.say(waiting, last=self._last_said)

    def _redial(self, ended: UpstreamConnection) -> None:
        ended.let_go()
        self._arrival.redials += 1
        self._upstream.tally.redials += 1
        self._dial()

    # How it ends.

    def _fail(self, error: Exception) -> None:
        if self._let_go is not None:
            self._finish()
        else:
            self._hearer.fail(error)

    def _linger(self, steps: int) -> None:
        if steps:
            wait_s = _LINGER_S / _LINGER_STEPS
            self._lingering = asyncio.get_running_loop().call_later(wait_s, self._linger, steps - 1)
        else:
            self._finish()

    def _finish(self) -> None:
        then, self._let_go = self._let_go, None
        self.end()
        if then is not None:
            then()
