"""A Toxiproxy server of our own: its command line, and how to tell that it serves."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness.problems import HarnessError
from harness.running.toxiproxy.client import ToxiproxyApi
from harness.running.toxiproxy.errors import ToxiproxyWedged
from harness.running.toxiproxy.version import Version

ENVIRONMENT = {"LOG_LEVEL": "error"}
"""What to add to the server's environment: unasked it logs 2 kB a connection, and freezes when nobody reads that."""

_POLL_S = 0.02

# What passes the wire passes it too, both ways: if only the wire went before others, all would wait for it.
_FIRST = """
import os, sys
try:
    os.nice(-10)
except OSError:
    pass
os.execv(sys.argv[1], sys.argv[1:])
"""


def command(binary: Path, port: int) -> list[str]:
    """The command line of a server whose interface is at 127.0.0.1:*port*. Its output needs a reader or a file.

    It is part of the instrument: where it is allowed to, it goes before what is measured on a busy machine.
    """
    return [sys.executable, "-IS", "-c", _FIRST, str(binary), "-host", "127.0.0.1", "-port", str(port)]


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
