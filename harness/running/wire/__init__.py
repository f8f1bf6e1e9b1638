"""Both ends of every HTTP link in one process: the tap in front of Toxiproxy, and the edge behind it.

::

    target ──▶ tap (raw bytes, watching) ──▶ Toxiproxy proxy ──▶ edge (HTTP) ──▶ provider

The process is started with `command` and told what to do through a `WireStage`. It leaves ``attempts.rows`` (what the target tried)
and ``arrivals.rows`` (what came out of Toxiproxy); the difference is what a fault ate. Nothing here loads an HTTP server before
the process itself runs.
"""

from harness.running.wire.client import LinkPorts, Ready, WireError, WireStage, command, ready
from harness.running.wire.config import ARRIVALS, ATTEMPTS, config

__all__ = ["ARRIVALS", "ATTEMPTS", "LinkPorts", "Ready", "WireError", "WireStage", "command", "config", "ready"]
