"""A Toxiproxy server of our own: its command line, its port, and how to tell that it serves."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from harness.adapters.toxiproxy.client import ToxiproxyApi
from harness.adapters.toxiproxy.errors import ToxiproxyWedged
from harness.adapters.toxiproxy.version import Version
from harness.problems import HarnessError

ENVIRONMENT = {"LOG_LEVEL": "error"}
"""What to add to the server's environment: unasked it logs 2 kB a connection, and freezes when nobody reads that."""

_POLL_S = 0.02
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOW_PORT = 10_240
# Two processes that look at the same time start at different places.
_turns = itertools.count(os.getpid() * 61)


def command(binary: Path, port: int) -> list[str]:
    """The command line of a server whose interface is at 127.0.0.1:*port*. Its output needs a reader or a file."""
    return [str(binary), "-host", "127.0.0.1", "-port", str(port)]


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens; where possible not one that an outgoing connection could be given.

    So it stays free, also while a proxy that is cut does not hold it.
    """
    first = _first_outgoing_port()
    for _ in range(first - _LOW_PORT):
        port = _LOW_PORT + next(_turns) % (first - _LOW_PORT)
        if _is_free(port):
            return port
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def wait_ready(api: ToxiproxyApi, deadline_s: float, alive: Callable[[], bool]) -> Version:
    """The version of the server, as soon as it answers.

    Raises HarnessError when *alive* is false, when it does not answer by *deadline_s* of the monotonic clock (a
    server that cannot listen only logs it), or when it is too old.
    """
    while True:
        if not alive():
            raise HarnessError(f"the Toxiproxy server for {api.url} ended before it answered")
        try:
            return api.supported_version()
        except ToxiproxyWedged as error:
            if time.monotonic() >= deadline_s:
                raise HarnessError(f"the Toxiproxy server runs, but did not answer in time: {error}") from error
        time.sleep(_POLL_S)


def _first_outgoing_port() -> int:
    try:
        return int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768  # The lowest that common systems use; others begin at 49152.


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return False
        return True
