"""A provider's answer, read from its bytes as they come."""

from __future__ import annotations

from dataclasses import dataclass

import httptools

from harness.http1.headers import Headers

_HEAD_BYTES_MAX = 1 << 18
_SWITCHING = 101


class UnreadableError(Exception):
    """What a provider said is no answer."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer; *framed*: it says where its body ends, or has none."""

    status: int
    reason: bytes
    headers: Headers
    framed: bool


class ResponseReading:
    """Reads one answer, to a HEAD if *to_head*; the interim ones before it are left out, and the trailer after it.

    Where it *may_switch* to another protocol and does, that is the answer, and `switched` has what came behind it.
    """

    __slots__ = ("_bytes", "_framed", "_headers", "_interim", "_may_switch", "_parser", "_reason", "_to_head", "excess", "head",
                 "keep_alive", "pieces", "switched", "whole")  # fmt: skip

    def __init__(self, *, to_head: bool, may_switch: bool = False) -> None:
        self.head: Head | None = None
        self.pieces: list[bytes] = []
        """What has come of the body; to be emptied by who has used it."""
        self.whole = False
        self.excess = False
        """Something came after the answer."""
        self.keep_alive = False
        self.switched: bytes | None = None
        self._to_head = to_head
        self._may_switch = may_switch
        self._bytes = 0
        self._start()
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Read *data*. Raises UnreadableError, once what could be read before has been."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if isinstance(error, httptools.HttpParserUpgrade) and self._switches:
                self.switched = data[error.args[0] :]
            elif not self.whole:
                raise UnreadableError(f"the provider's answer cannot be read: {error}") from error
            else:
                self.excess = True
        if self.head is None:
            self._bytes += len(data)
            if self._bytes > _HEAD_BYTES_MAX:
                raise UnreadableError(f"the head of the provider's answer is longer than {_HEAD_BYTES_MAX} bytes")

    @property
    def until_end(self) -> bool:
        """Whether the end of the connection is the end of this answer."""
        return self.head is not None and not self.head.framed

    @property
    def _switches(self) -> bool:
        return self._may_switch and self.head is not None and self.head.status == _SWITCHING

    def _start(self) -> None:
        self._headers: Headers = []
        self._reason = b""
        self._framed = self._interim = False

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.whole:
            self.excess = True
        else:
            self._start()

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head is not None:
            return  # It is in the trailer.
        self._headers.append((name, value))
        lower = name.lower()
        if lower == b"content-length" or (lower == b"transfer-encoding" and b"chunked" in value.lower()):
            self._framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200 and not (status == _SWITCHING and self._may_switch)
        if self._interim or self.whole:
            return
        self.keep_alive = self._parser.should_keep_alive()
        self.whole = self._to_head  # The parser would wait for a body of the length that the head speaks of.
        framed = self._framed or self.whole or status in (204, 304)
        self.head = Head(status, self._reason, self._headers, framed)

    def on_body(self, piece: bytes) -> None:
        if self.whole:
            self.excess = True
        else:
            self.pieces.append(piece)

    def on_message_complete(self) -> None:
        if self.head is not None:
            self.whole = True
