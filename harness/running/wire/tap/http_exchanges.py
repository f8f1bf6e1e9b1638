"""What is said on one connection of the target's, read along without touching it: attempts, and what became of each."""

from __future__ import annotations

import time
from collections import deque
from secrets import token_bytes

import httptools

from harness.http1.decompression import CompressionError, decompression
from harness.http1.headers import Headers, written
from harness.http1.other_protocols import OPENING_BYTES, spoken
from harness.http1.retry_after import READ, stated_wait_ms
from harness.protocols.body_mark import BodyMark
from harness.protocols.nonce import ANY_RUN, Nonces, NonceSearch
from harness.protocols.said_error import code_said
from harness.record.rows import Attempt, AttemptOutcome
from harness.running.wire.credentials import Credentials
from harness.running.wire.ledger import Ledger
from harness.running.wire.looking_on import LookingOn
from harness.running.wire.secrets import SECRET, path_alone

_TRACEPARENT_CHARACTERS = 128
_FRAMING = (b"content-length", b"transfer-encoding")
_SHOULD_RETRY = b"x-should-retry"
_SALT = token_bytes(16)
"""Drawn anew for each process, of which a run has one, and never written down: a mark of a body tells nobody what stood in it."""
_ERROR_BYTES_MAX = 1 << 14
"""Of an error no more than this is read for its code."""


