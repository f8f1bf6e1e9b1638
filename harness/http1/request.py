"""A client's requests, read from the bytes of its connection as they come."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httptools

from harness.http1.headers import Headers, listed, value, written

_HEAD_BYTES_MAX = 1 << 16
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


class MalformedError(Exception):
    """What a client said is no request. The message says why, and quotes nothing, since a secret may be in it."""


@dataclass(slots=True)
class Request:
    """One request whose head has come; *whole*: its body has, too. *old*: its client speaks HTTP/1.0.

    *upgrade*: what it asks to go on with, in lower case, where it does so as RFC 9110, 7.8 says.
    """

    method: bytes
    target: bytes
    headers: Headers
    old: bool
    keep_alive: bool
    pieces: list[bytes] = field(default_factory=list)
    """What has come of the body and was not taken; so many bytes are `untaken`."""
    untaken: int = 0
    whole: bool = False
    upgrade: bytes = b""
    trailers: Headers = field(default_factory=list)
    """What came behind the body, once it is whole."""

    def take(self) -> bytes:
        """What has come of the body since this was last called."""
        taken, self.pieces, self.untaken = self.pieces, [], 0
        return taken[0] if len(taken) == 1 else b"".join(taken)

    @property
    def codings(self) -> frozenset[bytes]:
        """What was done to the body for the way, ``chunked`` among it where its length was not known."""
        return listed(self.headers, b"transfer-encoding")

    @property
    def asks_to_go_on(self) -> bool:
        """Whether the client waits with the body until it is told to send it (RFC 9110, 10.1.1)."""
        return not self.old and value(self.headers, b"expect").lower() == b"100-continue"


class RequestReading:
    """Reads the requests of one connection."""

    def __init__(self) -> None:
        self._begun: list[Request] = []
        self._too_long = False
        self._upgrade = False
        self._asked_for = b""
        self._over = False
        self._start()
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> list[Request]:
        """Read *data*: the requests whose heads it ends. They become whole while this goes on reading.

        Raises MalformedError, after which nothing can be read; `begun` has the requests before.
        """
        midway = self._in_head
        while data and not self._over:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserError as error:
                if isinstance(error, httptools.HttpParserCallbackError) and not self._too_long:
                    raise  # It is no fault of the client's.
                if not self._over:  # else it is what follows the last request, and that is for nobody
                    raise MalformedError(self._why(error)) from error
            break
        # What began in this piece is not counted, since other requests may stand before it.
        if midway and self._in_head:
            self._grow(len(data))
        return self.begun()

    def let_go(self) -> None:
        """Nothing more is read; this and the parser of httptools know each other, and part."""
        del self._parser

    def begun(self) -> list[Request]:
        """The requests whose heads have come since this was last asked."""
        begun = self._begun
        if begun:
            self._begun = []
        return begun

    def _why(self, error: httptools.HttpParserError) -> str:
        if self._too_long:
            return f"the head is longer than {_HEAD_BYTES_MAX} bytes"
        return str(error).strip("'\"")

    def _start(self) -> None:
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        self._in_head = False
        self._request: Request | None = None

    def _without_upgrade(self) -> bytes:
        """The head that was read last, which asks for an upgrade, without that: the request goes on as any other.

        httptools would read neither its body nor what follows.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise MalformedError("CONNECT asks for a tunnel, and this is no proxy for others")
        self._asked_for = value(self._headers, b"upgrade").lower()
        stay = b", ".join(sorted(listed(self._headers, b"connection") - {b"upgrade"}))
        headers = [line for line in self._headers if line[0].lower() not in (b"connection", b"upgrade")]
        first = b"%b %b HTTP/%b" % (method, self._target, self._parser.get_http_version().encode())
        self._parser = httptools.HttpRequestParser(self)
        self._upgrade = False
        return written(first, [*headers, (b"Connection", stay)] if stay else headers)

    def _grow(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > _HEAD_BYTES_MAX:
            self._too_long = True
            raise MalformedError(f"the head is longer than {_HEAD_BYTES_MAX} bytes")

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._start()
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        (self._headers if self._request is None else self._request.trailers).append((name, value))
        # As `_grow` has it, which to call for each header would cost as much as all else here.
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HEAD_BYTES_MAX:
            self._grow(0)

    def on_headers_complete(self) -> None:
        self._in_head = False
        parser = self._parser
        self._upgrade = parser.should_upgrade()
        if self._upgrade:
            return
        old = parser.get_http_version() == "1.0"
        target = self._target if self._target.startswith(b"/") else origin_form(self._target)
        self._request = Request(parser.get_method(), target, self._headers, old, parser.should_keep_alive())
        self._request.upgrade, self._asked_for = b"" if old else self._asked_for, b""
        self._begun.append(self._request)

    def on_body(self, piece: bytes) -> None:
        if self._request is not None:
            self._request.pieces.append(piece)
            self._request.untaken += len(piece)

    def on_message_complete(self) -> None:
        if self._request is None:
            return
        self._request.whole = True
        self._over = not self._request.keep_alive
        self._request = None


def origin_form(target: bytes) -> bytes:
    """What *target* asks for where it names the whole address, which may hold a user and a password (RFC 9112, 3.2)."""
    if target.startswith(b"/"):
        return target
    address = _ABSOLUTE.match(target)
    if address is None:
        return target
    rest = target[address.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest
