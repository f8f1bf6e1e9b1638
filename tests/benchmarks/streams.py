"""Streamed answers at a constant rate, for benchmarks of the wire: who gives them, and who asks for them and waits for the first token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import cast

RATE_PER_S = 200
CHUNKS = 20
GAP_S = 0.005

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"token "}}]}\n\n'
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_NONCE = b"n-0123456789"
_BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"%b %b"}]}' % (b"words " * 300, _NONCE)
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
_NUMBERS = count()


def asked(number: int = 0) -> bytes:
    """The request for stream *number*, as it is sent; each has a nonce of its own."""
    return _REQUEST.replace(_NONCE, b"n-%06x0000" % number)


class Provider(asyncio.Protocol):
    """Says `CHUNKS` events, `GAP_S` apart, to whoever asks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"]}"):
            self._transport.write(_HEAD)
            self._say(1)

    def _say(self, number: int) -> None:
        if number > CHUNKS:
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(_CHUNK)
        asyncio.get_running_loop().call_later(GAP_S, self._say, number + 1)


class _Stream(asyncio.Protocol):
    """A client's connection, used for one stream after another."""

    def __init__(self, idle: list[_Stream], waits_ms: list[float]) -> None:
        self._idle = idle
        self._waits_ms = waits_ms

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> None:
        self._waiting = True
        self._began_s = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._waiting and b"data: " in data:
            self._waiting = False
            self._waits_ms.append((time.perf_counter() - self._began_s) * 1000)
        if data.endswith(b"0\r\n\r\n"):
            self._idle.append(self)


class Load:
    """Streams to *port* at a constant rate; `waits_ms` has how long each first token took."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Stream] = []
        self.waits_ms: list[float] = []
        self.sent, self.cpu_s = 0, 0.0

    def forget(self) -> None:
        """Begin anew, with connections open."""
        self.waits_ms.clear()
        self.sent, self.cpu_s = 0, 0.0

    async def ask(self) -> None:
        """Begin one more stream."""
        if not self._idle:
            loop = asyncio.get_running_loop()
            _, stream = await loop.create_connection(
                lambda: _Stream(self._idle, self.waits_ms), "127.0.0.1", self._port
            )
            self._idle.append(stream)
        self._idle.pop().ask(asked(next(_NUMBERS)))
        self.sent += 1

    async def stretch(self, for_s: float, used_s: Callable[[], float] = lambda: 0.0) -> None:
        """Streams *for_s*; `cpu_s` gets by how much the processor time that *used_s* says has grown meanwhile."""
        before_s = used_s()
        await by_turns([self], for_s)
        self.cpu_s += used_s() - before_s


async def by_turns(loads: Sequence[Load], for_s: float) -> None:
    """Streams *for_s*, at `RATE_PER_S` of all *loads* together, one of each after the other."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(int(RATE_PER_S * for_s)):
        await asyncio.sleep(began_s + number / RATE_PER_S - loop.time())
        await loads[number % len(loads)].ask()
    await asyncio.sleep(2 * CHUNKS * GAP_S)


def at(values: list[float], share_ratio: float) -> float:
    """The smallest of *values* below which that share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share_ratio))]
