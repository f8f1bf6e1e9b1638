"""A whole world in memory, under a clock that jumps: target, providers, stores, faults and clients.

::

    clients ──▶ service ──▶ wire ──▶ provider          events: the loop in which all of it happens
                  │           ╰── network               network: the effects in force on each link
                  ╰──▶ stores ──╯                       calls: counts what a run does, and makes one of them fail
"""

from harness.adapters.sim.calls import Calls, Failure
from harness.adapters.sim.clients import Flaws
from harness.adapters.sim.fragile import Fragile
from harness.adapters.sim.resilient import Resilient
from harness.adapters.sim.service import Plain, Service
from harness.adapters.sim.simulate import Memory, simulate
from harness.adapters.sim.world import SimWorld, begun

__all__ = [
    "Calls",
    "Failure",
    "Flaws",
    "Fragile",
    "Memory",
    "Plain",
    "Resilient",
    "Service",
    "SimWorld",
    "begun",
    "simulate",
]
