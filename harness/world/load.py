"""The load of a real run: the Locust child, told what to send by a file, and when to begin by another."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path

from harness.adapters.load import child
from harness.documents.fill import fill, secrets
from harness.plan import Plan
from harness.problems import HarnessError
from harness.world.clock import RunClock
from harness.world.processes import Processes

_NAME = "load"
_READY_S = 20.0
# The child looks for its start file every few milliseconds; this leaves it time to see it.
_START_IN_S = 0.2
_GRACE_S = 2.0


class LoadChild:
    """Clients in a process of their own; see `ports.Load`."""

    def __init__(self, processes: Processes, plan: Plan, questions: Mapping[str, str], run_id: str, rows: Path, temp: Path) -> None:
        self.clock = RunClock()
        self._processes, self._plan, self._questions = processes, plan, questions
        self._run_id, self._rows, self._temp = run_id, rows, temp
        self._deadline_s = 0.0

    def spawn(self) -> None:
        """Start the child; it sends nothing yet."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it could begin at once. Raises HarnessError when it takes too long."""
        raise NotImplementedError

    def set_off(self) -> float:
        """Sets the run's clock going."""
        zero_s = time.monotonic() + _START_IN_S
        self.clock.start(zero_s)
        return zero_s
