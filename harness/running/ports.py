"""What a run needs of the world, as protocols; adapters make them true, and the simulated world does so in memory."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from harness.faults.effects import Sight
from harness.planning.disturbance import Disturbance
from harness.problems import HarnessError
from harness.record.history import Event


class Clock(Protocol):
    """Seconds since the load began."""

    def now(self) -> float: ...

    def sleep_until(self, at_s: float) -> None: ...


class Injector(Protocol):
    """Makes faults true and false again. Every verb returns once all that carries the fault has acknowledged it."""

    def inject(self, disturbance: Disturbance) -> None:
        """Writes the undo to disk, then makes it true. Raises HarnessError or ProxyWedgedError."""

    def revert(self, disturbance: Disturbance) -> None:
        """Makes it false; one that is not in force is not an error."""

    def look(self, disturbance: Disturbance) -> None:
        """Begins a fresh look at it, by a probe through each link where a probe can show it, and returns at once."""

    def looked(self, disturbance: Disturbance) -> tuple[Sight, ...] | None:
        """What the look saw of each link; None while it is still looking, and once that was told."""

    def ask(self, disturbance: Disturbance) -> tuple[Sight, ...]:
        """What the places that carry it say of each link right now, without a probe."""


class Load(Protocol):
    """The clients."""

    def start(self) -> None:
        """The clock is 0 when this returns, or shortly after."""

    def ended(self) -> bool:
        """Whether every request has been sent and has ended."""

    def stop(self) -> None:
        """No more requests; those still open are recorded as unfinished. Harmless when it has ended."""


class Subject(Protocol):
    """The system under test, as far as a run touches it itself."""

    def publish(self) -> int:
        """Publishes the next snapshot and returns its version, once the primary has it."""


class Watch(Protocol):
    """Looks after everything that was started."""

    def check(self) -> None:
        """Raises UntrustworthyError when the measurement has become untrustworthy, AbortedError when the run goes worse than it may, and
        HarnessError when a process died.

        That is ServiceEndedError where it was one of the system under test.
        """


class Interruptions(Protocol):
    """Signals that ask the harness to stop, which arrive as KeyboardInterrupt."""

    def held(self) -> AbstractContextManager[None]:
        """No interruption arrives inside; a signal that comes is remembered."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a run can touch."""

    clock: Clock
    injector: Injector
    load: Load
    subject: Subject
    watch: Watch
    interruptions: Interruptions


class Record(Protocol):
    """Where the history is written, line by line, as it happens."""

    def write(self, event: Event) -> None:
        """Raises OSError where it cannot be written."""


class ServiceEndedError(HarnessError):
    """A process of the system under test has ended, though nobody asked it to."""


class AbortedError(Exception):
    """The run goes worse than its scenario allows; the message says what is how bad."""


class UntrustworthyError(Exception):
    """What is measured from now on would say nothing; the message says why."""


class ProxyWedgedError(UntrustworthyError):
    """The fault proxy no longer answers, so nobody knows which faults are in force."""
