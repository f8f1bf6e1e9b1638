"""A small HTTP/1.1 server that knows of every request whose last byte came, whatever its client did next.

A web framework learns of a request when its handler runs. When the client has left by then, the request may be dropped,
so that a count taken there misses some that had arrived whole. Here a request exists as soon as its last byte is parsed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from harness.dialects.base import phrase
from harness.http1 import request
from harness.http1.headers import value
from harness.http1.request import RequestReading
from harness.protocols.nonce import ANY_RUN, NonceSearch

_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """One request that came whole; *nonce* is empty where it carries none."""

    method: str
    path: str
    body: bytes
    nonce: str = ""


class Reply:
    """The way back to one client. What is written to a client who has left is dropped; *gone* tells."""

    def __init__(self, transport: asyncio.Transport, *, chunked: bool, keep_alive: bool) -> None:
        self._transport = transport
        self._chunked = chunked
        self._keep_alive = keep_alive and chunked

    @property
    def gone(self) -> bool:
        return self._transport.is_closing()

    def whole(self, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Answer at once with a JSON *body*."""
        kept = [("content-type", "application/json"), ("content-length", str(len(body))), *headers]
        self._write(_head(status, kept, keep_alive=self._keep_alive) + body)
        self._end()

    def begin(self, status: int, headers: Iterable[tuple[str, str]], first: bytes = b"") -> None:
        """Begin an answer that comes in pieces, with its *first* one in the same segment."""
        framing = [("transfer-encoding", "chunked")] if self._chunked else []
        self._write(_head(status, [*headers, *framing], keep_alive=self._keep_alive) + self._framed(first))

    def piece(self, data: bytes) -> None:
        self._write(self._framed(data))

    def end(self, last: bytes = b"") -> None:
        """End an answer that came in pieces, with its *last* one in the same segment."""
        self._write(self._framed(last) + (b"0\r\n\r\n" if self._chunked else b""))
        self._end()

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data

    def _write(self, data: bytes) -> None:
        if not self.gone:
            self._transport.write(data)

    def _end(self) -> None:
        if not self._keep_alive:
            self._transport.close()


Handler = Callable[[Request, Reply], Awaitable[None]]
Accept = Callable[[Request], None]


async def listen(accept: Accept, handler: Handler, *, port: int) -> asyncio.Server:
    """Serve on 127.0.0.1:*port*: *accept* is called as the last byte of a request comes; *handler* answers it.

    On each connection requests are answered in order. The handler of a client who has left runs to its end.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(accept, handler), "127.0.0.1", port, backlog=1024)


class _Connection(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, accept: Accept, handler: Handler) -> None:
        self._accept = accept
        self._handler = handler
        self._reading = RequestReading()
        self._coming: deque[request.Request] = deque()
        self._waiting: deque[tuple[Request, Reply]] = deque()
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            begun = self._reading.feed(data)
        except request.MalformedError:
            self._take_up(self._reading.begun())
            self._transport.write(_head(400, [("content-length", "0")], keep_alive=False))
            self._transport.close()
        else:
            self._take_up(begun)
            if begun and not begun[-1].whole and value(begun[-1].headers, b"expect").lower() == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take_up(self, begun: Iterable[request.Request]) -> None:
        """Every request that is whole now is there, and will be answered."""
        self._coming += begun
        while self._coming and self._coming[0].whole:
            asked = self._coming.popleft()
            came = _whole(asked)
            self._accept(came)
            self._waiting.append((came, Reply(self._transport, chunked=not asked.old, keep_alive=asked.keep_alive)))
        if self._waiting and self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._answer())
            _RUNNING.add(self._work)
            self._work.add_done_callback(_RUNNING.discard)

    async def _answer(self) -> None:
        try:
            while self._waiting:
                await self._handler(*self._waiting.popleft())
        except Exception:  # noqa: BLE001 - one bad request must not end the provider; its client sees the connection close.
            _log.exception("a request could not be answered")
            self._transport.close()
        finally:
            self._work = None


# The loop holds tasks weakly, and the connection of a client who has left is let go.
_RUNNING: set[asyncio.Task[None]] = set()


def _whole(asked: request.Request) -> Request:
    search, body = NonceSearch(ANY_RUN), asked.take()
    for name, said in asked.headers:
        search.header(name.lower(), said)
    search.piece(body)
    path = asked.target.split(b"?", 1)[0].decode("latin-1")
    return Request(asked.method.decode("latin-1"), path, body, search.found)


def _head(status: int, headers: Iterable[tuple[str, str]], *, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {status} {phrase(status)}", *(f"{name}: {value}" for name, value in headers)]
    lines.append(f"connection: {'keep-alive' if keep_alive else 'close'}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
