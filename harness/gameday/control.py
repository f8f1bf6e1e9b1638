"""What whoever watches a game day is shown beside its events: what the file says of it, its agenda, and the figures of the run in hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

HIDDEN = "secret step"
"""What stands for the title of a step that responders may not know yet, and for a fault of it that is in force."""


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step as it may be shown; of a secret one that is not over, *title* is `HIDDEN`, and what it is about is left out."""

    id: str
    kind: str  # scenario, manual, wait or discuss
    title: str
    start: str  # in words: by hand, next, 30 min after the day was opened
    about: str = ""
    verify: str = ""
    rollback: str = ""
    planned_s: float | None = None  # how long a scenario or a wait takes as planned; None where nobody knows
    secret: bool = False  # whether it is hidden now


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """A run as it goes: what `harness.interfaces.watching.Progress` has. Figures are None before the first answer."""

    step: str  # its id
    now_s: float  # of the run's clock, which is 0 when the load begins
    total_s: float
    phase: str
    left_s: float  # of the phase
    in_force: tuple[str, ...]  # faults, as sentences; of a secret step `HIDDEN` each
    confirmed: tuple[bool, ...]  # of each of them: whether it has been seen to be in force
    offered_per_s: float | None  # None where so many users ask, and no rate is offered
    good_per_s: float | None
    p95_s: float | None
    attempts_per_request: float | None
    attempts_per_s: float | None = None  # on links, where the load is the service's own; else None
    answered_ratio: float | None = None  # of these the share that was answered, 0 to 1; None where there was none


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the file names."""

    name: str
    role: Literal["owner", "coordinator", "reporter", "observer", "approves"]
    of: str = ""  # of one who approves: what they are asked to agree to


@dataclass(frozen=True, slots=True)
class PrerequisiteShown:
    """A prerequisite, by its place in the file; *ticked*: a person says that it is met, and the harness finds out of the others."""

    said: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class DayShown:
    """What the file says of the day."""

    name: str
    title: str
    objective: str
    hypothesis: str
    target: str
    prerequisites: tuple[PrerequisiteShown, ...] = ()


class Control(Protocol):
    """What a page can ask of a day that goes on, from any thread; what it says goes to the `Desk`."""

    def about(self) -> DayShown: ...

    def people(self) -> list[Person]: ...

    def agenda(self) -> list[StepShown]:
        """As it may be shown now: once a secret step is over it is shown as it is."""
        ...

    def live(self) -> LiveFigures | None:
        """Of the run in hand; None where none goes on."""
        ...
