"""A whole world in memory, under a clock that jumps: target, providers, stores, faults and clients.

::

    clients ──▶ service ──▶ wire ──▶ provider          events: the loop in which all of it happens
                  │           ╰── network               network: the effects in force on each link
                  ╰──▶ stores ──╯                       calls: counts what a run does, and makes one of them fail
"""

from simulated_world.calls import Calls, Failure
from simulated_world.clients import Flaws
from simulated_world.fragile import Fragile
from simulated_world.health import GoesByConnections, GoesByOutcomes
from simulated_world.resilient import Resilient
from simulated_world.service import Plain, Service
from simulated_world.simulate import Memory, carried, simulate
from simulated_world.tables import tabled
from simulated_world.world import SimWorld, begun

__all__ = [
    "Calls",
    "Failure",
    "Flaws",
    "Fragile",
    "GoesByConnections",
    "GoesByOutcomes",
    "Memory",
    "Plain",
    "Resilient",
    "Service",
    "SimWorld",
    "begun",
    "carried",
    "simulate",
    "tabled",
]
