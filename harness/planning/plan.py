"""Every moment at which a run will touch the world, known before it is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from harness.faults import Fault
from harness.faults.base import LINK, Aim
from harness.faults.effects import Effect
from harness.planning.schedule import Schedule, count
from harness.planning.windows import Window, merged
from harness.problems import Problem
from harness.protocols.nonce import REQUESTS_MAX
from harness.reading.expectation import PHASE_NAME, Expectation
from harness.reading.quantities import seconds
from harness.reading.scenario import AROUND, Scenario, in_order
from harness.reading.target import Target
from harness.registry import suggestion

_MOMENT = re.compile(rf"\s*(?P<phase>{PHASE_NAME})\s*(?:\+\s*(?P<offset>.+?)\s*)?")


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
    aims: tuple[Aim, ...]
    effects: tuple[Effect, ...]
    start_s: float
    end_s: float
    publishes_at_s: tuple[float, ...]

    @property
    def links(self) -> tuple[str, ...]:
        """Names of the links among the things that it is aimed at."""
        return _links(self.aims)


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
    def schedule(self) -> Schedule:
        """When every request is due."""
        load = self.scenario.load
        return Schedule(load.arrivals, load.rate_per_s, self.total_s, load.jitter, load.turn_gap, self.seed)

    @property
    def ends_s(self) -> float:
        """By when every request has been answered or given up."""
        return self.total_s + self.scenario.load.deadline

    @property
    def between(self) -> tuple[Phase, ...]:
        """The phases in which something may be broken."""
        return tuple(phase for phase in self.phases if phase.name not in AROUND)

    @property
    def triggers(self) -> tuple[Disturbance, ...]:
        """The faults that there is something to recover from, in the order in which they begin."""
        return tuple(sorted((d for d in self.disturbances if not d.fault.aftereffect), key=lambda d: d.start_s))

    @property
    def fault_start_s(self) -> float:
        """When the first trigger begins; where nothing is broken, when the phases between begin."""
        return min((d.start_s for d in self.triggers), default=self.phase("baseline").end_s)

    @property
    def fault_end_s(self) -> float:
        """When the last trigger ends; where nothing is broken, when the recovery begins."""
        return max((d.end_s for d in self.triggers), default=self.phase("recovery").start_s)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The stretches in which a trigger is to be in force; where nothing is broken, all phases in which something may be."""
        if self.disturbances:
            return merged(Window(d.start_s, d.end_s, faults=(d.id,)) for d in self.triggers)
        return (Window(self.fault_start_s, self.fault_end_s),) if self.between else ()

    def windows_of(self, fault: str) -> tuple[Window, ...]:
        """The window that *fault* belongs to; of an aftereffect its own; all windows where nothing is to be broken."""
        found = self.windows
        if not self.disturbances:
            return found
        named = tuple(window for window in found if fault in window.faults)
        return named or tuple(Window(d.start_s, d.end_s, faults=(d.id,)) for d in self.disturbances if d.id == fault)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All touches in order; each inject has its revert. At one instant faults end before others begin, the last begun first."""
        begun = sorted(self.disturbances, key=lambda d: d.start_s)
        injects = [Step(d.start_s, "inject", d) for d in begun]
        publishes = [Step(at_s, "publish", d) for d in begun for at_s in d.publishes_at_s]
        reverts = [Step(d.end_s, "revert", d) for d in reversed(begun)]
        return tuple(sorted(reverts + injects + publishes, key=lambda step: step.at_s))

    def phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


def plan(
    scenario: Scenario, target: Target, expectations: tuple[Expectation, ...], *, with_faults: bool = True
) -> tuple[Plan, list[Problem]]:
    """*scenario* aimed at *target*, and all that is wrong with that; nothing may be run while there are problems."""
    phases = _phases(scenario)
    placed = (
        [
            _place(index, name, fault, phases, target)
            for index, (name, fault) in enumerate(zip(scenario.fault_ids, scenario.faults, strict=True))
        ]
        if with_faults
        else []
    )
    disturbances = tuple(disturbance for disturbance, _ in placed if disturbance is not None)
    problems = [problem for _, found in placed for problem in found]
    problems += _overlaps(disturbances)
    problems += _of_nothing(disturbances, scenario)
    baseline_s = scenario.phases["baseline"]
    if not count(scenario.load.rate_per_s, baseline_s):
        what = (
            f"no request would be due in {baseline_s:g} s at {scenario.load.rate_per_s:g} per second, so nobody would know "
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
    for name, span_s in in_order(scenario.phases).items():
        end_s = round(start_s + span_s, 9)
        phases.append(Phase(name, start_s, end_s))
        start_s = end_s
    return tuple(phases)


def _place(
    index: int, identity: str, fault: Fault, phases: tuple[Phase, ...], target: Target
) -> tuple[Disturbance | None, list[Problem]]:
    here = f"faults[{index}]"
    aims = fault.aim(target)
    links = {name: target.links[name] for name in _links(aims)}
    problems = _misaimed(here, fault, aims, target)
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
    return Disturbance(identity, fault, aims, fault.effects(links), start_s, end_s, published), []


def _misaimed(here: str, fault: Fault, aims: tuple[Aim, ...], target: Target) -> list[Problem]:
    problems = []
    if not aims:
        known = "; ".join(
            f"{name} ({link.kind}{f', {link.region}' if link.region else ''})" for name, link in target.links.items()
        )
        problems.append(
            Problem(f"{fault.summary()}: target {target.name!r} has no such link; it has {known or 'none'}", path=here)
        )
    for name in _links(aims):
        carries = target.links[name].carries
        if fault.needs == "http" and carries != "http":
            what = f"link {name!r} carries {carries}, and {fault.kind} can only be answered on an HTTP link"
            problems.append(Problem(what, path=here))
    if fault.publishes_at_s() and target.publish is None:
        what = f"{fault.kind} publishes a snapshot, and target {target.name!r} does not say how; add publish: {{post: URL}} to it"
        problems.append(Problem(what, path=here))
    return problems


def _links(aims: tuple[Aim, ...]) -> tuple[str, ...]:
    return tuple(aim.name for aim in aims if aim.what == LINK)


def _window(here: str, fault: Fault, phases: tuple[Phase, ...]) -> tuple[float, float] | Problem:
    moment = _moment(f"{here}.at", fault, phases)
    if isinstance(moment, Problem):
        return moment
    phase, offset_s = moment
    start_s = round(phase.start_s + offset_s, 9)
    end_s = phase.end_s if fault.lasts is None else round(start_s + fault.lasts, 9)
    last = phases[-1]
    until_s = last.end_s if fault.aftereffect else last.start_s
    if start_s >= phase.end_s > phase.start_s:
        what = f"it would begin at {start_s:g} s, and {phase.name} lasts from {phase.start_s:g} s to {phase.end_s:g} s"
        return Problem(f"{what}; name the phase in which it begins", path=f"{here}.at")
    if not (start_s < phase.end_s and start_s < end_s <= until_s):
        span = f"the {phase.name} phase from {phase.start_s:g} s to {phase.end_s:g} s"
        ends = f"; nothing may be broken after {until_s:g} s" if end_s > until_s else ""
        return Problem(f"it would last from {start_s:g} s to {end_s:g} s, and {span}{ends}", path=here)
    if round(end_s - start_s, 9) <= fault.shown_after_s():
        what = (
            f"it would last {end_s - start_s:g} s, and nobody can see that it took hold before {fault.shown_after_s():g} s; "
            "let it last longer"
        )
        return Problem(what, path=here)
    return start_s, end_s


def _moment(here: str, fault: Fault, phases: tuple[Phase, ...]) -> tuple[Phase, float] | Problem:
    """The phase in which *fault* begins, and how long after its start."""
    known = {phase.name: phase for phase in phases if phase.name not in AROUND}
    # Before it, the baseline would not be one; after it, there would be nothing left to recover in.
    allowed = known | ({phases[-1].name: phases[-1]} if fault.aftereffect else {})
    if fault.at is None:
        usual = "fault" if "fault" in known else next(iter(known)) if len(known) == 1 else None
        if usual is not None:
            return known[usual], 0.0
        names = " or ".join(known)
        return Problem(f"is missing; say in which phase it begins: {names}" if names else _NOWHERE, path=here)
    moment = _MOMENT.fullmatch(fault.at)
    try:
        offset_s = seconds(moment["offset"]) if moment and moment["offset"] else 0.0
    except ValueError as error:
        return Problem(str(error), path=here)
    if moment and moment["phase"] in allowed:
        return allowed[moment["phase"]], offset_s
    if moment is None and allowed:
        first = next(iter(allowed))
        return Problem(f"{fault.at!r} is no moment; write a phase, such as {first}, or {first} + 3s", path=here)
    return Problem(_elsewhere(fault.at, moment["phase"] if moment else "", list(allowed)), path=here)


_NOWHERE = (
    "there is no phase between baseline and recovery in which something may be broken; add one, such as fault: 15s"
)


def _elsewhere(written: str, named: str, allowed: list[str]) -> str:
    if not allowed:
        return _NOWHERE
    if named == "recovery":
        what = "is where nothing may be broken any more, but by an aftereffect of another fault"
        return f"{written!r} {what}; say aftereffect: true if it is one"
    if named in AROUND or len(allowed) == 1:
        place = f"the {allowed[0]} phase" if len(allowed) == 1 else f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        return f"{written!r} is not inside {place}; write {allowed[0]}, or {allowed[0]} + 3s"
    return f"{written!r} is in no phase of this scenario; {suggestion(named, allowed)}"


def _of_nothing(disturbances: tuple[Disturbance, ...], scenario: Scenario) -> Iterator[Problem]:
    """Aftereffects of which there is nothing that they could be a consequence of."""
    triggers = [d.start_s for d in disturbances if not d.fault.aftereffect]
    if disturbances and not triggers:
        what = "every fault is an aftereffect, and of what? At least one has to be what the service recovers from"
        yield Problem(what, path="faults")
        return
    for d in disturbances:
        if d.start_s < min(triggers):
            yield Problem(
                f"{d.id} is an aftereffect, and would begin at {d.start_s:g} s, before the first of the other faults at "
                f"{min(triggers):g} s; what comes first is no consequence",
                path=f"faults[{scenario.fault_ids.index(d.id)}]",
            )


def _overlaps(disturbances: tuple[Disturbance, ...]) -> list[Problem]:
    """Two faults that would lay the same kind of effect on one thing at one time."""
    return [
        Problem(
            f"{one.id} and {other.id} overlap on {aim.what} {aim.name!r}: {one.fault.kind} would be there twice at once",
            path="faults",
        )
        for one, other in combinations(disturbances, 2)
        if one.fault.kind == other.fault.kind and one.start_s < other.end_s and other.start_s < one.end_s
        for aim in sorted(set(one.aims) & set(other.aims))
    ]