class HttpExchanges:
    """The exchanges on one connection, in order; their rows go to *attempts*.

    It is told every byte that passes, once, in order. What it cannot parse it counts as malformed, and follows no further.
    """

    asks_first = True

    def __init__(
        self,
        link: str,
        attempts: Ledger[Attempt],
        nonces: Nonces = ANY_RUN,
        credentials: Credentials | None = None,
    ) -> None:
        self._link = link
        self._credentials = credentials or Credentials()
        self._nonces = nonces
        self._ledger = attempts
        self._open: deque[_Exchange] = deque()
        self._asking: _Exchange | None = None
        self._tunnel: _Exchange | None = None
        """What became another protocol, such as WebSocket; it lasts as long as the connection."""
        self._questions: _Questions | None = _Questions(self)
        self._answers: _Answers | None = _Answers(self)
        self._looking = LookingOn(f"a connection of link {link}")
        self._now_s = 0.0
        self._unclaimed = 0
        self._heads_asked = False
        self._opening = b""
        self.begun = False

    @property
    def owed(self) -> bool:
        """Whether a request has begun whose answer is not complete."""
        return bool(self._open)

    @property
    def halfway(self) -> bool:
        """Whether a request has begun whose last byte has not come."""
        return self._asking is not None

    @property
    def awaits(self) -> bool:
        """Whether every request is whole and one of them is not answered whole; no request of HTTP is ended by the connection's end."""
        readable = self._questions is not None and self._answers is not None and self._tunnel is None
        return readable and bool(self._open) and self._asking is None

    @property
    def tunnelled(self) -> bool:
        """Whether it has become another protocol, such as WebSocket."""
        return self._tunnel is not None

    @property
    def unheard_since_s(self) -> float | None:
        """When the last request was whole of which not one byte of an answer has come; None where there is none."""
        if self._asking is None and self._open and self._open[-1].attempt.first_byte_s is None:
            return self._open[-1].attempt.sent_s
        return None

    def asked(self, data: bytes) -> None:
        """The client said *data*."""
        self._now_s = time.monotonic()
        self._unclaimed = len(data)
        if len(self._opening) < OPENING_BYTES:
            self._opening += data[:OPENING_BYTES]
        if self._tunnel is not None:
            self._claim(self._tunnel)
            return
        if self._asking is not None:
            self._claim(self._asking)
        if self._questions is not None:
            with self._looking:
                self._feed_questions(data)
            self._note_failure()

    def answered(self, data: bytes) -> None:
        """The far side said *data*."""
        if not self._open:
            return
        self._now_s = time.monotonic()
        attempt = self._open[0].attempt
        attempt.bytes_in += len(data)
        if attempt.first_byte_s is None:
            attempt.first_byte_s = self._now_s
        with self._looking:
            self._hear(data)
        self._note_failure()

    def far_ended(self, *, reset: bool) -> None:
        """The far side closed the connection, or reset it; the client is being told."""
        self._now_s = time.monotonic()
        for exchange in list(self._open):
            self._end(exchange, exchange.cut_short(reset=reset))

    def client_left(self) -> None:
        """The client closed the connection, or reset it."""
        self._now_s = time.monotonic()
        for exchange in list(self._open):
            self._end(exchange, "complete" if exchange.answered else "client_left")

    def let_go(self) -> None:
        """The connection is no more; what reads it and the parsers of httptools know each other, and part."""
        for reading in (self._questions, self._answers):
            if reading is not None:
                del reading.parser
        self._follow_no_further()

    # What the parsers say.

    def _begin(self) -> None:
        attempt = self._ledger.begin(Attempt(self._link, self._now_s))
        self._asking = _Exchange(attempt, self._nonces)
        self._open.append(self._asking)
        self.begun = True
        self._claim(self._asking)

    def _claim(self, exchange: _Exchange) -> None:
        # Of pipelined requests in one segment, the first gets all of its bytes.
        exchange.attempt.bytes_out += self._unclaimed
        self._unclaimed = 0

    def _whole(self) -> None:
        exchange, self._asking = self._asking, None
        if exchange is None:
            return
        exchange.attempt.sent_s = self._now_s
        exchange.say_for_whom()
        exchange.attempt.asks = exchange.body.mark
        if exchange.answered:
            self._end(exchange, "complete")

    def _answer_complete(self) -> None:
        exchange = self._open[0]
        exchange.answered = True
        exchange.attempt.end_s = self._now_s
        # An answer may come before the request is whole, and the nonce may be in the rest.
        if exchange is not self._asking:
            self._end(exchange, "complete")

    # How exchanges end.

    def _end(self, exchange: _Exchange, outcome: AttemptOutcome) -> None:
        attempt = exchange.attempt
        attempt.outcome = outcome
        exchange.say_for_whom()
        if not exchange.answered or exchange is self._tunnel:
            attempt.end_s = self._now_s
        self._open.remove(exchange)
        if self._asking is exchange:
            self._asking = None
        self._ledger.end(attempt)

    def _feed_questions(self, data: bytes) -> None:
        assert self._questions is not None
        while data and self._questions is not None:
            try:
                self._questions.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # It is only asked for: until it is agreed to, body and further requests come as ever.
                data = data[upgrade.args[0] :]
                if not self._questions.goes_on_after_head():
                    # A tunnel to somewhere else, which no link is: the edge refuses it.
                    if self._open:
                        self._end(self._open[-1], "malformed")
                    self._follow_no_further()
                continue
            except httptools.HttpParserError:
                if self._asking is not None:
                    self._asking.attempt.detail = spoken(self._opening) or ""
                    self._end(self._asking, "malformed")
                # What was asked before is still answered, as before a request that says it is the last.
                self._questions = self._asking = None
            break

    def _hear(self, data: bytes) -> None:
        try:
            self._feed_answers(data)
        except httptools.HttpParserUpgrade:
            self._tunnel = self._open[0]
            self._tunnel.answered = True
            self._follow_no_further()
        except httptools.HttpParserError:
            if self._open:
                self._end(self._open[0], "malformed")
            self._follow_no_further()

    def _note_failure(self) -> None:
        """A defect of ours loses no row: what is open, or was about to begin, is not followed and said to be unreadable."""
        if not self._looking.failed or (self._questions is None and not self._open):
            return
        if not self._open:
            self._begin()
        for exchange in list(self._open):
            self._end(exchange, "malformed")
        self._follow_no_further()

    def _feed_answers(self, data: bytes) -> None:
        if not self._heads_asked:
            if self._answers is not None:
                self._answers.parser.feed_data(data)
            return
        # A parser reads what follows the answer to a HEAD as its body, so it gets no line too much.
        while data and self._answers is not None:
            line = data[: data.find(b"\n") + 1] or data
            self._answers.parser.feed_data(line)
            data = data[len(line) :]

    def _follow_no_further(self) -> None:
        self._questions = self._answers = None
        self._asking = None


class _Exchange:
    """One request with its answer, as far as they have come."""

    __slots__ = ("answered", "attempt", "body", "head", "search", "until_end")

    def __init__(self, attempt: Attempt, nonces: Nonces) -> None:
        self.attempt = attempt
        self.search = NonceSearch(nonces)
        self.body = BodyMark(_SALT)
        self.head = False
        self.until_end = False
        self.answered = False

    def say_for_whom(self) -> None:
        """Note which request it was made for, and which press of its client, as far as that has been said."""
        self.attempt.nonce, self.attempt.press = self.search.found, self.search.press

    def cut_short(self, *, reset: bool) -> AttemptOutcome:
        if self.answered or (self.until_end and not reset):
            return "reset" if reset and self.attempt.status == 101 else "complete"
        if self.head:
            return "truncated"
        if reset:
            return "reset"
        return "closed" if self.attempt.first_byte_s is None else "truncated"


