"""Both ends of every link in one process: the tap in front of Toxiproxy, and behind it the edge of one that carries HTTP.

::

    target ──▶ tap (raw bytes, watching) ──▶ Toxiproxy proxy ──▶ edge (HTTP) ──▶ provider
                                                              ──▶ store, replica, database

The process is started with `command` and told what to do through a `WireStage`. It leaves ``attempts.rows`` (what the target tried),
``arrivals.rows`` (what came out of Toxiproxy; the difference is what a fault ate) and ``traffic.rows`` (what passed on each link).
Nothing here loads an HTTP server before the process itself runs.
"""

from harness.running.wire.client import LinkPorts, Ready, WireError, WireStage, command, ready
from harness.running.wire.config import ARRIVALS, ATTEMPTS, TRAFFIC, Config, LinkConfig, write

__all__ = [
    "ARRIVALS",
    "ATTEMPTS",
    "TRAFFIC",
    "Config",
    "LinkConfig",
    "LinkPorts",
    "Ready",
    "WireError",
    "WireStage",
    "command",
    "ready",
    "write",
]
