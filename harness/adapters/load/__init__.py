"""The clients: a child process in which Locust sends each request when it is due, and what the harness says to it."""

from harness.adapters.load.child import LOCUSTFILE, command, ready, start_at, write_plan
from harness.adapters.load.handshake import Ready
from harness.adapters.load.plan import Ask, Entry, Limits, LoadPlan, Question, resolved
from harness.adapters.load.protocols import PROTOCOLS, protocol
from harness.adapters.load.schedule import planned_count

__all__ = [
    "LOCUSTFILE",
    "PROTOCOLS",
    "Ask",
    "Entry",
    "Limits",
    "LoadPlan",
    "Question",
    "Ready",
    "command",
    "planned_count",
    "protocol",
    "ready",
    "resolved",
    "start_at",
    "write_plan",
]
