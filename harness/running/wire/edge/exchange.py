"""What becomes of one request at the edge: a row, and an answer from the provider or from a fault."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from hashlib import blake2b
from typing import Protocol

from harness.http1.headers import Headers, end_to_end, value, written
from harness.http1.request import Request
from harness.protocols.nonce import NonceSearch, lot
from harness.record.rows import Arrival, ArrivalOutcome
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.outgoing import Outgoing
from harness.running.wire.edge.reading import Prompt, Reader, reader
from harness.running.wire.edge.response import Head
from harness.running.wire.edge.rules.base import Answer, Asked, Cut, Wait
from harness.running.wire.edge.rules.in_force import PASSED, Ruling
from harness.running.wire.edge.upstream_request import UpstreamRequest
from harness.running.wire.secrets import SECRET, path_alone

_NOT_ASKED_ON = frozenset({b"host", b"content-length", b"expect"})
_TUNNELLED = frozenset({b"websocket"})
_WITH_BODY = frozenset({b"POST", b"PUT", b"PATCH"})
_WITHOUT_BODY = frozenset({204, 304})

_log = logging.getLogger(__name__)


class Client(Protocol):
    """Who is answered."""

    @property
    def flushed(self) -> bool:
        """Whether all that was written has been given to the system."""

    def write(self, data: bytes) -> None: ...

    def done(self, *, keep_alive: bool) -> None:
        """The answer is complete."""

    def hand_over(self) -> asyncio.Transport:
        """Its connection as such, on which it speaks another protocol from now on."""

    def cut(self, *, reset: bool = False) -> None:
        """The rest of the answer will not come: close the connection once what was written has been sent, or *reset* it."""


class Exchange:
    """One *request* at the edge that keeps *account*, from its last byte to its row."""

    def __init__(self, account: Account, request: Request, client: Client) -> None:
        self._account = account
        self._request = request
        self._client = client
        self._arrival = Arrival(account.link, time.monotonic(), path=path_alone(request.target.decode("latin-1")))
        self._prompt = Prompt(b"")
        self._outgoing: Outgoing | None = None
        self._putting_off: asyncio.TimerHandle | None = None
        self._upstream_request: UpstreamRequest | None = None
        self._answer: _Framed | None = None
        self._reading: Reader | None = None
        self._whole = False
        self._over = False
        self._held_up = False
        """The client is told more slowly than the provider speaks, since a rule says so."""

    def begin(self) -> None:
        """Answer, or have the provider answer; the client may be done before this returns."""
        try:
            self._begin()
        except Exception:  # noqa: BLE001 - a defect of ours must not look like the client's or the provider's: it is a cut, and said.
            self._break()

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        """The provider said the next *pieces*."""
        try:
            self._hear(head, pieces, whole=whole)
        except Exception:  # noqa: BLE001 - as above
            self._break()

    def switched(self, head: Head, said: bytes, transport: asyncio.Transport) -> None:
        """The provider has agreed to go on with another protocol, and has *said* this in it; no rule touches what is said in one."""
        self._over = True
        self._upstream_request = None
        self._arrival.first_byte_s = time.monotonic()
        self._arrival.status = head.status
        headers = [*end_to_end(head.headers), *_upgrade(self._request)]
        first = b"HTTP/1.1 %d %b" % (head.status, head.reason)
        tunnel = self._account.join(self._arrival, self._client.hand_over(), transport)
        tunnel.begin(said, written(first, headers))

    def fail(self, error: Exception) -> None:
        """The provider will not answer, or not to the end."""
        if self._answer is not None:
            self._end("truncated")
        else:
            if self._arrival.forwarded_s is None:
                self._arrival.detail = self._account.complain(error)
            self._end("closed")
        self._client.cut()

    def leave(self) -> None:
        """The client is there no longer."""
        if self._putting_off is not None:
            self._putting_off.cancel()
        if self._outgoing is not None:
            self._outgoing.end()
        if self._over:
            return
        if self._upstream_request is None:
            if self._putting_off is not None:
                self._end("client_left")
            return
        if self._answer is not None:
            self._end("client_left")
            self._upstream_request.end()
            return
        self._over = True
        self._arrival.end_s = time.monotonic()
        self._account.afterwards(self._upstream_request, lambda: self._account.end(self._arrival, "client_left"))

    def pause(self) -> None:
        """The client reads more slowly than the provider speaks."""
        if self._upstream_request is not None:
            self._upstream_request.pause()

    def resume(self) -> None:
        """The client has read all that there was."""
        if self._whole:
            self._complete()
        elif self._upstream_request is not None and not self._held_up:
            self._upstream_request.resume()

    # The request.

    def _begin(self) -> None:
        self._account.arrivals.begin(self._arrival)
        body = bytes(self._request.body)
        self._arrival.nonce = self._nonce(body)
        ruling = self._account.rules.judge(self._seen(body)) if self._account.rules.faults else PASSED
        match ruling.decision:
            case Answer() as answer:
                self._read(body)
                self._answer_for_fault(ruling.fault, answer)
            case Cut(reset):
                self._read(body)
                self.cut(ruling.fault, reset=reset)
            case Wait(seconds):
                self._read(body)
                self.touched(ruling.fault)
                self._putting_off = asyncio.get_running_loop().call_later(seconds, self._ask, ruling, body)
            case _:
                self._ask(ruling, body)
                # Once the request is on its way: nothing is heard before this returns.
                self._read(body)

    def _ask(self, ruling: Ruling, body: bytes) -> None:
        """Have the provider answer."""
        self._putting_off = None
        if ruling.following:
            self._outgoing = Outgoing(ruling.following, self)
        self._upstream_request = UpstreamRequest(
            self._account.upstream,
            self._request_upstream(body),
            self,
            self._arrival,
            to_head=self._request.method == b"HEAD",
            may_switch=bool(_upgrade(self._request)),
        )
        self._upstream_request.begin()

    def _seen(self, body: bytes) -> Asked:
        """The request as rules see it."""
        link, request, nonce = self._account.link, self._request, self._arrival.nonce
        identity = f"{link}/{nonce}/{self._account.arrivals.begun[link]}"
        request_id = "req_" + blake2b(identity.encode(), digest_size=16).hexdigest()
        model = Prompt(body).model
        said = (request.method, request.target, request.headers, body, model)
        return Asked(lot(nonce), *said, request_id, self._arrival.start_s, self._account.words)

    def _nonce(self, body: bytes) -> str:
        search = NonceSearch(self._account.nonces)
        for name, said in self._request.headers:
            if name.lower() not in SECRET:
                search.header(name.lower(), said)
        search.target(self._request.target)
        search.piece(body)
        return search.found

    def _read(self, body: bytes) -> None:
        self._prompt = Prompt(body)
        self._arrival.messages_sha256 = self._prompt.messages_sha256

    @property
    def _host(self) -> bytes:
        """The one that the client asked for."""
        return value(self._request.headers, b"host")

    def _request_upstream(self, body: bytes) -> bytes:
        request = self._request
        headers = end_to_end(request.headers, _NOT_ASKED_ON) + _upgrade(request)
        if body or request.method in _WITH_BODY:
            headers.append((b"Content-Length", b"%d" % len(body)))
        host = self._host if self._account.keeps_host else b""
        return self._account.upstream.request(request.method, request.target, headers, body, host)

    # The answer.

    def _answer_for_fault(self, fault: str, said: Answer) -> None:
        arrival = self._arrival
        self.touched(fault)
        arrival.status = said.status
        arrival.first_byte_s = time.monotonic()
        headers = [*_encoded(said.headers.items()), (b"Content-Length", b"%d" % len(said.body))]
        answer = _Framed(self._request, said.status, said.reason.encode(), headers)
        self._client.write(answer.head + answer.part([said.body], whole=True))
        self._end("answered_by_fault")
        self._client.done(keep_alive=answer.keep_alive)

    def _hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        said = b"" if self._answer is not None else self._begin_answer(head)
        if self._reading is not None:
            for piece in pieces:
                self._reading.feed(piece)
        if self._outgoing is None:
            self.tell(pieces, whole=whole, said=said)
        else:
            self._client.write(said)
            self._outgoing.hear(pieces, whole=whole)

    def _begin_answer(self, head: Head) -> bytes:
        """The head of the answer as the client is told it."""
        self._arrival.first_byte_s = time.monotonic()
        self._arrival.status = head.status
        account = self._account
        headers, self._arrival.astray = account.addresses.told(
            head.status, end_to_end(head.headers), self._host, kept=account.keeps_host
        )
        self._reading = _reader(head.status, headers)
        if self._outgoing is not None:
            headers = self._outgoing.head(head.status, headers)
            if self._outgoing.reframes:
                headers = [line for line in headers if line[0].lower() != b"content-length"]
        self._answer = _Framed(self._request, head.status, head.reason, headers)
        return self._answer.head

    # What is told the client.

    def tell(self, pieces: list[bytes], *, whole: bool, said: bytes = b"") -> None:
        assert self._answer is not None
        # All at once, and before anything that can wait.
        self._client.write(said + self._answer.part(pieces, whole=whole))
        if whole:
            self._whole = True
            if self._client.flushed:
                self._complete()

    def cut(self, fault: str, *, reset: bool) -> None:
        self.touched(fault)
        self._end("cut_by_fault")
        if self._upstream_request is not None:
            self._upstream_request.end()
        self._client.cut(reset=reset)

    def touched(self, fault: str) -> None:
        if self._arrival.fault != fault:
            self._arrival.fault = fault
            self._account.by_fault[fault] += 1

    def hold_up(self, *, full: bool) -> None:
        if full != self._held_up:
            self._held_up = full
            (self.pause if full else self.resume)()

    # The end.

    def _complete(self) -> None:
        if self._over:
            return
        assert self._answer is not None
        self._end("complete")
        self._client.done(keep_alive=self._answer.keep_alive)

    def _end(self, outcome: ArrivalOutcome) -> None:
        self._over = True
        if self._reading is not None:
            self._arrival.tokens_out = self._reading.end()
            counted = self._reading.tokens_in
            self._arrival.tokens_in = self._prompt.tokens_estimate if counted is None else counted
        self._account.end(self._arrival, outcome)

    def _break(self) -> None:
        _log.exception("link %s: a request could not be carried", self._account.link)
        self._over = True
        if self._upstream_request is not None:
            self._upstream_request.end()
        self._client.cut()


class _Framed:
    """How an answer to *request* is framed for its client, whatever framed it for us."""

    __slots__ = ("_bodiless", "_chunked", "head", "keep_alive")

    def __init__(self, request: Request, status: int, reason: bytes, headers: Headers) -> None:
        self._bodiless = request.method == b"HEAD" or status in _WITHOUT_BODY
        sized = self._bodiless or bool(value(headers, b"content-length"))
        self._chunked = not sized and not request.old
        self.keep_alive = request.keep_alive and (sized or self._chunked)
        lines = list(headers)
        if self._chunked:
            lines.append((b"Transfer-Encoding", b"chunked"))
        if self.keep_alive and request.old:
            lines.append((b"Connection", b"keep-alive"))
        elif not self.keep_alive and not request.old:
            lines.append((b"Connection", b"close"))
        self.head = written(b"HTTP/1.%d %d %b" % (0 if request.old else 1, status, reason), lines)

    def part(self, pieces: list[bytes], *, whole: bool) -> bytes:
        """The next *pieces* of the body; *whole*: there are no more."""
        if self._bodiless:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._chunked:
            framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return framed + b"0\r\n\r\n" if whole else framed
        return body


def _upgrade(request: Request) -> Headers:
    """What asks for, and agrees to, the protocol with which *request* wants to go on; nothing where that is not passed."""
    if request.method != b"GET" or request.upgrade not in _TUNNELLED:
        return []
    return [(b"Connection", b"Upgrade"), (b"Upgrade", request.upgrade)]


def _reader(status: int, headers: Headers) -> Reader:
    kind, encoding = value(headers, b"content-type"), value(headers, b"content-encoding")
    return reader(status, kind.decode("latin-1"), encoding.decode("latin-1"))


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), said.encode("latin-1", "replace")) for name, said in headers]
