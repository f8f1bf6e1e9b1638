"""The clients: a child process in which Locust sends each request when it is due, and what the harness says to it."""

from harness.planning.schedule import Schedule
from harness.protocols.asking import ResolvedAsk, resolved
from harness.protocols.protocols import PROTOCOLS, protocol
from harness.running.load.child import LOCUSTFILE, command, ready, start_at, write_plan
from harness.running.load.handshake import Ready
from harness.running.load.plan import Limits, LoadPlan, PlannedQuestion

__all__ = [
    "LOCUSTFILE",
    "PROTOCOLS",
    "Limits",
    "LoadPlan",
    "PlannedQuestion",
    "Ready",
    "ResolvedAsk",
    "Schedule",
    "command",
    "protocol",
    "ready",
    "resolved",
    "start_at",
    "write_plan",
]
