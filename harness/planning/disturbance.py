"""A fault with its place in time and space, and the phases of the run that it lies in."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults import Fault
from harness.faults.base import CONTAINER, LINK, PROCESS, Aim
from harness.faults.effects import EdgeRule, Effect
from harness.faults.stretches import fault_of


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run, from *start_s* to before *end_s* of the run's clock."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One stretch of a fault; *effects* are made true in order and made false in the opposite one.

    A fault that is in force once is one disturbance of its name; one that comes and goes, or reaches one link after the other, is
    several, which are called by its name, a point and a number from 1.
    """

    id: str
    fault: Fault
    aims: tuple[Aim, ...]
    effects: tuple[Effect, ...]
    start_s: float
    end_s: float
    publishes_at_s: tuple[float, ...]

    @property
    def of(self) -> str:
        """What the scenario calls the fault that it is a stretch of."""
        return fault_of(self.id)

    @property
    def links(self) -> tuple[str, ...]:
        """Names of the links among the things that it is aimed at."""
        return links_of(self.aims)

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of the target's processes among them."""
        return tuple(aim.name for aim in self.aims if aim.what == PROCESS)

    @property
    def containers(self) -> tuple[str, ...]:
        """Names of the containers among them."""
        return tuple(aim.name for aim in self.aims if aim.what == CONTAINER)

    @property
    def broken(self) -> tuple[str, ...]:
        """The links that it breaks for everybody who uses them: none, where it lies in wait for what somebody may do."""
        return self.links if self.fault.breaks and not self.fault.lies_in_wait else ()

    @property
    def of_answers(self) -> bool:
        """Whether it acts on answers, which may give it nothing to do."""
        return any(isinstance(effect, EdgeRule) and effect.rule.of_answers for effect in self.effects)

    @property
    def summary(self) -> str:
        """A few words for a person: what and where, and which stretch of several."""
        return self.fault.summary() + (f" ({self.id})" if self.id != self.of else "")


def links_of(aims: tuple[Aim, ...]) -> tuple[str, ...]:
    return tuple(aim.name for aim in aims if aim.what == LINK)
