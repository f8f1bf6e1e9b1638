"""A connection that a client made to the edge, on which its requests are answered one by one, in order."""

from __future__ import annotations

import asyncio
from collections import deque

from harness.http1.headers import value
from harness.http1.other_protocols import refusal, spoken
from harness.http1.request import MalformedError, Request, RequestReading
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.exchange import Exchange
from harness.running.wire.sockets import reset as end_by_reset
from harness.running.wire.sockets import unbuffered

PROBE_PATH = b"/.harness/probe"
PROBE_HEADER = b"x-harness-probe"

_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LINGER_S = 1.0
"""How long what a refused client still says is read, since a close before that would take the answer from it."""
_WAITING_MAX = 32


class Connection(asyncio.Protocol):
    """One of *all_of_them* at an edge, with the *account* that it keeps."""

    _transport: asyncio.Transport

    def __init__(self, account: Account, all_of_them: set[Connection]) -> None:
        self._account = account
        self._all = all_of_them
        self._reading = RequestReading()
        self._waiting: deque[Request] = deque()
        self._exchange: Exchange | None = None
        self._malformed = False
        self._told_to_go_on: Request | None = None
        self._advancing = False
        self._gone = False
        self._full = False
        self._opening: bytes | None = b""
        """What has come as long as nobody can tell whether that is HTTP/1.1."""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = unbuffered(transport)
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        if self._gone or self._malformed:
            return
        if self._opening is not None:
            self._opening += data
            protocol = spoken(self._opening)
            if protocol is None:
                return
            data, self._opening = self._opening, None
            if protocol:
                self._refuse(refusal(protocol, self._account.refuse(protocol).encode()))
                return
        try:
            self._waiting += self._reading.feed(data)
        except MalformedError:
            self._waiting += self._reading.begun()
            self._malformed = True
        self._advance()

    def eof_received(self) -> None:
        # Toxiproxy treats a half-closed connection as closed, so the client has left.
        self.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        self.leave()

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.resume()

    # What the edge calls.

    def leave(self) -> None:
        """The client is there no longer, or is to be treated so."""
        if self._gone:
            return
        self._gone = True
        self._waiting.clear()
        if self._exchange is not None:
            self._exchange.leave()

    def drop(self) -> None:
        self._transport.abort()

    # What the exchange calls.

    @property
    def flushed(self) -> bool:
        """Whether all that was written has been given to the system."""
        return not self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def done(self, *, keep_alive: bool) -> None:
        """The exchange is over, and its answer written."""
        self._exchange = None
        if not keep_alive:
            self.cut()
        elif not self._advancing:
            self._advance()

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection once what was written has been sent; or *reset* it, and then what has not been sent is lost."""
        self._exchange = None
        self._gone = True
        self._waiting.clear()
        if reset:
            end_by_reset(self._transport)
        else:
            self._transport.close()

    def hand_over(self) -> asyncio.Transport:
        """The connection as such: what is said on it from now on is for another protocol."""
        self._exchange = None
        self._gone = True
        self._waiting.clear()
        self._all.discard(self)
        return self._transport

    # What comes next.

    def _advance(self) -> None:
        self._advancing = True
        while self._exchange is None and self._waiting and self._waiting[0].whole:
            self._serve(self._waiting.popleft())
        self._advancing = False
        if self._exchange is None and not self._gone:
            if self._malformed:
                self._refuse(_BAD_REQUEST)
            elif self._waiting:
                self._tell_to_go_on(self._waiting[0])
        self._look_if_full()

    def _serve(self, request: Request) -> None:
        if request.target == PROBE_PATH and any(name.lower() == PROBE_HEADER for name, _ in request.headers):
            self.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            self.done(keep_alive=request.keep_alive)
            return
        self._exchange = Exchange(self._account, request, self)
        self._exchange.begin()

    def _tell_to_go_on(self, request: Request) -> None:
        if (
            request.old
            or request is self._told_to_go_on
            or value(request.headers, b"expect").lower() != b"100-continue"
        ):
            return
        self._told_to_go_on = request
        self.write(_GO_ON)

    def _refuse(self, answer: bytes) -> None:
        self._gone = True
        self.write(answer)
        if not self._transport.is_closing():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _look_if_full(self) -> None:
        # A client that asks faster than it is answered has to wait.
        full = len(self._waiting) > _WAITING_MAX
        if full != self._full and not self._transport.is_closing():
            self._full = full
            (self._transport.pause_reading if full else self._transport.resume_reading)()
