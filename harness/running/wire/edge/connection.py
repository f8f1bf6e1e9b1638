"""A connection that a client made to the edge, on which its requests are answered one by one, in order."""

from __future__ import annotations

import asyncio
from collections import deque

from harness.http1.other_protocols import refusal, spoken
from harness.http1.request import MalformedError, Request, RequestReading
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.exchange import Exchange
from harness.running.wire.intake import MUCH_BYTES, Intake
from harness.running.wire.sockets import unbuffered

PROBE_PATH = b"/.harness/probe"
PROBE_HEADER = b"x-harness-probe"

_LINGER_S = 1.0
"""How long what a refused client still says is read, since a close before that would take the answer from it."""
_WAITING_MAX = 32
_WAITING_BYTES = 1 << 18
"""So many requests, or so much of them, wait behind one that is being answered."""


class Connection(asyncio.Protocol):
    """One of *all_of_them* at an edge, with the *account* that it keeps."""

    _transport: asyncio.Transport
    _intake: Intake

    def __init__(self, account: Account, all_of_them: set[Connection]) -> None:
        self._account = account
        account.connections += 1
        self.number = account.connections
        self._all = all_of_them
        self._reading = RequestReading()
        self._waiting: deque[Request] = deque()
        self._request: Request | None = None
        self._exchange: Exchange | None = None
        self._malformed = ""
        self._advancing = False
        self._gone = False
        self._full = False
        self._held_back = False
        self._opening: bytes | None = b""
        """What has come as long as nobody can tell whether that is HTTP/1.1."""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = unbuffered(transport)
        self._intake = Intake(self._transport)
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        if len(data) >= MUCH_BYTES:
            self._intake.came(len(data))
        if self._gone or self._malformed:
            return
        if self._opening is not None:
            self._opening += data
            protocol = spoken(self._opening)
            if protocol is None:
                return
            data, self._opening = self._opening, None
            if protocol:
                self._refuse(refusal(protocol, self._account.refuse_protocol(protocol).encode()))
                return
        try:
            self._waiting += self._reading.feed(data)
        except MalformedError as malformed:
            self._waiting += self._reading.begun()
            self._malformed = str(malformed)
        if self._exchange is not None:
            self._exchange.go_on()
        self._advance()

    def eof_received(self) -> None:
        # Toxiproxy treats a half-closed connection as closed, so the client has left.
        self.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        self.leave()
        self._reading.let_go()

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
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()

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
        request, self._exchange = self._request, None
        # An answer may come before the provider has taken all of the request, and nobody says then that it takes more.
        self._held_back = False
        if not keep_alive and request is not None and not request.whole:
            self._linger()
        elif not keep_alive:
            self.cut()
        elif not self._advancing and (self._waiting or self._malformed or self._full):
            self._advance()

    def hold_back(self, *, full: bool) -> None:
        """No more of the request is wanted right now; or, not *full*, it is again."""
        self._held_back = full
        self._look_if_full()

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection once what was written has been sent; or have the tap *reset* it then."""
        self._exchange = None
        self._gone = True
        self._waiting.clear()
        if reset:
            self.write(self._account.farewell.say())
        self._transport.close()

    def hand_over(self) -> asyncio.Transport:
        """The connection as such: what is said on it from now on is for another protocol."""
        self._exchange = None
        self._gone = True
        self._waiting.clear()
        self._all.discard(self)
        self._reading.let_go()
        return self._transport

    # What comes next.

    def _advance(self) -> None:
        self._advancing = True
        while self._exchange is None and self._waiting and not self._gone:
            self._serve(self._waiting.popleft())
        self._advancing = False
        if self._malformed and not self._gone:
            self._stop()
        if self._full or self._waiting:
            self._look_if_full()

    def _serve(self, request: Request) -> None:
        if request.target == PROBE_PATH and any(name.lower() == PROBE_HEADER for name, _ in request.headers):
            self.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            self.done(keep_alive=request.keep_alive)
            return
        self._request = request
        self._exchange = Exchange(self._account, request, self)
        self._exchange.go_on()

    def _stop(self) -> None:
        """What the client says is no request any more: what was asked before is answered, and then it is told."""
        if self._exchange is not None and self._request is not None and not self._request.whole:
            answering = self._exchange.answering
            self._exchange.leave()
            self._exchange = None
            if answering:
                self.cut()
        if self._exchange is None and not self._gone:
            self._refuse(refusal("", self._account.refuse(self._malformed).encode() + b"\n"))

    def _refuse(self, answer: bytes) -> None:
        self.write(answer)
        self._linger()

    def _linger(self) -> None:
        """Say no more, and read on for a while, so that what was said is not lost."""
        self._gone = True
        self._waiting.clear()
        if not self._transport.is_closing():
            self._intake.release()
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _look_if_full(self) -> None:
        # A client that asks faster than it is answered has to wait.
        full = self._held_back or (bool(self._waiting) and self._too_many_wait())
        if full != self._full and not self._transport.is_closing() and not self._gone:
            self._full = full
            (self._intake.hold if full else self._intake.release)()

    def _too_many_wait(self) -> bool:
        return len(self._waiting) > _WAITING_MAX or sum(each.untaken for each in self._waiting) > _WAITING_BYTES
