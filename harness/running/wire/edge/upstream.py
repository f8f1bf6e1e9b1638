"""A provider, and the connections to it that are kept from one request to the next."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.http1.headers import Headers, written
from harness.running.wire.edge.dialling import Dialling
from harness.running.wire.edge.upstream_connection import UpstreamConnection

_IDLE_S = 4.0
"""Below what common servers allow (uvicorn and Node: 5 s), so that they seldom close a connection as it is used."""

_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Tally:
    """What has been forwarded on one link."""

    forwarded: int = 0
    redials: int = 0


class Upstream:
    """The provider at *url*, and the connections to it; *way* is how each comes about.

    It is reached through *proxy* where that is the address of one, and the authority in the file *ca* can vouch for it, beside those
    that this machine trusts. Raises OSError where that file cannot be used.
    """

    def __init__(self, url: str, *, proxy: str = "", ca: str = "") -> None:
        parts = urlsplit(url)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        if tls is not None and ca:
            tls.load_verify_locations(ca)
        self.tally = Tally()
        self.way = Dialling(parts.hostname or "", parts.port or _PORTS[parts.scheme], tls, proxy)
        self._host = parts.netloc.rpartition("@")[2].encode("idna")
        self._path = parts.path.rstrip("/").encode()
        self._connections: set[UpstreamConnection] = set()
        self._free: list[UpstreamConnection] = []
        self._sweep: asyncio.TimerHandle | None = None

    def head(self, method: bytes, target: bytes, headers: Headers, host: bytes = b"") -> bytes:
        """The head of a request for *target* at this provider, which stands in it byte by byte; *headers* name no host, *host* may."""
        place = target if target == b"*" else self._path + target
        return written(b"%b %b HTTP/1.1\r\nHost: %b" % (method, place, host or self._host), headers)

    def take(self) -> UpstreamConnection | None:
        """A free connection that has been used before, if there is one."""
        oldest_s = time.monotonic() - _IDLE_S
        while self._free:
            connection = self._free.pop()
            if not connection.ending and connection.free_since_s > oldest_s:
                return connection
            connection.let_go()
        return None

    async def dial(self) -> UpstreamConnection:
        """A fresh connection. Raises OSError where there is none to be had."""
        connection = await self.way(lambda: UpstreamConnection(self))
        self._connections.add(connection)
        return connection

    def keep(self, connection: UpstreamConnection) -> None:
        connection.free_since_s = time.monotonic()
        self._free.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_IDLE_S, self._let_go_of_idle)

    def forget(self, connection: UpstreamConnection) -> None:
        self._connections.discard(connection)
        if connection in self._free:
            self._free.remove(connection)

    def close(self) -> None:
        """End all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._connections):
            connection.let_go()

    def _let_go_of_idle(self) -> None:
        oldest_s = time.monotonic() - _IDLE_S
        for connection in [connection for connection in self._free if connection.free_since_s <= oldest_s]:
            self._free.remove(connection)
            connection.let_go()
        # What is free longest stands first.
        wait_s = self._free[0].free_since_s - oldest_s if self._free else 0.0
        self._sweep = asyncio.get_running_loop().call_later(wait_s, self._let_go_of_idle) if self._free else None
