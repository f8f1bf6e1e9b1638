"""Every moment at which a run will touch the world, known before it is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import msgspec

from harness.faults.base import Aim
from harness.faults.effects import EdgeRule, Effect, TapAnswers, TapMode, TapShape
from harness.planning.curve import Linear, Stretch
from harness.planning.disturbance import Disturbance, Phase
from harness.planning.hiding import hidden
from harness.planning.placing import Placed, place
from harness.planning.pressing import Pressing, pressing_of
from harness.planning.recorded import Recorded
from harness.planning.schedule import Schedule, count
from harness.planning.shapes import curve, misfits
from harness.planning.windows import Window, merged
from harness.problems import Problem
from harness.protocols.nonce import REQUESTS_MAX
from harness.reading import abort
from harness.reading.abort import AbortCondition, Limits
from harness.reading.expectation import Expectation
from harness.reading.recorded_curves import RecordedCurve
from harness.reading.scenario import AROUND, SHED, Known, Scenario, in_order
from harness.reading.target import Target
from harness.reading.yaml import all_sayable


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
    recorded: Recorded | None = field(default=None, repr=False)
    """The due times of a load that is a trace."""
    seen: tuple[Stretch, ...] = ()
    """Of a closed load whose run is over: how many of its requests came a second; of an open one nothing."""
    logged: RecordedCurve | None = field(default=None, repr=False)
    """The curve that a run is held against; None where the scenario names none."""

    @property
    def closed(self) -> bool:
        """Whether its load are users of a locustfile, so that nobody knows beforehand how many requests come, and when."""
        return self.scenario.load.closed

    @property
    def asks(self) -> bool:
        """Whether the harness asks anything of the target in a run of it."""
        return self.scenario.load.asks

    @property
    def known(self) -> frozenset[Known]:
        """What can be known of the traffic of a run of it."""
        return self.scenario.load.known

    @property
    def total_s(self) -> float:
        """The last instant at which a request may be due."""
        return self.phases[-1].end_s

    @property
    def schedule(self) -> Schedule | Recorded:
        """When every request is due; of a closed load none is, and how many came a second is known when its run is over."""
        load = self.scenario.load
        if self.closed:
            return Schedule("constant", self.seen or (Linear(self.total_s, 0.0, 0.0),), 0.0, 0.0, self.seed)
        if self.recorded is not None:
            return msgspec.structs.replace(
                self.recorded, turn_gap_s=load.turn_gap, seed=self.seed, workers=load.workers
            )
        return Schedule(
            load.arrivals, curve(load, self.phases), load.jitter, load.turn_gap, self.seed, load.cv, load.workers
        )

    @property
    def pressing(self) -> Pressing | None:
        """How clients ask again who are not served; None where they do not."""
        retries = self.scenario.load.retries
        return None if retries is None else pressing_of(retries, self.seed)

    @property
    def shed(self) -> Phase | None:
        """The phase in which most clients stay away; None where there is none."""
        return next((phase for phase in self.phases if phase.name == SHED), None)

    @property
    def aborts(self) -> tuple[AbortCondition, ...]:
        """How badly it may go before it is ended at once."""
        return tuple(abort.parse(written) for written in self.scenario.abort if isinstance(written, str))

    @property
    def limits(self) -> Limits:
        """What it may use up, and who may end it."""
        return Limits.of(written for written in self.scenario.abort if not isinstance(written, str))

    @property
    def ends_s(self) -> float:
        """By when every request has been answered or given up; where none is sent, when watching ends."""
        return self.total_s + (self.scenario.load.deadline if self.asks else 0.0)

    @property
    def between(self) -> tuple[Phase, ...]:
        """The phases in which something may be broken."""
        return tuple(phase for phase in self.phases if phase.name not in AROUND)

    @property
    def triggers(self) -> tuple[Disturbance, ...]:
        """The faults that there is something to recover from, in the order in which they begin."""
        return tuple(sorted((d for d in self.disturbances if not d.fault.aftereffect), key=lambda d: d.start_s))

    @property
    def hiding(self) -> tuple[Disturbance, ...]:
        """The faults under which attempts on a link that carries HTTP are not seen, or not for whom they were, as far as is known."""
        links = self.target.links
        return tuple(
            d
            for d in self.disturbances
            if d.fault.hides_requests() and (not d.links or any(links[name].carries == "http" for name in d.links))
        )

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
        """The windows that *fault* belongs to; of an aftereffect its own; all windows where nothing is to be broken."""
        found = self.windows
        if not self.disturbances:
            return found
        named = tuple(window for window in found if window.has(fault))
        return named or tuple(Window(d.start_s, d.end_s, faults=(d.id,)) for d in self.disturbances if d.of == fault)

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
    scenario: Scenario,
    target: Target,
    expectations: tuple[Expectation, ...],
    *,
    with_faults: bool = True,
    recorded: Recorded | None = None,
    logged: RecordedCurve | None = None,
) -> tuple[Plan, list[Problem]]:
    """*scenario* aimed at *target*, and all that is wrong with that; nothing may be run while there are problems.

    *recorded* is what its trace comes to, where its load has that shape; *logged* the curve that its run is held against.
    """
    phases = laid_out(scenario)
    placed = place(scenario, phases, target) if with_faults else Placed()
    disturbances, problems = tuple(placed.disturbances), placed.problems
    made = Plan(scenario, target, scenario.seed, phases, disturbances, expectations, recorded, logged=logged)
    checks: list[Callable[[], Iterable[Problem]]] = [
        lambda: _overlaps(disturbances, scenario),
        lambda: _hidden(disturbances, scenario),
        lambda: _of_nothing(disturbances, scenario),
        lambda: misfits(scenario.load, phases),
        lambda: _unreached(made),
        lambda: _unjoinable(made),
        lambda: _baseline(made),
        lambda: _out_of_reach(scenario),
    ]
    for check in checks:
        # A scenario that is refused lacks what is wrong with it.
        problems += all_sayable(check)
    return made, problems


def _baseline(made: Plan) -> Iterator[Problem]:
    if made.closed or not made.asks:
        yield from _no_baseline(made)
        return
    yield from _few_or_many(made)
    yield from _untold_conversations(made)


def _out_of_reach(scenario: Scenario) -> Iterator[Problem]:
    """Good answers that nobody waits for."""
    if scenario.good.within > scenario.load.deadline:
        what = f"{scenario.good.within:g} s is later than the client's deadline of {scenario.load.deadline:g} s (load.deadline)"
        yield Problem(what, path="good.within")


def laid_out(scenario: Scenario) -> tuple[Phase, ...]:
    """When each phase begins and ends."""
    phases, start_s = [], 0.0
    for name, span_s in in_order(scenario.phases).items():
        end_s = round(start_s + span_s, 9)
        phases.append(Phase(name, start_s, end_s))
        start_s = end_s
    return tuple(phases)


def _unreached(made: Plan) -> Iterator[Problem]:
    """A recorded curve of which no second lies in the time that is scored."""
    from_s = made.phases[0].end_s
    if made.logged and not any(from_s <= one.second < made.total_s for one in made.logged.seconds):
        first_s, end_s = made.logged.seconds[0].second, made.logged.end_s
        what = f"{made.logged.file} is of {first_s} s to {end_s} s, and the load is scored from {from_s:g} s to {made.total_s:g} s"
        yield Problem(f"{what}: nothing could be held against it", path="recorded")


def _no_baseline(made: Plan) -> Iterator[Problem]:
    """A baseline in which nobody can ask anything."""
    if made.phase("baseline").end_s <= made.phase("baseline").start_s:
        what = "lasts no time, so nobody would know how the service does when nothing is broken"
        yield Problem(what, path="phases.baseline")


def _few_or_many(made: Plan) -> Iterator[Problem]:
    """Too few requests for there to be a baseline, or more than a run can tell apart."""
    load, schedule, baseline = made.scenario.load, made.schedule, made.phase("baseline")
    due, span_s = schedule.due_between(baseline.start_s, baseline.end_s), baseline.end_s - baseline.start_s
    per_s = due / span_s if span_s else load.rate_per_s
    if not count(due):
        yield Problem(
            f"no request would be due in {span_s:g} s at {per_s:g} per second, so nobody would "
            "know how the service does when nothing is broken",
            path="phases.baseline",
        )
    if (in_all := schedule.due_between(0.0, made.total_s)) > REQUESTS_MAX:
        yield Problem(
            f"{in_all:,.0f} requests in {made.total_s:g} s are more than the {REQUESTS_MAX} that a run can tell apart",
            path="load.rate_per_s" if made.recorded is None else "load.shape.trace",
        )


def _untold_conversations(made: Plan) -> Iterator[Problem]:
    """Faults that are drawn once a conversation, where a trace says which those are: no edge can tell that of an attempt."""
    if made.recorded is None or not made.recorded.conversation:
        return
    for of in dict.fromkeys(
        d.of
        for d in made.disturbances
        for effect in d.effects
        if isinstance(effect, EdgeRule) and effect.requests.per == "conversation"
    ):
        yield Problem(
            f"{of} is drawn once a conversation, and which those are is known to the trace alone; leave per: conversation out",
            path=f"faults[{made.scenario.fault_ids.index(of)}].per",
        )


def _unjoinable(made: Plan) -> Iterator[Problem]:
    """Faults that are for certain attempts of a request, where nobody knows for which request an attempt was made."""
    if "joined" in made.known:
        return
    for of in dict.fromkeys(
        d.of
        for d in made.disturbances
        for effect in d.effects
        if isinstance(effect, EdgeRule) and effect.requests.of_joined_alone
    ):
        yield Problem(
            f"{of} is for certain tries of a request, or for those of a conversation, and nobody knows which those are of the service's "
            "own traffic (load.source); leave attempt and per: conversation out",
            path=f"faults[{made.scenario.fault_ids.index(of)}]",
        )


def _of_nothing(disturbances: tuple[Disturbance, ...], scenario: Scenario) -> Iterator[Problem]:
    """Aftereffects of which there is nothing that they could be a consequence of."""
    triggers = [d.start_s for d in disturbances if not d.fault.aftereffect]
    if disturbances and not triggers:
        what = "every fault is an aftereffect, and of what? At least one has to be what the service recovers from"
        yield Problem(what, path="faults")
        return
    first = {d.of: d for d in reversed(disturbances)}
    for name, d in reversed(first.items()):
        if d.start_s < min(triggers):
            yield Problem(
                f"{name} is an aftereffect, and would begin at {d.start_s:g} s, before the first of the other faults at "
                f"{min(triggers):g} s; what comes first is no consequence",
                path=f"faults[{scenario.fault_ids.index(name)}]",
            )


def _overlaps(disturbances: tuple[Disturbance, ...], scenario: Scenario) -> Iterator[Problem]:
    """Two faults that cannot be on one thing at one time: two of one kind, unless told apart, and two of which one suffers no other."""
    found: dict[tuple[str, str], tuple[set[Aim], str]] = {}
    for one, other in combinations(disturbances, 2):
        if one.start_s < other.end_s and other.start_s < one.end_s and (why := _at_odds(one, other)):
            aims, _ = found.setdefault((one.of, other.of), (set(), why))
            aims |= set(one.aims) & set(other.aims)
    for (first, second), (aims, why) in found.items():
        where = " and ".join(f"{aim.what} {aim.name!r}" for aim in sorted(aims))
        if where:
            here = f"faults[{scenario.fault_ids.index(second)}]"
            yield Problem(f"{first} and {second} overlap on {where}: {why}", path=here)


def _hidden(disturbances: tuple[Disturbance, ...], scenario: Scenario) -> Iterator[Problem]:
    """Faults that no request can come to, since another one stands before them for as long as they last."""
    for one in hidden(disturbances, _at_odds):
        yield Problem(f"{one.why}; {one.right}", path=f"faults[{scenario.fault_ids.index(one.name)}]")


def _at_odds(one: Disturbance, other: Disturbance) -> str:
    """Why both cannot be in force on one thing at once; empty where they can."""
    if one.fault.kind == other.fault.kind:
        return "" if _told_apart(one, other) else f"{one.fault.kind} would be there twice at once{_apart(one)}"
    alone = {effect.place for effect in one.effects if effect.alone} & {effect.place for effect in other.effects}
    return f"it cannot be under {one.fault.kind} and {other.fault.kind} at once" if alone else ""


def _told_apart(one: Disturbance, other: Disturbance) -> bool:
    """Whether both can be in force on one thing at once: what they do there lies in different places, or can be told apart."""
    pairs = [(mine, theirs) for mine in one.effects for theirs in other.effects if mine.aim == theirs.aim]
    return bool(pairs) and all(_beside(mine, theirs) for mine, theirs in pairs)


def _apart(one: Disturbance) -> str:
    """In what another fault of its kind has to differ from *one* to be there beside it."""
    if not one.effects:
        return ""
    if all(isinstance(effect, EdgeRule | TapAnswers) for effect in one.effects):
        return "; let them differ in their share, in whom they are for or in what they do"
    shaped = all(isinstance(effect, TapShape | TapMode) for effect in one.effects)
    return "; let their shares differ, or let each have a direction of its own" if shaped else ""


_EITHER_WAY = {"upstream", "downstream"}


def _beside(mine: Effect, theirs: Effect) -> bool:
    """Whether both effects can be true of one thing: rules and answers that differ, shapes and modes for other shares or ways."""
    match mine, theirs:
        case (EdgeRule(), EdgeRule()) | (TapAnswers(), TapAnswers()):
            return mine != theirs
        case TapShape(), TapShape():
            return mine.share_ratio != theirs.share_ratio or {mine.streams, theirs.streams} == _EITHER_WAY
        case TapMode(), TapMode():
            apart = mine.share_ratio != theirs.share_ratio or {mine.streams, theirs.streams} == _EITHER_WAY
            return mine.mode == theirs.mode and apart
        case _:
            return mine.place != theirs.place
