"""One request to a provider, written whole or not at all, so that what was forwarded can be counted exactly."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from harness.record.rows import Arrival
from harness.running.wire.edge.answer import Head
from harness.running.wire.edge.headers import Headers, written
from harness.running.wire.edge.line import Line

_REDIAL_WITHIN_S = 1.0
"""A pooled connection that its other end had closed says so within a round trip; one that dies later was in use."""
_LINGER_S = 0.02
"""A provider has this long to take a request up before the edge may close the connection on it."""
_LINGER_STEPS = 5
"""As many turns of the event loop are between: else a moment in which this process stood still would pass for that time."""
_WHOLE_WITHIN_S = 5.0
_IDLE_S = 4.0
"""Below what common servers allow (uvicorn and Node: 5 s), so that they seldom close a connection as it is used."""

_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Tally:
    """What has been forwarded on one link."""

    forwarded: int = 0
    redials: int = 0


class Upstream:
    """The provider at *url*, trusted by the certificates in *ca* or the system's own, and the connections to it."""

    def __init__(self, url: str, ca: Path | None) -> None:
        parts = urlsplit(url)
        self.tally = Tally()
        self._name = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._host = parts.netloc.rpartition("@")[2].encode("idna")
        self._path = parts.path.rstrip("/").encode()
        self._ssl = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        self._lines: set[Line] = set()
        self._free: list[Line] = []
        self._sweep: asyncio.TimerHandle | None = None

    def request(self, method: bytes, target: bytes, headers: Headers, body: bytes) -> bytes:
        """A whole request for *target* at this provider, which stands in it byte by byte; *headers* name no host."""
        return written(b"%b %b%b HTTP/1.1\r\nHost: %b" % (method, self._path, target, self._host), headers) + body

    def take(self) -> Line | None:
        """A free connection that has been used before, if there is one."""
        oldest_s = time.monotonic() - _IDLE_S
        while self._free:
            line = self._free.pop()
            if not line.ending and line.free_since_s > oldest_s:
                return line
            line.let_go()
        return None

    async def dial(self) -> Line:
        """A fresh connection. Raises OSError where there is none to be had."""
        name = self._name if self._ssl else None
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            lambda: Line(self), self._name, self._port, ssl=self._ssl, server_hostname=name
        )
        self._lines.add(line)
        return line

    def keep(self, line: Line) -> None:
        line.free_since_s = time.monotonic()
        self._free.append(line)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_IDLE_S, self._let_go_of_idle)

    def forget(self, line: Line) -> None:
        self._lines.discard(line)
        if line in self._free:
            self._free.remove(line)

    def close(self) -> None:
        """End all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for line in list(self._lines):
            line.let_go()

    def _let_go_of_idle(self) -> None:
        oldest_s = time.monotonic() - _IDLE_S
        for line in [line for line in self._free if line.free_since_s <= oldest_s]:
            self._free.remove(line)
            line.let_go()
        # What is free longest stands first.
        wait_s = self._free[0].free_since_s - oldest_s if self._free else 0.0
        self._sweep = asyncio.get_running_loop().call_later(wait_s, self._let_go_of_idle) if self._free else None


class Hearer(Protocol):
    """Who wants an answer."""

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        """The next *pieces* of the answer, whose head is *head*; *whole*: they are the last."""

    def fail(self, error: Exception) -> None:
        """No answer will come, or not the rest of it."""


class Call:
    """One *request* for *hearer*, for which *arrival* gets its forwarded_s and redials.

    A pooled connection that ends without a byte had been closed by the provider before this request: then, and only then,
    the request is sent once more, on a fresh one.
    """

    def __init__(self, upstream: Upstream, request: bytes, hearer: Hearer, arrival: Arrival, *, to_head: bool) -> None:
        self._upstream = upstream
        self._request = request
        self._hearer = hearer
        self._arrival = arrival
        self._to_head = to_head
        self._line: Line | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._let_go: Callable[[], None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send the request. The hearer hears of it only after this has returned."""
        line = self._upstream.take()
        if line is not None:
            self._say(line)
        else:
            self._dial()

    def end(self) -> None:
        """Let nothing more be heard, and nothing more of the request be written."""
        for timer in (self._late, self._lingering):
            if timer is not None:
                timer.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        line, self._line = self._line, None
        if line is not None:
            line.let_go()

    def let_go(self, then: Callable[[], None]) -> None:
        """End for a client who has left, and call *then*; the hearer hears no more.

        What had come whole by then was on its way: the provider still gets it, but need not answer.
        """
        self._let_go = then
        self._late = asyncio.get_running_loop().call_later(_WHOLE_WITHIN_S, self._finish)
        if self._arrival.forwarded_s is not None:
            self._linger(_LINGER_STEPS)

    def pause(self) -> None:
        """Take no more of the answer until `resume`."""
        if self._line is not None:
            self._line.pause()

    def resume(self) -> None:
        if self._line is not None:
            self._line.resume()

    # What the line calls.

    def sent(self) -> None:
        self._arrival.forwarded_s = time.monotonic()
        self._upstream.tally.forwarded += 1
        if self._let_go is not None:
            self._linger(_LINGER_STEPS)

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        if whole:
            self._line = None
        if self._let_go is not None:
            self._finish()
        else:
            self._hearer.hear(head, pieces, whole=whole)

    def lost(self, error: Exception, *, silent: bool) -> None:
        line, self._line = self._line, None
        assert line is not None
        if silent and line.requests > 1 and self._was_stale():
            self._redial()
        else:
            self._fail(error)

    # How the request is sent.

    def _dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._reach())

    async def _reach(self) -> None:
        try:
            line = await self._upstream.dial()
        except (OSError, UnicodeError) as error:
            self._dialling = None
            self._fail(error)
        else:
            self._dialling = None
            self._say(line)

    def _say(self, line: Line) -> None:
        self._line = line
        line.say(self._request, self, to_head=self._to_head)

    def _was_stale(self) -> bool:
        forwarded_s = self._arrival.forwarded_s
        return forwarded_s is None or time.monotonic() - forwarded_s < _REDIAL_WITHIN_S

    def _redial(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
        if self._arrival.forwarded_s is not None:
            self._arrival.forwarded_s = None
            self._upstream.tally.forwarded -= 1
        self._arrival.redials += 1
        self._upstream.tally.redials += 1
        self._dial()

    # How it ends.

    def _fail(self, error: Exception) -> None:
        if self._let_go is not None:
            self._finish()
        else:
            self._hearer.fail(error)

    def _linger(self, steps: int) -> None:
        # A connection that has died meanwhile may have been stale, and then `lost` is about to be called.
        if steps:
            wait_s = _LINGER_S / _LINGER_STEPS
            self._lingering = asyncio.get_running_loop().call_later(wait_s, self._linger, steps - 1)
        elif self._line is None or not self._line.ending:
            self._finish()

    def _finish(self) -> None:
        then, self._let_go = self._let_go, None
        self.end()
        if then is not None:
            then()