class _Questions:
    """What httptools calls while it reads requests."""

    def __init__(self, exchanges: HttpExchanges) -> None:
        self._exchanges = exchanges
        self._url = b""
        self._framing: Headers = []
        self._head_is_read = False
        self._offers = False
        self.parser = httptools.HttpRequestParser(self)

    def goes_on_after_head(self) -> bool:
        """Read on behind a head that offers another protocol, where httptools stops; False where nothing of HTTP follows it."""
        method = self.parser.get_method()
        if not self._offers:
            return False
        self.parser = httptools.HttpRequestParser(self)
        self._head_is_read, self._offers = True, False
        self.parser.feed_data(written(b"%b / HTTP/1.1" % method, self._framing))
        return True

    @property
    def _exchange(self) -> _Exchange:
        assert self._exchanges._asking is not None
        return self._exchanges._asking

    def on_message_begin(self) -> None:
        if not self._head_is_read:
            self._url, self._framing = b"", []
            self._exchanges._begin()

    def on_url(self, url: bytes) -> None:
        if not self._head_is_read:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if self._head_is_read:
            return
        if name in SECRET:
            attempt = self._exchange.attempt
            attempt.key_of = attempt.key_of or self._exchanges._credentials.in_header(name, value)
            return
        if name in _FRAMING:
            self._framing.append((name, value))
        self._exchange.search.header(name, value)
        if name == b"traceparent":
            self._exchange.attempt.traceparent = value[:_TRACEPARENT_CHARACTERS].decode("latin-1")
        elif name == b"x-stainless-retry-count" and value.isdigit():
            self._exchange.attempt.retry_count = int(value[:9])

    def on_headers_complete(self) -> None:
        if self._head_is_read:
            self._head_is_read = False
            return
        attempt = self._exchange.attempt
        attempt.method = self.parser.get_method().decode("latin-1")
        self._exchanges._heads_asked |= attempt.method == "HEAD"
        attempt.path = path_alone(self._url)
        attempt.key_of = attempt.key_of or self._exchanges._credentials.in_target(self._url)
        self._exchange.search.target(self._url)
        self._offers = self.parser.should_upgrade() and attempt.method != "CONNECT"

    def on_body(self, piece: bytes) -> None:
        self._exchange.search.piece(piece)
        self._exchange.body.feed(piece)

    def on_message_complete(self) -> None:
        if not self._offers:
            self._exchanges._whole()


class _Answers:
    """What httptools calls while it reads answers."""

    def __init__(self, exchanges: HttpExchanges) -> None:
        self._exchanges = exchanges
        self._framed = False
        self._interim = False
        self._over = False
        self._switching = False
        self._of_waits: dict[bytes, bytes] = {}
        self._should_retry = self._coding = ""
        self._error: bytearray | None = None
        self.parser = httptools.HttpResponseParser(self)
        # Clients take a value with control characters in it.
        self.parser.set_dangerous_leniencies(lenient_headers=True)

    def on_message_begin(self) -> None:
        self._framed = self._interim = self._over = self._switching = False
        self._of_waits = {}
        self._should_retry = self._coding = ""
        self._error = None

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in READ:
            self._of_waits[name] = value
        elif name == _SHOULD_RETRY:
            self._should_retry = value.decode("latin-1").strip().lower()
        elif name == b"content-encoding":
            self._coding = value.decode("latin-1")
        elif name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower()):
            self._framed = True

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        self._switching = status == 101
        self._interim = 100 <= status < 200 and not self._switching
        if self._interim or not self._exchanges._open:
            return
        exchange = self._exchanges._open[0]
        exchange.attempt.status = status
        exchange.attempt.retry_after_ms = stated_wait_ms(self._of_waits, time.time())
        if self._should_retry in ("true", "false"):
            exchange.attempt.should_retry = self._should_retry
        if status >= 400:
            self._error = bytearray()
        if exchange.attempt.first_byte_s is None:
            exchange.attempt.first_byte_s = self._exchanges._now_s
        exchange.head = True
        exchange.until_end = not self._framed and status not in (204, 304)
        if exchange.attempt.method == "HEAD":
            # The parser would wait for a body of the length that the head speaks of.
            self._over = True
            self._exchanges._answer_complete()
            self._exchanges._answers = _Answers(self._exchanges)

    def on_body(self, piece: bytes) -> None:
        if self._error is not None and len(self._error) < _ERROR_BYTES_MAX:
            self._error += piece

    def on_message_complete(self) -> None:
        if self._over or self._switching or not self._exchanges._open:
            return
        if self._error:
            self._exchanges._open[0].attempt.error = _code(bytes(self._error), self._coding)
        if self._interim:
            self._exchanges._open[0].attempt.first_byte_s = None
        else:
            self._exchanges._answer_complete()


def _code(body: bytes, coding: str) -> str:
    """The code of the error that *body* is; empty where it cannot be read."""
    packed = decompression(coding)
    try:
        return code_said(packed.feed(body)) if packed else ""
    except CompressionError:
        return ""
