"""What becomes of one request at the edge: a row, and an answer from the provider or from a fault."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Iterable
from typing import Protocol

from harness.http1.answer_head import Head, UnreadableError
from harness.http1.headers import Headers, by_name, chunk, end_to_end, joined, put, value, written
from harness.http1.request import Request
from harness.protocols import nonce
from harness.record.rows import Arrival, ArrivalOutcome
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.outgoing import Outgoing
from harness.running.wire.edge.prompt import PromptReading
from harness.running.wire.edge.reading import AnswerReading
from harness.running.wire.edge.rules.base import PASS, Answer, Cut, Following
from harness.running.wire.edge.rules.in_force import PASSED, Ruling
from harness.running.wire.edge.seen import Seen, SeenAttempt
from harness.running.wire.edge.upstream_request import UpstreamRequest
from harness.running.wire.secrets import path_alone
from harness.running.wire.timers import in_at_least

_NOT_ASKED_ON = frozenset({b"host"})
_TUNNELLED = frozenset({b"websocket"})
_UPGRADE_REQUIRED = 426
_WITHOUT_BODY = frozenset({204, 304})
_HELD_BYTES_MAX = 1 << 18
"""So much of a request waits for its end while rules are in force, since they judge what is whole."""

_log = logging.getLogger(__name__)


class Client(Protocol):
    """Who is answered."""

    number: int
    """Which of the connections to its link it came on, from 1."""

    @property
    def flushed(self) -> bool:
        """Whether all that was written has been given to the system."""

    def write(self, data: bytes) -> None: ...

    def hold_back(self, *, full: bool) -> None:
        """No more of the request is wanted right now; or, not *full*, it is again."""

    def done(self, *, keep_alive: bool) -> None:
        """The answer is complete."""

    def hand_over(self) -> asyncio.Transport:
        """Its connection as such, on which it speaks another protocol from now on."""

    def cut(self, *, reset: bool = False) -> None:
        """The rest of the answer will not come: close the connection once what was written has been sent, or *reset* it."""


class Exchange:
    """One *request* at the edge that keeps *account*, from its head to its row.

    It goes on to the provider as it comes, whatever its size. While rules are in force that waits for its end, up to a bound: then the
    rest of a long one waits for what they say, and the provider gets all of it or never the whole. The row begins with the request's
    last byte, or when the provider answers, or fails, before that.
    """

    _attempt: SeenAttempt
    """As rules see it, once the row has begun."""

    def __init__(self, account: Account, request: Request, client: Client) -> None:
        self._account = account
        self._request = request
        self._said = by_name(request.headers)
        self._codings = request.codings if b"transfer-encoding" in self._said else frozenset()
        self._upgrade = _upgrade(request) if request.upgrade else []
        self._client = client
        self._arrival = Arrival(
            account.link, time.monotonic(), path=path_alone(request.target), connection=client.number
        )
        self._asking = PromptReading(account.nonces, request.target, request.headers)
        self._held = b""
        self._arrived = False
        self._outgoing: Outgoing | None = None
        self._putting_off: asyncio.TimerHandle | None = None
        self._upstream_request: UpstreamRequest | None = None
        self._answer: _Framed | None = None
        self._following: tuple[tuple[str, Following], ...] = ()
        self._unsaid = b""
        """The head of the answer, until it is told."""
        self._reading: AnswerReading | None = None
        self._whole = False
        self._over = False
        self._held_up = False
        """The client is told more slowly than the provider speaks, since a rule says so."""

    @property
    def answering(self) -> bool:
        """Whether the client has been told something."""
        return self._answer is not None

    def go_on(self) -> None:
        """More of the request has come, or all of it; the client may be done before this returns."""
        try:
            if self._request.whole and not self._arrived and not self._over:
                body = self._request.take()
                self._asking.feed(body)
                self._arrive()
                self._decide(body)
            else:
                self._pass_on()
        except Exception as error:  # noqa: BLE001 - a defect of ours must not look like the client's or the provider's: it is a cut, and said.
            self._break(error)

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        """The provider said the next *pieces*."""
        try:
            self._hear(head, pieces, whole=whole)
        except Exception as error:  # noqa: BLE001 - as above
            self._break(error)

    def switched(self, head: Head, said: bytes, transport: asyncio.Transport) -> None:
        """The provider has agreed to go on with another protocol, and has *said* this in it; no rule touches what is said in one."""
        self._let_go()
        self._arrival.first_byte_s = time.monotonic()
        self._arrival.status = head.status
        headers = [*end_to_end(head.headers), *self._upgrade]
        first = b"HTTP/1.1 %d %b" % (head.status, head.reason)
        tunnel = self._account.join(self._client.hand_over(), transport, lambda: self._close("complete"))
        tunnel.begin(said, written(first, headers))

    def hear_interim(self, head: Head) -> None:
        if not self._request.old and self._answer is None:
            self._client.write(written(b"HTTP/1.1 %d %b" % (head.status, head.reason), head.headers))

    def hold_back(self, *, full: bool) -> None:
        """The provider takes no more of the request right now; or, not *full*, it does again."""
        self._client.hold_back(full=full)

    def fail(self, error: Exception) -> None:
        """The provider will not answer, or not to the end."""
        self._arrive()
        try:
            if self._outgoing is not None and self._answer is not None:
                self._outgoing.lose(lambda: self._fail(error))
            else:
                self._fail(error)
        except Exception as defect:  # noqa: BLE001 - as above
            self._break(defect)

    def _fail(self, error: Exception) -> None:
        unreadable = isinstance(error, UnreadableError)
        reached = self._arrival.forwarded_s is not None and not unreadable
        self._arrival.detail = str(error) if reached else self._account.complain(error)
        if self._answer is not None:
            self._end("truncated")
        else:
            self._end("unreadable" if unreadable else "closed")
        # A reset stays one. What this process says of an end has no number of the system's.
        self._client.cut(reset=isinstance(error, ConnectionResetError) and error.errno == errno.ECONNRESET)

    def leave(self) -> None:
        """The client is there no longer."""
        if self._over:
            return
        if not self._arrived:
            self._let_go()
        elif self._upstream_request is None or self._answer is not None or not self._request.whole:
            self._end("client_left")
        else:
            asking, self._upstream_request = self._upstream_request, None
            self._let_go()
            self._arrival.end_s = time.monotonic()
            self._account.afterwards(asking, lambda: self._close("client_left"))

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

    def _pass_on(self) -> None:
        """What has come of the request goes on, unless it waits for its end."""
        body = self._request.take()
        if self._over:
            return
        if self._upstream_request is None and self._waits_for_its_end(len(body)):
            self._held += body
        else:
            self._say(body)
        # Once it is on its way.
        self._asking.feed(body)

    def _waits_for_its_end(self, more: int) -> bool:
        ruled = bool(self._account.rules) and not self._request.asks_to_go_on
        return ruled and len(self._held) + more <= _HELD_BYTES_MAX

    def _arrive(self) -> None:
        """Begin the row."""
        if not self._arrived:
            self._arrived = True
            self._arrival.start_s = time.monotonic()
            self._account.arrivals.begin(self._arrival)
            if mark := self._asking.mark:
                self._arrival.nonce, self._arrival.press = nonce.read(mark)
            self._attempt = SeenAttempt(self._account, self._request, self._arrival, self._asking)

    def _decide(self, body: bytes) -> None:
        """What becomes of the request, whose last bytes are *body*."""
        ruling = self._judge()
        if ruling.decision is PASS and not ruling.following and ruling.wait_s <= 0:
            # As nearly always: what is to be said goes first.
            self._say(body)
            self._read()
        elif ruling.wait_s > 0:
            self.touched(ruling.waits_for)
            self._held += body
            self._putting_off = in_at_least(ruling.wait_s, self._waited, ruling)
            self._read()
        elif self._passes(ruling):
            self._say(body)
            # Once the request is on its way: nothing is heard before this returns.
            self._read()

    def _judge(self) -> Ruling:
        rules = self._account.rules
        if not rules or not rules.concern(self._attempt):
            return PASSED
        ruling = rules.judge(Seen(self._account, self._attempt, self._request.headers))
        self._arrival.came_to = " ".join(ruling.came_to)
        self._following = ruling.following
        self._arrival.picked = " ".join(ruling.picked)
        return ruling

    def _passes(self, ruling: Ruling) -> bool:
        """Carry out *ruling*; whether the provider is to answer."""
        match ruling.decision:
            case Answer() as answer:
                self._give_up_asking()
                self._read()
                self._answer_for_fault(ruling.fault, answer)
                return False
            case Cut(reset):
                self._read()
                self.cut(ruling.fault, reset=reset)
                return False
            case _:
                # Not for a fault that has ended while the request was put off.
                following = [each for each in ruling.following if each[0] in self._account.rules]
                if following:
                    self._outgoing = Outgoing(following, self)
                if self._outgoing is not None and self._outgoing.changes:
                    self._account.rules.going.add(self._lift)
                return True

    def _waited(self, ruling: Ruling) -> None:
        self._putting_off = None
        if self._passes(ruling):
            self._say(b"")

    def _say(self, body: bytes) -> None:
        """Say *body* to the provider, after what was held, and after the head if that was not said yet."""
        whole, head = self._request.whole, b""
        body, self._held = self._held + body if self._held else body, b""
        if self._upstream_request is None:
            head = self._head_upstream()
            self._upstream_request = UpstreamRequest(
                self._account.upstream,
                self,
                self._arrival,
                to_head=self._request.method == b"HEAD",
                may_switch=bool(self._upgrade),
            )
            self._upstream_request.begin()
        if b"chunked" in self._codings:
            body = chunk(body, last=whole, behind=self._request.trailers)
        self._upstream_request.say(head + body, last=whole)

    def _give_up_asking(self) -> None:
        """Nothing more of the request is said: a long one whose end was not, the provider never had whole."""
        if self._upstream_request is not None:
            self._upstream_request.end()
            self._upstream_request = None

    def _head_upstream(self) -> bytes:
        request = self._request
        headers = end_to_end(request.headers, _NOT_ASKED_ON, self._said)
        if self._codings:
            headers += [line for line in request.headers if line[0].lower() == b"transfer-encoding"]
        headers += self._upgrade
        if self._outgoing is not None and self._outgoing.plain:
            headers = put(headers, [(b"Accept-Encoding", b"identity")])
        host = self._host if self._account.keeps_host else b""
        return self._account.upstream.head(request.method, request.target, headers, host)

    @property
    def _host(self) -> bytes:
        """The one that the client asked for."""
        return self._said.get(b"host", b"").strip()

    def _read(self) -> None:
        self._arrival.messages_sha256 = self._attempt.messages_sha256
        self._arrival.tools_offered, self._arrival.tool_results = self._attempt.tools
        # Counted by now, whether or not a rule has asked.
        _ = self._attempt.number

    # The answer.

    def _answer_for_fault(self, fault: str, said: Answer) -> None:
        arrival = self._arrival
        self.touched(fault)
        arrival.status = said.status
        arrival.first_byte_s = time.monotonic()
        headers = [*_encoded(said.headers.items()), (b"Content-Length", b"%d" % len(said.body))]
        answer = _Framed(self._request, said.status, said.reason.encode(), headers)
        self._client.write(answer.head + answer.part([said.body], whole=True))
        self._reading = AnswerReading(said.status, value(headers, b"content-type").decode("latin-1"), "")
        self._reading.feed(said.body)
        self._end("answered_by_fault")
        self._client.done(keep_alive=answer.keep_alive)

    def _hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        said = b""
        if self._answer is None:
            if not self._arrived:
                # The provider answers what it has not heard to the end.
                self._arrive()
                if not self._passes(self._judge()):
                    return
            said = self._begin_answer(head)
        self._unsaid += said
        if self._outgoing is None or not self._outgoing.changes:
            self._tell(pieces, whole=whole)
        else:
            self._outgoing.hear(pieces, whole=whole)
            if self._unsaid:  # nothing was told behind it yet
                self._client.write(self._head_unsaid())

    def _begin_answer(self, head: Head) -> bytes:
        """The head of the answer as the client is told it."""
        self._arrival.first_byte_s = time.monotonic()
        self._arrival.status = head.status
        account = self._account
        said = head.said or by_name(head.headers)
        headers = end_to_end(head.headers, said=said)
        if head.status == _UPGRADE_REQUIRED:
            headers += _wanted(head)
        if account.addresses.may_be_in(said):
            headers, self._arrival.astray = account.addresses.told(
                head.status, headers, self._host, kept=account.keeps_host
            )
        kind = said.get(b"content-type", b"").strip()
        coding = joined(headers, b"content-encoding") if b"content-encoding" in said else b""
        self._reading = AnswerReading(head.status, kind.decode("latin-1"), coding.decode("latin-1"))
        if self._outgoing is not None:
            headers = self._outgoing.head(head.status, headers)
            if self._outgoing.reframes:
                headers = [line for line in headers if line[0].lower() != b"content-length"]
        self._answer = _Framed(self._request, head.status, head.reason, headers, head.codings, head.trailers)
        return self._answer.head

    # What is told the client.

    def tell(self, pieces: list[bytes], *, whole: bool) -> None:
        self._tell(pieces, whole=whole)

    def _head_unsaid(self) -> bytes:
        """The head of the answer, the first time; it goes with what comes behind it, since each write costs every hop behind it one."""
        head, self._unsaid = self._unsaid, b""
        return head

    def _tell(self, pieces: list[bytes], *, whole: bool) -> None:
        assert self._answer is not None
        part = self._answer.part(pieces, whole=whole)
        # All at once, and before anything that can wait.
        self._client.write(self._unsaid + part if self._unsaid else part)
        self._unsaid = b""
        self._whole = whole
        if self._reading is not None:
            for piece in pieces:
                self._reading.feed(piece)
        if whole and self._client.flushed:
            self._complete()

    def cut(self, fault: str, *, reset: bool) -> None:
        self.touched(fault)
        self._client.write(self._head_unsaid())
        self._end("cut_by_fault")
        self._client.cut(reset=reset)

    def end_early(self, fault: str) -> None:
        assert self._answer is not None
        self.touched(fault)
        self._client.write(self._head_unsaid() + self._answer.part([], whole=True))
        self._end("cut_by_fault")
        self._client.done(keep_alive=self._answer.keep_alive)

    def touched(self, fault: str) -> None:
        arrival = self._arrival
        arrival.fault = fault
        if fault not in (hit := arrival.hit_by.split()):
            arrival.hit_by = " ".join([*hit, fault])
            self._account.by_fault[fault] += 1

    def hold_up(self, *, full: bool) -> None:
        if full != self._held_up:
            self._held_up = full
            (self.pause if full else self.resume)()

    def _lift(self, fault: str) -> None:
        """*fault* is no longer in force."""
        try:
            if self._outgoing is not None:
                self._outgoing.lift(fault)
        except Exception as error:  # noqa: BLE001 - as above
            self._break(error)

    # The end.

    def _complete(self) -> None:
        if self._over:
            return
        assert self._answer is not None
        self._end("complete")
        self._client.done(keep_alive=self._answer.keep_alive)

    def _end(self, outcome: ArrivalOutcome) -> None:
        self._let_go()
        if self._reading is not None:
            self._reading.end(whole=outcome == "complete")
            self._arrival.tokens_from = self._reading.tokens_from
            self._arrival.tokens_out = self._reading.tokens_out
            self._arrival.finish = self._reading.finish
            self._arrival.model = self._reading.model
            self._arrival.sketch = self._reading.sketch
            self._arrival.tools_called = self._reading.tools
            counted = self._reading.tokens_in
            self._arrival.tokens_in = self._attempt.prompt.tokens_estimate if counted is None else counted
        self._close(outcome)

    def _let_go(self) -> None:
        """It is over, whatever ended it: nobody hears of it any more.

        Who knew it is let go of, since else all that it holds, bodies among it, would stay until garbage is looked for.
        """
        self._over = True
        if self._putting_off is not None:
            self._putting_off.cancel()
            self._putting_off = None
        if self._outgoing is not None:
            self._account.rules.going.discard(self._lift)
            self._outgoing.end()
            self._outgoing = None
        if self._upstream_request is not None:
            self._upstream_request.end()
            self._upstream_request = None

    def _close(self, outcome: ArrivalOutcome) -> None:
        """Nothing more comes of it: write the row, and let rules know what it came to."""
        arrival = self._arrival
        self._account.end(arrival, outcome)
        tokens = None if arrival.tokens_out is None else (arrival.tokens_in or 0) + arrival.tokens_out
        following, self._following = self._following, ()
        for _, each in following:
            each.ended(time.monotonic(), tokens)

    def _break(self, error: Exception) -> None:
        _log.exception("link %s: a request could not be carried", self._account.link)
        self._let_go()
        self._arrive()
        self._arrival.detail = f"a defect of the harness: {type(error).__name__}; the wire's log says more"
        self._close("broken")
        self._client.cut()


class _Framed:
    """How an answer to *request* is framed for its client, whatever framed it for us."""

    __slots__ = ("_bodiless", "_chunked", "_trailers", "head", "keep_alive")

    def __init__(
        self,
        request: Request,
        status: int,
        reason: bytes,
        headers: Headers,
        codings: tuple[bytes, ...] = (),
        trailers: Headers | None = None,
    ) -> None:
        self._trailers = trailers if trailers is not None else []
        self._bodiless = request.method == b"HEAD" or status in _WITHOUT_BODY
        sized = self._bodiless or bool(value(headers, b"content-length"))
        self._chunked = not sized and not request.old
        # What follows an answer that came before the request was whole is the rest of that.
        self.keep_alive = request.keep_alive and request.whole and (sized or self._chunked)
        lines = list(headers)
        if self._chunked:
            lines.append((b"Transfer-Encoding", b", ".join([*codings, b"chunked"])))
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
        return chunk(body, last=whole, behind=self._trailers) if self._chunked else body


def _upgrade(request: Request) -> Headers:
    """What asks for, and agrees to, the protocol with which *request* wants to go on; nothing where that is not passed."""
    if request.method != b"GET" or request.upgrade not in _TUNNELLED:
        return []
    return [(b"Connection", b"Upgrade"), (b"Upgrade", request.upgrade)]


def _wanted(head: Head) -> Headers:
    """What an answer says that it would be asked in, where that is all that is wrong (RFC 9110, 15.5.22)."""
    named = joined(head.headers, b"upgrade")
    return [(b"Connection", b"Upgrade"), (b"Upgrade", named)] if named else []


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), said.encode("latin-1", "replace")) for name, said in headers]
