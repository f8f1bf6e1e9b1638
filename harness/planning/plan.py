"""Every moment at which a run will touch the world, known before it is touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import floor
from typing import Literal

from harness.faults import Fault
from harness.faults.effects import Effect
from harness.problems import Problem
from harness.protocols.nonce import REQUESTS_MAX
from harness.reading.expectation import Expectation
from harness.reading.quantities import seconds
from harness.reading.scenario import PHASES, Scenario
from harness.reading.target import Link, Target

_MOMENT = re.compile(r"\s*(?P<phase>[a-z]+)\s*(?:\+\s*(?P<offset>.+?)\s*)?")


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run, from *start_s* to before *end_s* of the run's clock."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One fault with its place in time and space; *effects* are made true in order and made false in the opposite one."""

    id: str
    fault: Fault
    links: tuple[str, ...]
    effects: tuple[Effect, ...]
    start_s: float
    end_s: float
    publishes_at_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One touch of the world."""

    at_s: float
    verb: Literal["inject", "publish", "revert"]
    disturbance: Disturbance


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario aimed at a target: what will be sent, touched and measured, and when."""

    scenario: Scenario
    target: Target
    seed: int
    phases: tuple[Phase, ...]
    disturbances: tuple[Disturbance, ...]
    expectations: tuple[Expectation, ...]

    @property
    def total_s(self) -> float:
        """The last instant at which a request may be due."""
        return self.phases[-1].end_s

    @property
    def requests(self) -> int:
        """How many requests are planned; with Poisson arrivals, on average."""
        # 100 a second for 0.29 s is 29, though the product is a hair less.
        return floor(round(self.scenario.load.rate_per_s * self.total_s, 6))

    @property
    def ends_s(self) -> float:
        """By when every request has been answered or given up."""
        return self.total_s + self.scenario.load.deadline

    @property
    def fault_start_s(self) -> float:
        """When the first fault begins; the start of the fault phase when there is none."""
        return min((d.start_s for d in self.disturbances), default=self.phase("fault").start_s)

    @property
    def fault_end_s(self) -> float:
        """When the last fault ends; the end of the fault phase when there is none."""
        return max((d.end_s for d in self.disturbances), default=self.phase("fault").end_s)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All touches in order; each inject has its revert. At one instant, faults end before others begin, last first."""
        injects = [Step(d.start_s, "inject", d) for d in self.disturbances]
        publishes = [Step(at_s, "publish", d) for d in self.disturbances for at_s in d.publishes_at_s]
        reverts = [Step(d.end_s, "revert", d) for d in reversed(self.disturbances)]
        return tuple(sorted(reverts + injects + publishes, key=lambda step: step.at_s))

    def phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


def plan(
    scenario: Scenario, target: Target, expectations: tuple[Expectation, ...], *, with_faults: bool = True
) -> tuple[Plan, list[Problem]]:
    """*scenario* aimed at *target*, and all that is wrong with that; nothing may be run while there are problems."""
    phases = _phases(scenario)
    placed = (
        [_place(index, fault, phases, target) for index, fault in enumerate(scenario.faults)] if with_faults else []
    )
    disturbances = tuple(disturbance for disturbance, _ in placed if disturbance is not None)
    problems = [problem for _, found in placed for problem in found]
    problems += _overlaps(disturbances)
    if floor(round(scenario.load.rate_per_s * scenario.phases.baseline, 6)) < 1:
        what = (
            f"no request would be due in {scenario.phases.baseline:g} s at {scenario.load.rate_per_s:g} per second, so nobody would know "
            "how the service does when nothing is broken"
        )
        problems.append(Problem(what, path="phases.baseline"))
    if scenario.load.rate_per_s * phases[-1].end_s > REQUESTS_MAX:
        what = (
            f"{scenario.load.rate_per_s:g} a second for {phases[-1].end_s:g} s are more than the {REQUESTS_MAX} requests "
            "that a run can tell apart"
        )
        problems.append(Problem(what, path="load.rate_per_s"))
    if scenario.good.within > scenario.load.deadline:
        what = f"{scenario.good.within:g} s is later than the client's deadline of {scenario.load.deadline:g} s (load.deadline)"
        problems.append(Problem(what, path="good.within"))
    return Plan(scenario, target, scenario.seed, phases, disturbances, expectations), problems


def _phases(scenario: Scenario) -> tuple[Phase, ...]:
    phases, start_s = [], 0.0
    for name in PHASES:
        end_s = round(start_s + getattr(scenario.phases, name), 9)
        phases.append(Phase(name, start_s, end_s))
        start_s = end_s
    return tuple(phases)


def _place(
    index: int, fault: Fault, phases: tuple[Phase, ...], target: Target
) -> tuple[Disturbance | None, list[Problem]]:
    here = f"faults[{index}]"
    links = {name: target.links[name] for name in fault.aim(target.links)}
    problems = _misaimed(here, fault, links, target)
    window = _window(here, fault, phases)
    if isinstance(window, Problem):
        return None, [*problems, window]
    if problems:
        return None, problems
    start_s, end_s = window
    published = tuple(round(start_s + after_s, 9) for after_s in fault.publishes_at_s())
    if any(at_s >= end_s for at_s in published):
        return None, [
            Problem(
                f"the snapshot would be published at {max(published):g} s, after the fault ends at {end_s:g} s",
                path=here,
            )
        ]
    identity = f"{fault.kind}-{index + 1}"
    return Disturbance(identity, fault, tuple(links), fault.effects(links), start_s, end_s, published), []


def _misaimed(here: str, fault: Fault, links: Mapping[str, Link], target: Target) -> list[Problem]:
    problems = []
    if not links:
        known = "; ".join(
            f"{name} ({link.kind}{f', {link.region}' if link.region else ''})" for name, link in target.links.items()
        )
        problems.append(
            Problem(f"{fault.summary()}: target {target.name!r} has no such link; it has {known or 'none'}", path=here)
        )
    for name, link in links.items():
        if fault.needs == "http" and link.carries != "http":
            what = f"link {name!r} carries {link.carries}, and {fault.kind} can only be answered on an HTTP link"
            problems.append(Problem(what, path=here))
    if fault.publishes_at_s() and target.publish is None:
        what = f"{fault.kind} publishes a snapshot, and target {target.name!r} does not say how; add publish: {{post: URL}} to it"
        problems.append(Problem(what, path=here))
    return problems


def _window(here: str, fault: Fault, phases: tuple[Phase, ...]) -> tuple[float, float] | Problem:
    moment = _MOMENT.fullmatch(fault.at)
    phase = next((phase for phase in phases if moment and phase.name == moment["phase"]), None)
    try:
        offset_s = seconds(moment["offset"]) if moment and moment["offset"] else 0.0
    except ValueError as error:
        return Problem(str(error), path=f"{here}.at")
    if phase is None or phase.name != "fault":
        # Before it, the baseline would not be one; after it, there would be nothing left to recover in.
        return Problem(f"{fault.at!r} is not inside the fault phase; write fault, or fault + 3s", path=f"{here}.at")
    start_s = round(phase.start_s + offset_s, 9)
    end_s = phase.end_s if fault.lasts is None else round(start_s + fault.lasts, 9)
    if not start_s < end_s <= phase.end_s:
        what = f"it would last from {start_s:g} s to {end_s:g} s, and the fault phase from {phase.start_s:g} s to {phase.end_s:g} s"
        return Problem(what, path=here)
    if round(end_s - start_s, 9) <= fault.shown_after_s():
        what = (
            f"it would last {end_s - start_s:g} s, and nobody can see that it took hold before {fault.shown_after_s():g} s; "
            "let it last longer"
        )
        return Problem(what, path=here)
    return start_s, end_s


def _overlaps(disturbances: tuple[Disturbance, ...]) -> list[Problem]:
    """Two faults that would lay the same kind of effect on one link at one time."""
    return [
        Problem(
            f"{one.id} and {other.id} overlap on link {link!r}: {one.fault.kind} would be there twice at once",
            path="faults",
        )
        for one, other in combinations(disturbances, 2)
        if one.fault.kind == other.fault.kind and one.start_s < other.end_s and other.start_s < one.end_s
        for link in sorted(set(one.links) & set(other.links))
    ]
