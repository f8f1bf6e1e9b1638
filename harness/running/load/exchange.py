"""One HTTP exchange with an entry: a request, how its answer came and which way it ended; only the load child imports this.

One call is one attempt: nothing in here retries. All instants are seconds of the monotonic clock. What `RequestOutcome`
does not tell apart is the first word of an answer's detail: closed, cut, unterminated, unreachable, connect_timeout,
error_event, too_large.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import msgspec
from gevent import socket
from geventhttpclient.response import HTTPParseError, HTTPResponse

from harness.http1.answer import ResponseReading
from harness.http1.answer_head import UnreadableError
from harness.http1.decompression import CompressionError, Decompression, decompression
from harness.http1.headers import joined, place_alone
from harness.protocols.asking import MalformedError, Reader, Said
from harness.protocols.event_stream import EventStream, are_events
from harness.protocols.grounding import NOTHING, Grounding
from harness.record.rows import JobStage, RequestOutcome
from harness.running.load.connections import Connections
from harness.running.load.plan import Limits

_READ_BYTES = 16_384
LINGER_S = 0.25  # how long the end of the HTTP message may come after the end of the answer
_HAIR_S = 0.01  # a loop that ran late may think so much more of it has passed
_DETAIL_CHARS = 200
_FINISH_CHARS = 40
_MODEL_CHARS = 100
_BEGINS_BYTES = 200
_KEPT_BYTES = 1 << 20  # so much of an answer is kept, since it may have to be read once more
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Answer(msgspec.Struct, gc=False):
    """How the answer to one request came; filled in as it comes. An instant that never came is None."""

    outcome: RequestOutcome = "unfinished"
    detail: str = ""
    status: int = 0
    began_s: float | None = None  # before a connection was opened
    head_s: float | None = None
    first_token_s: float | None = None  # the first piece with text in it, not one that only names the role
    ended_s: float | None = None
    chunks: int = 0
    bytes: int = 0
    begins: bytearray = bytearray()  # the first of the body, whatever it is
    text: str = ""
    snapshot_version: int | None = None
    conversation: str | None = None
    streamed: bool = False
    orderly: bool = False
    finish: str = ""
    model: str = ""
    degraded: bool = False
    cached: bool = False
    says_degraded: bool = False
    says_cached: bool = False
    grounding: Grounding = NOTHING
    job: JobStage = ""
    accepted_s: float | None = None
    waiting_s: float | None = None
    running_s: float | None = None
    polls: int = 0
    deliveries: int = 0


OfHead = Callable[[Callable[[str], object]], Said]
"""What the head of an answer says, by what gives the value of each header, or None."""


def ask(
    answer: Answer,
    connections: Connections,
    request: bytes,
    reader: Reader,
    due_s: float,
    limits: Limits,
    of_head: OfHead = lambda _: Said(),
) -> None:
    """Send *request*, read its answer to the end and fill *answer* in. A failure is an outcome, never an exception.

    Only GreenletExit passes through, since swallowing it would hang Locust's stop; *answer* then says "unfinished".
    """
    sock, used, exchange = None, False, None
    answer.began_s = monotonic()
    deadline_s = due_s + limits.deadline_s
    try:
        sock, used = connections.take(min(limits.connect_s, deadline_s - answer.began_s))
        exchange = _Exchange(answer, sock, reader, deadline_s, limits, of_head)
        exchange.run(request)
    except TimeoutError:
        _fail_in_time(answer, connected=sock is not None, left_s=deadline_s - monotonic(), limits=limits)
    except ConnectionRefusedError as error:
        answer.outcome, answer.detail = "refused", str(error)
    except OSError as error:
        answer.outcome, answer.detail = ("reset", str(error)) if sock else ("refused", f"unreachable: {error}")
    finally:
        _close(answer, exchange)
        if used and answer.outcome == "reset":
            answer.detail += ", on a connection that had been used before"
        if exchange is not None and exchange.reusable():
            connections.give_back(sock)
        elif sock is not None:
            sock.close()


def _fail_in_time(answer: Answer, *, connected: bool, left_s: float, limits: Limits) -> None:
    # Where no shorter silence was to be given up, it was the deadline that came, however early the loop's clock has it.
    if left_s <= _HAIR_S or (connected and limits.stall_s >= limits.deadline_s):
        answer.outcome = "timed_out"
        answer.detail = "" if connected else "connect_timeout: no connection by the deadline"
    elif connected:
        answer.outcome, answer.detail = "stalled", f"nothing came for {limits.stall_s:g} s"
    else:
        answer.outcome, answer.detail = "timed_out", f"connect_timeout: no connection within {limits.connect_s:g} s"


def _close(answer: Answer, exchange: _Exchange | None) -> None:
    if answer.outcome != "unfinished":
        answer.ended_s = answer.ended_s or monotonic()
    if exchange is not None:
        answer.text = exchange.text()
        if answer.status >= 300 and answer.outcome != "unfinished":
            # An answer that says no says so however its body ends.
            answer.outcome, answer.detail = "error", f"http {answer.status}: {exchange.refusal() or answer.detail}"
    answer.detail = answer.detail[:_DETAIL_CHARS]


class _Body(HTTPResponse):
    """Parses an HTTP answer; *fresh* is what of the body came since it was last emptied."""

    fresh = b""

    def _on_body(self, buf: bytes | bytearray) -> None:
        self.fresh += bytes(buf)

    @property
    def status(self) -> int:
        return self.get_code()

    @property
    def complete(self) -> bool:
        """Whether the final answer has ended; an interim one (1xx) is none."""
        return bool(self.message_complete) and self.status >= 200


class _Leniently:
    """The same of an answer that has *begun* so and that the parser refuses, as clients read it; *heard* bytes of its body are known.

    A folded line, lines that end in LF alone, equal lengths, a length beside chunks. Raises HTTPParseError for what no client reads.
    """

    def __init__(self, begun: bytes, heard: int) -> None:
        self._reading, self._heard, self.fresh = ResponseReading(to_head=False), heard, b""
        self.feed(begun)

    def feed(self, data: bytes) -> None:
        try:
            if data:
                self._reading.feed(data)
            else:
                self._reading.finish()
        except UnreadableError as error:
            raise HTTPParseError(str(error)) from error
        finally:
            body = b"".join(self._reading.pieces)
            self._reading.pieces = []
            self.fresh += body[self._heard :]
            self._heard = max(0, self._heard - len(body))

    @property
    def headers_complete(self) -> bool:
        return self._reading.head is not None

    @property
    def complete(self) -> bool:
        return self._reading.whole

    @property
    def status(self) -> int:
        return self._reading.head.status if self._reading.head else 0

    def get(self, name: str) -> str | None:
        """What stands in the header *name*, in all its lines; None where there is none."""
        headers = self._reading.head.headers if self._reading.head else []
        return joined(headers, name.lower().encode("latin-1")).decode("latin-1") or None

    def should_close(self) -> bool:
        return True


class _Exchange:
    """One request and its answer on one connection."""

    def __init__(
        self,
        answer: Answer,
        sock: socket.socket,
        reader: Reader,
        deadline_s: float,
        limits: Limits,
        of_head: OfHead,
    ) -> None:
        self._answer, self._sock, self._reader, self._limits = answer, sock, reader, limits
        self._of_head = of_head
        self._deadline_s = deadline_s
        self._parser: _Body | _Leniently = _Body()
        self._events = EventStream()
        self._raw: bytearray | None = bytearray()  # all that came, as long as that is little
        self._untold = False  # whether it is a stream is told by how its body begins
        self._packed: Decompression | None = None
        self._unknown = ""  # what is said of how its body is packed, where nobody here can unpack that
        self._finished = self._sound = False
        self._pieces: list[str] = []
        self._calls: list[str] = []
        self._kept = 0
        self._body = bytearray()
        self._last_s = 0.0  # when the latest piece of the body came

    def run(self, request: bytes) -> None:
        """Raises OSError; TimeoutError when nothing came for too long, or the deadline passed."""
        self._sock.settimeout(self._patience_s())
        self._sock.sendall(request)
        while self._answer.outcome == "unfinished" and not self._parser.complete:
            self._sock.settimeout(self._patience_s())
            got = self._sock.recv(_READ_BYTES)
            self._take_in(got, monotonic())
        if self._answer.outcome == "unfinished":
            self._conclude()

    def text(self) -> str:
        """As much of the answer's text as is kept; of one that says nothing to its user, what it has its client call."""
        said = self._pieces if any(piece.strip() for piece in self._pieces) else self._calls or self._pieces
        return "".join(said).lstrip("\n" if said is self._calls else "")[: self._limits.answer_chars_max]

    def refusal(self) -> str:
        """How the body of an answer that says no begins, behind where it leads if it is a redirect."""
        begins = self._body[:_DETAIL_CHARS].decode("utf-8", "replace")
        if self._answer.status >= 400 or not (leads := str(self._parser.get("location") or "")):
            return begins
        return f"a redirect to {place_alone(leads)!r}, which is not followed" + (f": {begins}" if begins else "")

    def reusable(self) -> bool:
        """Whether another request can be sent on the connection; waits a moment for the end of the HTTP message."""
        if not self._sound:
            return False
        until_s = monotonic() + LINGER_S
        try:
            while not self._parser.complete and (left_s := until_s - monotonic()) > 0:
                self._sock.settimeout(left_s)
                if not (got := self._sock.recv(_READ_BYTES)):
                    return False
                self._parser.feed(got)
        except (OSError, HTTPParseError):
            return False
        return self._parser.complete and not self._parser.should_close()

    def _patience_s(self) -> float:
        left_s = self._deadline_s - monotonic()
        if left_s <= 0:
            raise TimeoutError
        return min(self._limits.stall_s, left_s)

    def _take_in(self, got: bytes, now_s: float) -> None:
        broken = ""
        self._keep(got)
        try:
            self._parser.feed(got)
        except HTTPParseError as error:
            broken = "" if self._reads_leniently(got) else f"no HTTP: {next(iter(error.args), '')}"
        if self._answer.head_s is None and self._parser.headers_complete and self._parser.status >= 200:
            self._head(now_s)
        if self._parser.fresh:
            fresh, self._parser.fresh = self._parser.fresh, b""
            self._last_s = now_s
            self._body_came(fresh, now_s)
        if got and broken:
            self._end("malformed", broken, now_s)
        elif not got and not self._parser.complete:  # llhttp does not object to an end before the first byte
            self._end_of_connection(now_s)

    def _keep(self, got: bytes) -> None:
        if self._raw is not None:
            self._raw += got
            if len(self._raw) > _KEPT_BYTES:
                self._raw = None

    def _reads_leniently(self, got: bytes) -> bool:
        """Read once more what came, the last of it *got*, since the parser refuses it; whether clients can read it."""
        if self._raw is None or isinstance(self._parser, _Leniently):
            return False
        try:
            self._parser = _Leniently(bytes(self._raw), self._answer.bytes)
            if not got:
                self._parser.feed(got)
        except HTTPParseError:
            return False
        return True

    def _end_of_connection(self, now_s: float) -> None:
        if self._answer.head_s is None:
            self._end("reset", "closed: before the answer's head", now_s)
        else:
            self._end("truncated", "cut: in mid-body", now_s)

    def _head(self, now_s: float) -> None:
        self._answer.head_s, self._answer.status = now_s, self._parser.status
        self._note(self._of_head(self._parser.get))
        if isinstance(self._parser, _Leniently) or "chunked" not in str(self._parser.get("transfer-encoding")).lower():
            self._raw = None  # What follows is only counted, which cannot fail.
        if coding := self._parser.get("content-encoding"):
            coding = coding if isinstance(coding, str) else ",".join(coding)
            self._packed = decompression(coding)
            self._unknown = "" if self._packed else f"; its body comes as {coding!r}, which is not known here"
        kind = str(self._parser.get("content-type")).lower()
        self._answer.streamed = self._answer.status < 300 and "event-stream" in kind
        self._untold = self._answer.status < 300 and not self._answer.streamed

    def _body_came(self, fresh: bytes, now_s: float) -> None:
        self._answer.bytes += len(fresh)
        try:
            fresh = self._unpacked(fresh)
            if len(self._answer.begins) < _BEGINS_BYTES:
                self._answer.begins += fresh[: _BEGINS_BYTES - len(self._answer.begins)]
            if self._untold:
                fresh = self._tell_kind(fresh)
            if self._answer.streamed:
                for name, data in self._events.feed(fresh):
                    self._event_came(self._reader.event(name, data), now_s)
            else:
                self._body += fresh
        except MalformedError as error:
            self._end("malformed", f"{error}{self._unknown}", now_s)
        if self._answer.bytes > self._limits.body_bytes_max:
            self._end("malformed", f"too_large: given up after {self._answer.bytes} bytes", now_s)

    def _unpacked(self, fresh: bytes) -> bytes:
        """*fresh* as it was before it was packed; nobody here asks for that, and clients unpack it all the same. Raises MalformedError.

        What is packed in a way that is not known is read as it stands, as clients do: some name a charset there, or ``none``.
        """
        try:
            return fresh if self._packed is None else self._packed.feed(fresh)
        except CompressionError as error:
            raise MalformedError(f"its body is not packed as its content-encoding says: {error}") from error

    def _tell_kind(self, fresh: bytes) -> bytes:
        """Tell by the beginning of the body, which goes on with *fresh*, whether it is a stream; what of it is still to be read."""
        begun, self._body = bytes(self._body) + fresh, bytearray()
        events = are_events(begun)
        self._answer.streamed, self._untold = events is True, events is None
        return begun

    def _event_came(self, said: Said, now_s: float) -> None:
        if said.error is not None:
            self._end("error", f"error_event: {said.error}", now_s)
        elif said.done:
            self._end(self._whole(), "", now_s)
        self._finished |= said.finished
        self._note(said)
        if (said.text or said.called) and self._answer.outcome == "unfinished":
            self._answer.chunks += 1
            if self._answer.first_token_s is None:
                self._answer.first_token_s = now_s
            if self._kept < self._limits.answer_chars_max:
                self._pieces += [said.text] if said.text else []
                self._calls += [said.called] if said.called else []
                self._kept += len(said.text) + len(said.called)

    def _conclude(self) -> None:
        """The HTTP message has ended, and it has not been said yet what that means."""
        self._answer.orderly = True
        end_s = self._last_s or monotonic()
        if self._answer.status >= 300:
            self._end("error", "", end_s)
            self._sound = True
        elif self._answer.streamed:
            self._stream_ended(end_s)
        elif not self._body:
            self._end("empty", "", end_s)
        else:
            self._whole_came(end_s)

    def _stream_ended(self, end_s: float) -> None:
        """As clients take it: whole where the last event is the mark of the end, or something said that the text is finished."""
        try:
            for name, data in self._events.finish():
                self._event_came(self._reader.event(name, data), end_s)
        except MalformedError:
            self._end("truncated", "cut: in the middle of an event", end_s)
        if self._finished:
            self._end(self._whole(), "", end_s)
        why = f"unterminated: the stream ended without a finish_reason or [DONE]{self._unknown}"
        self._end("truncated", why, end_s)

    def _whole_came(self, end_s: float) -> None:
        try:
            # JSON has no mark of the byte order, and clients take one (RFC 8259, 8.1).
            said = self._reader.whole(bytes(self._body).removeprefix(_BYTE_ORDER_MARK))
        except MalformedError as error:
            self._end("malformed", f"{error}{self._unknown}", end_s)
            return
        if said.error is not None:
            self._end("error", f"error_event: {said.error}", end_s)
            return
        self._note(said)
        self._pieces.append(said.text)
        self._calls.append(said.called)
        self._answer.first_token_s = end_s if said.text or said.called else None
        self._end(self._whole(), "", end_s)

    def _whole(self) -> RequestOutcome:
        """What an answer that came to its end is: blanks alone say nothing to anybody, and to call a tool is an answer."""
        return "complete" if any(piece.strip() for piece in (*self._pieces, *self._calls)) else "empty"

    def _note(self, said: Said) -> None:
        if said.snapshot_version is not None:
            self._answer.snapshot_version = said.snapshot_version
        self._answer.conversation = said.conversation or self._answer.conversation
        self._answer.model = self._answer.model or said.model[:_MODEL_CHARS]
        self._answer.degraded |= said.degraded
        self._answer.cached |= said.cached
        self._answer.says_degraded |= said.says_degraded
        self._answer.says_cached |= said.says_cached
        self._answer.grounding = self._answer.grounding.and_then(said.grounding)
        self._answer.finish = said.finish[:_FINISH_CHARS] or self._answer.finish

    def _end(self, outcome: RequestOutcome, detail: str, now_s: float) -> None:
        """The first end counts."""
        if self._answer.outcome == "unfinished":
            self._answer.outcome, self._answer.detail, self._answer.ended_s = outcome, detail, now_s
            self._sound = outcome in ("complete", "empty")
            self._answer.orderly |= self._sound
