"""One request to a provider, written whole or not at all, so that what was forwarded can be counted exactly."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from harness.records import Arrival

_REDIAL_WITHIN_S = 1.0
"""A pooled connection that its other end had closed says so within a round trip; one that dies later was in use."""
_LINGER_S = 0.02
"""A provider has this long to take a request up before the edge may close the connection on it."""
_WHOLE_WITHIN_S = 5.0
_IDLE_S = 4.0
"""Below what common servers allow (uvicorn and Node: 5 s), so that they seldom close a connection as it is used."""
_LINE_BYTES_MAX = 1 << 16

# aiohttp would add these, and a proxy must not.
_ADD_NONE = ("user-agent", "accept", "accept-encoding", "content-type")


@dataclass(slots=True)
class Tally:
    """What has been forwarded on one link."""

    forwarded: int = 0
    redials: int = 0


class Upstream:
    """The provider at *url*, trusted by the certificates in *ca* or the system's own. Needs a running event loop."""

    def __init__(self, url: str, ca: Path | None) -> None:
        self._base = url.rstrip("/")
        self.tally = Tally()
        context = ssl.create_default_context(cafile=ca) if url.startswith("https:") else True
        self.pooled = _session(aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=_IDLE_S))
        self.fresh = _session(aiohttp.TCPConnector(limit=0, ssl=context, force_close=True))

    def url(self, target: str) -> URL:
        """Where *target* is at this provider, byte by byte as it stands in the request line (but for an empty query)."""
        return URL(self._base + target, encoded=True)

    async def close(self) -> None:
        await self.pooled.close()
        await self.fresh.close()


class Call:
    """One request, for which *arrival* gets its forwarded_s and redials."""

    def __init__(
        self, upstream: Upstream, method: str, url: URL, headers: CIMultiDict[str], body: bytes, arrival: Arrival
    ) -> None:
        self._upstream = upstream
        self._method = method
        self._url = url
        self._headers = headers
        self._body = body
        self._arrival = arrival
        self._transport: asyncio.Transport | None = None
        self._sends = 0
        self._reused = False
        self._said = False

    async def answer(self) -> aiohttp.ClientResponse:
        """The provider's answer, once its head has come. Raises ClientError or OSError where there is none.

        A pooled connection that dies without a byte had been closed by the provider before this request: then, and only
        then, the request is sent once more, on a fresh one.
        """
        try:
            return await self._ask(self._upstream.pooled)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not self._was_stale(error):
                raise
        if self._arrival.forwarded_s is not None:
            self._arrival.forwarded_s = None
            self._upstream.tally.forwarded -= 1
        self._arrival.redials += 1
        self._upstream.tally.redials += 1
        return await self._ask(self._upstream.fresh)

    async def let_go(self, task: asyncio.Task[aiohttp.ClientResponse]) -> None:
        """End *task*, which is `answer`, for a client who has left.

        What had come whole by then was on its way: the provider still gets it, but need not answer.
        """
        late_s = time.monotonic() + _WHOLE_WITHIN_S
        while not task.done() and not self._taken_up() and time.monotonic() < late_s:
            await asyncio.sleep(0.002)
        if not task.done():
            self.end()
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            task.result().close()

    def end(self) -> None:
        """Let nothing more of the request be written."""
        # A closed transport would still write what waits in its buffer.
        if self._arrival.forwarded_s is None and self._transport is not None:
            self._transport.abort()

    def begin(self, connection: Connection) -> None:
        """Bytes are about to be written to *connection*."""
        self._sends += 1
        if self._sends > 1:
            # aiohttp sends some requests again by itself, and nobody would count that.
            raise aiohttp.ServerDisconnectedError
        self._transport = connection.transport
        protocol = connection.protocol
        self._reused = protocol in _USED
        if protocol is not None:
            _USED.add(protocol)

    def wrote_head(self) -> None:
        """The head was given to the transport; with it, where there is no body, the whole request."""
        if not self._body:
            self._said = True

    async def _ask(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        self._sends = 0
        self._said = False
        _CALL.set(self)
        data = self._pieces() if self._body else None
        answer = await session.request(self._method, self._url, headers=self._headers, data=data, allow_redirects=False)
        # The answer may be here before the writer has looked again.
        if self._said and (self._transport is None or self._transport.is_closing() or self._flushed()):
            self._forwarded()
        return answer

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._said = True
        yield self._body
        wait_s = 0.0
        while not self._flushed():
            await asyncio.sleep(wait_s)
            wait_s = 0.001
        self._forwarded()

    def _flushed(self) -> bool:
        transport = self._transport
        return transport is not None and not transport.is_closing() and transport.get_write_buffer_size() == 0

    def _forwarded(self) -> None:
        if self._arrival.forwarded_s is None:
            self._arrival.forwarded_s = time.monotonic()
            self._upstream.tally.forwarded += 1

    def _was_stale(self, error: aiohttp.ClientError) -> bool:
        if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
            return False  # it is a part of an answer's head
        forwarded_s = self._arrival.forwarded_s
        return self._reused and (forwarded_s is None or time.monotonic() - forwarded_s < _REDIAL_WITHIN_S)

    def _taken_up(self) -> bool:
        if self._said and self._flushed():
            self._forwarded()
        forwarded_s = self._arrival.forwarded_s
        if forwarded_s is None or time.monotonic() - forwarded_s < _LINGER_S:
            return False
        # A connection that has died meanwhile may have been stale; `answer` is about to learn of it.
        return self._transport is None or not self._transport.is_closing()


# The call that the current task makes, for the request class, which aiohttp makes itself.
_CALL: ContextVar[Call] = ContextVar("call")
# Connections on which a request has been sent.
_USED: WeakSet[Any] = WeakSet()


class _Request(aiohttp.ClientRequest):
    """A request that tells its call when it begins to be written."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        call = _CALL.get()
        call.begin(conn)
        answer = await super().send(conn)
        call.wrote_head()
        return answer


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        request_class=_Request,
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        skip_auto_headers=_ADD_NONE,
        # What one client of the target's is given must not be sent for another.
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_LINE_BYTES_MAX,
        max_field_size=_LINE_BYTES_MAX,
    )
