"""One active look through a proxy, made on a plain socket so that nothing retries or waits behind it."""

from __future__ import annotations

import socket
import time
from typing import Literal

from harness.faults.effects import Probe

Protocol = Literal["http", "redis", "tcp"]
Outcome = Literal["answered", "silent", "refused", "closed"]

_SETTLE_S = 0.2
_REQUESTS: dict[Protocol, bytes] = {
    "http": b"GET /.harness/probe HTTP/1.1\r\nHost: harness\r\nx-harness-probe: 1\r\nConnection: close\r\n\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
}


def look(link: str, address: tuple[str, int], protocol: Protocol, timeout_s: float) -> Probe:
    """What a client of *link* sees within *timeout_s*: any first byte is an answer.

    ``silent``: nothing came; ``refused``: nobody listens; ``closed``: the connection ended or was reset before a
    byte came. For ``tcp`` nothing is sent, and a connection that stays open for a fifth of a second is
    ``answered``. *elapsed_s* of the probe is from connecting to the first byte, for ``tcp`` to the connection.
    Raises OSError when this machine cannot try.
    """
    start_s = time.monotonic()
    outcome, end_s = _outcome(address, protocol, start_s + timeout_s)
    return Probe(link, outcome, end_s - start_s)


def _outcome(address: tuple[str, int], protocol: Protocol, until_s: float) -> tuple[Outcome, float]:
    try:
        connection = socket.create_connection(address, timeout=_left_s(until_s))
    except ConnectionRefusedError:
        return "refused", time.monotonic()
    except ConnectionError:
        return "closed", time.monotonic()
    except TimeoutError:
        return "silent", time.monotonic()
    connected_s = time.monotonic()
    with connection:
        if protocol == "tcp":
            seen = _first_byte(connection, b"", min(until_s, connected_s + _SETTLE_S))
            return ("closed", time.monotonic()) if seen == "closed" else ("answered", connected_s)
        seen = _first_byte(connection, _REQUESTS[protocol], until_s)
        return seen, time.monotonic()


def _first_byte(connection: socket.socket, request: bytes, until_s: float) -> Literal["answered", "silent", "closed"]:
    try:
        connection.settimeout(_left_s(until_s))
        connection.sendall(request)
        connection.settimeout(_left_s(until_s))
        return "answered" if connection.recv(1) else "closed"
    except TimeoutError:
        return "silent"
    except ConnectionError:
        return "closed"


def _left_s(until_s: float) -> float:
    # Not 0: that would make the socket non-blocking.
    return max(0.001, until_s - time.monotonic())
