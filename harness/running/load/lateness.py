"""How late the loop of the load child runs: counted by a greenlet of its own; only the load child imports this."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import NoReturn

import gevent

from harness.record.instrument import InstrumentFile, OwnLateness


def count_lateness(path: str, ahead_s: float = 0.0) -> NoReturn:
    """Add to the file at *path*, until it is killed, how late this greenlet is run each time; this clock is *ahead_s* of the run's."""
    own = OwnLateness(InstrumentFile(Path(path)), "load", monotonic() - ahead_s)
    while True:
        gevent.sleep(max(0.0, own.due_s + ahead_s - monotonic()))
        own.ran(monotonic() - ahead_s)
