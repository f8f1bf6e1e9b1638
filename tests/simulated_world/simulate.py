"""A whole run in memory, from a plan to its evidence, in well under a second."""

from __future__ import annotations

from typing import Protocol

from harness.judging.evidence import Evidence
from harness.planning.plan import Plan
from harness.record.history import Event, History
from harness.running.ports import Record, World
from simulated_world.network import not_carried
from simulated_world.service import Service
from simulated_world.world import SimWorld


class CarryOut(Protocol):
    """`harness.running.loop.run`, which an adapter does not name."""

    def __call__(self, plan: Plan, world: World, record: Record, /) -> History: ...


class Memory:
    """A record in memory; see `ports.Record`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.events.append(event)


def carried(plan: Plan) -> bool:
    """Whether this world is made for all that *plan* does to it."""
    return not any(not_carried(effect) for disturbance in plan.disturbances for effect in disturbance.effects)


def simulate(plan: Plan, service: type[Service], seed: int, carry_out: CarryOut) -> Evidence:
    """What a run of *plan* against *service* leaves, carried out by *carry_out*; equal arguments, equal evidence."""
    sim = SimWorld(plan, service, seed)
    return sim.evidence(carry_out(plan, sim.world, Memory()))
