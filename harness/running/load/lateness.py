"""How late the loop of the load child runs: counted by a greenlet of its own; only the load child imports this."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import NoReturn

import gevent

from harness.record.instrument import InstrumentFile, OwnLateness


def count_lateness(path: str) -> NoReturn:
    """Add to the file at *path*, until it is killed, how late this greenlet is run each time."""
    own = OwnLateness(InstrumentFile(Path(path)), "load", monotonic())
    while True:
        gevent.sleep(max(0.0, own.due_s - monotonic()))
        own.ran(monotonic())
