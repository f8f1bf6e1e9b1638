"""Where the faults of a scenario lie, in time and on a target: each one as a stretch or several, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from harness.faults import Fault
from harness.faults.base import Aim, suiting
from harness.faults.stretches import stretch_of
from harness.planning.disturbance import Disturbance, Phase, links_of
from harness.planning.moments import Clock, Span, counted_from
from harness.planning.windows import TOUCH_S
from harness.problems import Problem
from harness.reading.scenario import Scenario
from harness.reading.target import Link, Target
from harness.reading.yaml import sayable

_STRETCHES_MAX = 200
"""A fault that comes and goes more often than this in one run is a slip of units."""


@dataclass(slots=True)
class Placed:
    """What was placed, in the order of the file, and what is wrong with the rest."""

    disturbances: list[Disturbance] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def place(scenario: Scenario, phases: tuple[Phase, ...], target: Target) -> Placed:
    """Every fault of *scenario*, also those whose times are counted from others."""
    named = dict(zip(scenario.fault_ids, scenario.faults, strict=True))
    needs = {name: counted_from(fault, scenario.fault_ids) for name, fault in named.items()}
    found: dict[str, tuple[list[Disturbance], list[Problem]]] = {}
    clock = Clock(phases, {}, scenario.fault_ids)
    while ready := [name for name in named if name not in found and found.keys() >= set(needs[name])]:
        for name in ready:
            here = f"faults[{scenario.fault_ids.index(name)}]"
            # Of what is counted from something that cannot be placed, nobody knows more than that.
            lost = not clock.faults.keys() >= set(needs[name])
            found[name] = ([], []) if lost else _place(here, name, named[name], clock, target, scenario.seed)
            if stretches := found[name][0]:
                span = min(d.start_s for d in stretches), max(d.end_s for d in stretches)
                clock = Clock(phases, {**clock.faults, name: span}, scenario.fault_ids)
    for name in named.keys() - found.keys():
        found[name] = ([], [_circle(scenario, name, needs)])
    in_order = [found[name] for name in named]
    return Placed(
        [d for stretches, _ in in_order for d in stretches], [p for _, problems in in_order for p in problems]
    )


def _circle(scenario: Scenario, name: str, needs: dict[str, list[str]]) -> Problem:
    what = f"{name} is counted from {' and '.join(needs[name])}, and in the end from itself; say one of them by a phase"
    return Problem(what, path=f"faults[{scenario.fault_ids.index(name)}]")


def _place(
    here: str, name: str, fault: Fault, clock: Clock, target: Target, seed: int
) -> tuple[list[Disturbance], list[Problem]]:
    amiss = _aimed_wrongly(here, fault, target, seed)
    # Of a fault that is refused it may be known at what it is aimed, and not when it is.
    placed = sayable(lambda: _in_time(here, name, fault, clock, target, seed, amiss))
    return placed if placed is not None else ([], amiss)


def misaimed(scenario: Scenario, target: Target) -> Iterator[Problem]:
    """What is wrong with what the faults of *scenario* are aimed at, whenever they are."""
    for index, fault in enumerate(scenario.faults):
        yield from _aimed_wrongly(f"faults[{index}]", fault, target, scenario.seed)


def _aimed_wrongly(here: str, fault: Fault, target: Target, seed: int) -> list[Problem]:
    if sayable(lambda: fault.kind) is None:
        return []
    aims = sayable(lambda: fault.aim(target))
    drawn = None if aims is None else sayable(lambda: fault.drawn(aims, seed))
    return [] if aims is None else [*_misaimed(here, fault, aims if drawn is None else drawn, target)]


def _in_time(
    here: str, name: str, fault: Fault, clock: Clock, target: Target, seed: int, amiss: list[Problem]
) -> tuple[list[Disturbance], list[Problem]]:
    """The stretches of *fault*; or what is wrong with when they are, beside what is *amiss* with what it is aimed at."""
    aims = fault.drawn(fault.aim(target), seed)
    problems = [*amiss, *_misused(here, fault, aims)]
    span = _span(here, fault, clock)
    if isinstance(span, Problem):
        return [], [*problems, span]
    if problems:
        return [], problems
    stretches = [stretch for one in _staggered(fault, aims, span) for stretch in _flapping(fault, one)]
    problems = list(_misplaced(here, fault, stretches, clock))
    if problems:
        return [], problems[:1]
    several = len(stretches) > 1
    placed = [
        _disturbance(stretch_of(name, number) if several else name, fault, stretch, target)
        for number, stretch in enumerate(sorted(stretches, key=lambda one: one.span), start=1)
    ]
    late = [problem for d in placed for problem in _published_late(here, d)]
    return ([], late[:1]) if late else (placed, [])


@dataclass(frozen=True, slots=True)
class _Stretch:
    aims: tuple[Aim, ...]
    span: Span


def _span(here: str, fault: Fault, clock: Clock) -> Span | Problem:
    """From when to when *fault* is asked for; on the first of its links, where it is staggered."""
    begins_s = clock.begin(f"{here}.at", fault)
    if isinstance(begins_s, Problem):
        return begins_s
    ends_s = clock.end(f"{here}.until", fault, begins_s)
    return ends_s if isinstance(ends_s, Problem) else (begins_s, ends_s)


def _staggered(fault: Fault, aims: tuple[Aim, ...], span: Span) -> Iterator[_Stretch]:
    """*span* on all *aims* at once, or on one after the other: each as long, where it is said how long, else all to the same end."""
    if fault.stagger is None:
        yield _Stretch(aims, span)
        return
    for number, aim in enumerate(aims):
        late_s = number * fault.stagger
        end_s = span[1] + (late_s if fault.lasts is not None else 0.0)
        yield _Stretch((aim,), (round(span[0] + late_s, 9), round(end_s, 9)))


def _flapping(fault: Fault, stretch: _Stretch) -> Iterator[_Stretch]:
    """*stretch*, or those windows of a flapping fault that lie in it whole."""
    if fault.flap is None:
        yield stretch
        return
    (start_s, end_s), flap = stretch.span, fault.flap
    for number in range(_STRETCHES_MAX + 1):
        from_s = start_s + number * flap.period
        until_s = round(from_s + flap.in_force_s, 9)
        if until_s > end_s:
            return
        yield _Stretch(stretch.aims, (round(from_s, 9), until_s))


def _misplaced(here: str, fault: Fault, stretches: list[_Stretch], clock: Clock) -> Iterator[Problem]:
    """What is wrong with when the *stretches* are."""
    if not stretches:
        yield Problem(
            "it would end before it has been in force for once; let it last longer than flap.period", path=here
        )
        return
    if len(stretches) > _STRETCHES_MAX:
        yield Problem(f"it would be in force more than {_STRETCHES_MAX} times; is flap.period a slip?", path=here)
        return
    if fault.flap and len(stretches) < 2:
        what = f"it would be in force only once, for {fault.flap.in_force_s:g} s: the next period ends after the fault"
        yield Problem(f"{what}; make flap.period shorter, let the fault last longer, or leave flap out", path=here)
    if fault.stagger and (behind := [one.span for one in stretches if one.span[0] >= one.span[1]]):
        what = f"its turn would come to the last link at {behind[-1][0]:g} s, when it has ended at {behind[-1][1]:g} s"
        yield Problem(
            f"{what}; say for, which each link has for itself, or make stagger shorter", path=f"{here}.stagger"
        )
        return
    for stretch in stretches:
        yield from _misplaced_in_time(here, fault, stretch.span, clock)


def _misplaced_in_time(here: str, fault: Fault, span: Span, clock: Clock) -> Iterator[Problem]:
    start_s, end_s = span
    phase, last = _phase_of(fault, start_s, clock), clock.phases[-1]
    until_s = last.end_s if fault.aftereffect else last.start_s
    if start_s >= phase.end_s > phase.start_s:
        what = f"it would begin at {start_s:g} s, and {phase.name} lasts from {phase.start_s:g} s to {phase.end_s:g} s"
        yield Problem(f"{what}; name the phase in which it begins", path=f"{here}.at")
    elif not (start_s < phase.end_s and start_s < end_s <= until_s):
        where = f"the {phase.name} phase from {phase.start_s:g} s to {phase.end_s:g} s"
        ends = f"; nothing may be broken after {until_s:g} s" if end_s > until_s else ""
        yield Problem(f"it would last from {start_s:g} s to {end_s:g} s, and {where}{ends}", path=here)
    elif round(end_s - start_s, 9) <= fault.shown_after_s():
        yield Problem(
            f"it would last {end_s - start_s:g} s, and nobody can see that it took hold before {fault.shown_after_s():g} s; "
            "let it last longer",
            path=here,
        )


def _phase_of(fault: Fault, start_s: float, clock: Clock) -> Phase:
    """The phase that the fault says it begins in; where it says none, or was moved on from there, the one that it begins in."""
    said = (fault.at or "").partition("+")[0].strip()
    named = next((phase for phase in clock.phases if phase.name == said), None)
    moved = fault.flap is not None or fault.stagger is not None
    return named if named and not moved else clock.in_force_at(start_s)


def _misused(here: str, fault: Fault, aims: tuple[Aim, ...]) -> Iterator[Problem]:
    """Keys about time that do not go together, or not with what the fault is aimed at."""
    if fault.lasts is not None and fault.until is not None:
        yield Problem("says both for and until; leave one of them out", path=f"{here}.until")
    if fault.stagger is not None and len(aims) == 1:
        what = (
            f"there is one link after the other, and {fault.summary()} is aimed at {aims[0].name!r} alone; leave it out"
        )
        yield Problem(what, path=f"{here}.stagger")
    if fault.stagger is not None and fault.publishes_at_s():
        what = f"{fault.kind} is about one snapshot on all its links at once; leave it out"
        yield Problem(what, path=f"{here}.stagger")
    if fault.flap and round(fault.flap.period - fault.flap.in_force_s, 9) <= TOUCH_S:
        gone_s = fault.flap.period - fault.flap.in_force_s
        what = f"it would be gone for {gone_s:g} s, and {TOUCH_S:g} s and less cannot be told from none"
        yield Problem(f"{what}; make period longer or duty smaller", path=f"{here}.flap")


def _disturbance(name: str, fault: Fault, stretch: _Stretch, target: Target) -> Disturbance:
    links = {link: target.links[link] for link in links_of(stretch.aims)}
    start_s, end_s = stretch.span
    published = tuple(round(start_s + after_s, 9) for after_s in fault.publishes_at_s())
    return Disturbance(name, fault, stretch.aims, fault.effects_at(stretch.aims, links), start_s, end_s, published)


def _published_late(here: str, placed: Disturbance) -> Iterator[Problem]:
    if any(at_s >= placed.end_s for at_s in placed.publishes_at_s):
        when = f"{max(placed.publishes_at_s):g} s, after the fault ends at {placed.end_s:g} s"
        yield Problem(f"the snapshot would be published at {when}", path=here)


def _uncarried(fault: Fault, link: Link) -> str:
    """That *fault* is of single requests, which *link* does not have; empty where that is not so."""
    if fault.needs != "http" or link.carries == "http":
        return ""
    if fault.suits(link):
        what = f"{fault.kind} of single requests is for HTTP links; leave out share, and what on says of requests"
    else:
        what = f"{fault.kind} can only be answered on an HTTP link"
    return f"carries {link.carries}, and {what}"


def _of_somebody(fault: Fault, link: str, target: Target) -> str:
    """Why nothing behind *link* may be lost for good: what a Compose service holds may lie on somebody's disk."""
    service = next((name for name in target.composed if link in target.links_to(name)), None)
    if fault.undone or service is None:
        return ""
    return (
        f"leads to service {service} of a Compose file, whose data may be mounted from this machine, and {fault.kind} cannot be undone "
        "there; add services: {cache: redis} to the target, and write upstream: redis://127.0.0.1:{cache.port}"
    )


def _unfit(fault: Fault, name: str, target: Target) -> str:
    """Why *fault* cannot be on the link of this *name*; empty where it can."""
    link = target.links[name]
    what = _uncarried(fault, link) or fault.misfit(link) or _of_somebody(fault, name, target)
    if what and not fault.suits(link):
        what += f"; it can carry {', '.join(suiting(link))}"
    return what


def _misaimed(here: str, fault: Fault, aims: tuple[Aim, ...], target: Target) -> Iterator[Problem]:
    if not aims and (nothing := sayable(lambda: fault.nothing_such(target))):
        yield Problem(f"{sayable(fault.summary) or fault.kind}: {nothing}", path=here)
    for name in links_of(aims):
        if what := sayable(partial(_unfit, fault, name, target)):
            yield Problem(f"link {name!r} {what}", path=here)
    if fault.publishes_at_s() and target.publish is None:
        what = f"{fault.kind} publishes a snapshot, and target {target.name!r} does not say how; add publish: {{post: URL}} to it"
        yield Problem(what, path=here)
