"""What a place where a fault can bite promises: it makes effects true and false again, says how to undo them, and looks at them.

A new place is one file beside this one and one line in `__init__`; third parties register theirs through the entry-point group ``harness``,
table ``places``. Its effects are frozen Structs whose `place` is its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from msgspec.structs import replace

from harness.faults.effects import Effect, Sight
from harness.reading.target import Container, Link
from harness.registry import Registry
from harness.running.keeper.means import Undo
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.wire.client import WireStage
from harness.running.world.carriers import Carriers
from harness.running.world.probe import look
from harness.running.world.processes import Processes


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a run a place can take hold of; *probe_ports* are where a look at a link begins, as its clients would."""

    carriers: Carriers
    proxies: ToxiproxyStage
    wire: WireStage | None
    links: Mapping[str, Link]
    probe_ports: Mapping[str, int]
    provider_ports: Mapping[str, int] = field(default_factory=dict)
    """Where the simulated provider behind each link is told what to do without."""
    store_addresses: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Where the Redis store behind each link listens itself."""

    processes: Processes | None = None
    """The target's own processes, and those of the run."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    """How each container of the target is found."""
    engine: str = ""
    """Where the engine of containers listens; empty: where it usually does."""
    at_end: ExitStack = field(default_factory=ExitStack)
    """What is to be let go of when the run has ended."""
    resolver_port: int | None = None
    """Where, on 127.0.0.1, a look asks for a name as clients do."""

    @property
    def the_processes(self) -> Processes:
        assert self.processes is not None, "a process can only be aimed at where there is one"
        return self.processes

    @property
    def the_wire(self) -> WireStage:
        assert self.wire is not None, "a link can only be aimed at where there is one, and then there is a wire"
        return self.wire

    def probed(self, sight: Sight, timeout_s: float) -> Sight:
        """*sight* with what a client of its link sees now, within *timeout_s*."""
        link = sight.link
        probe = look(link, ("127.0.0.1", self.probe_ports[link]), self.links[link].carries, timeout_s)
        return replace(sight, outcome=probe.outcome, elapsed_s=probe.elapsed_s)

    def in_the_wire(self, fault: str, link: str) -> Sight:
        """What the tap and the edge of *link*, asked anew, say of *fault*."""
        counts = self.the_wire.counts()[link]
        there = fault in counts.in_force
        return Sight(
            link,
            answered=counts.by_fault.get(fault, 0),
            stands=there,
            amiss="" if there else "neither the tap nor the edge has it in force any more",
            drawn=counts.drawn.get(fault),
            refused=counts.refused.get(fault, {}),
        )


class Place(ABC):
    """One place, in one run. Its verbs return once all that carries the effect has acknowledged it."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def misfit(self, effect: Effect) -> str:
        """Why *effect* could not be made true here, looked at before the load; empty where it could. Raises HarnessError."""
        return ""

    @abstractmethod
    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        """What makes *effect* false whoever carries it out; asked for, and written to disk, before it is made true."""

    @abstractmethod
    def inject(self, fault: str, effect: Effect) -> None:
        """Make *effect* true for *fault*. Raises HarnessError, after which it may be true in part."""

    @abstractmethod
    def revert(self, fault: str, effect: Effect) -> None:
        """Make it false; one that is not in force, or whose carrier has gone and taken it along, is not an error."""

    @abstractmethod
    def ask(self, fault: str, effect: Effect) -> Sight:
        """What the place itself, asked anew, says of it."""

    def look(self, fault: str, effect: Effect, timeout_s: float) -> Sight:
        """What can be seen of it now, within *timeout_s*; at a place that nothing shows but itself, what it says."""
        return self.ask(fault, effect)


places: Registry[type[Place]] = Registry("place where a fault can bite")
