"""A whole run in memory, from a plan to its evidence, in well under a second."""

from __future__ import annotations

from typing import Protocol

from harness.adapters.sim.service import Service
from harness.adapters.sim.world import SimWorld
from harness.evidence import Evidence
from harness.history import Event, History
from harness.plan import Plan
from harness.ports import Record, World


class CarryOut(Protocol):
    """`harness.loop.run`, which an adapter does not name."""

    def __call__(self, plan: Plan, world: World, record: Record, /) -> History: ...


class Memory:
    """A record in memory; see `ports.Record`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)


def simulate(plan: Plan, service: type[Service], seed: int, carry_out: CarryOut) -> Evidence:
    """What a run of *plan* against *service* leaves, carried out by *carry_out*; equal arguments, equal evidence."""
    sim = SimWorld(plan, service, seed)
    return sim.evidence(carry_out(plan, sim.world, Memory()))
