"""Ports of 127.0.0.1, each for one process only, although it is bound by another process and later than it is chosen."""

from __future__ import annotations

import errno
import itertools
import os
import socket
from collections import deque
from pathlib import Path

_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOW_PORT = 10_240
# More than one run needs, and few enough to leave descriptors for the rest.
_CLAIMS_MAX = 128
_TAKEN = (errno.EADDRINUSE, errno.EACCES)

# Two processes that look at the same time start at different places.
_turns = itertools.count(os.getpid() * 61)
# Descriptors, since sockets that are still open when a process ends are complained of.
_claims: deque[int] = deque()


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens, and which no other process is given by this function.

    Where possible it is not one that an outgoing connection could be given, so that it stays free, also while a proxy that
    is cut does not hold it. The claim on it is the UDP port of the same number, which is held until this process ends or has
    asked for 128 others.
    """
    first = first_outgoing_port()
    for _ in range(first - _LOW_PORT):
        port = _LOW_PORT + next(_turns) % (first - _LOW_PORT)
        if _claim(port):
            return port
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def first_outgoing_port() -> int:
    """The lowest port that this system gives to outgoing connections."""
    try:
        return int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768  # The lowest that common systems use; others begin at 49152.


def _claim(port: int) -> bool:
    claim = socket.socket(type=socket.SOCK_DGRAM)
    # The claim comes before the look: of two that do both, one at most is left with the port.
    if _can_bind(claim, port):
        # Without SO_REUSEADDR: a service that does without it cannot have a port on which a connection has lately been closed.
        with socket.socket() as probe:
            if _can_bind(probe, port):
                _keep(claim)
                return True
    claim.close()
    return False


def _keep(claim: socket.socket) -> None:
    _claims.append(claim.detach())
    if len(_claims) > _CLAIMS_MAX:
        os.close(_claims.popleft())


def _can_bind(end: socket.socket, port: int) -> bool:
    try:
        end.bind(("127.0.0.1", port))
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True
