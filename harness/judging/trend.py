"""What many runs say over time: numbers with where they changed, and which dependency was last shown to hold against which fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from statistics import median
from typing import Literal

from harness.faults.stretches import fault_of
from harness.judging.result import ON_THE_SERVICE
from harness.judging.scoring.change_points import CHANCE, Change, changes
from harness.reading.quantities import period_s
from harness.record.past import Past, PastFault, PastFinding

State = Literal["held", "stale", "broken", "never"]
Condition = Literal["stale", "uncovered", "broken"]
CONDITIONS: tuple[Condition, ...] = ("stale", "uncovered", "broken")
STALE = "30d"
_BEFORE = ("warmup", "baseline")


@dataclass(frozen=True, slots=True)
class Point:
    """A number of one run; *run* is its place among the runs of the line. None: it was not measured."""

    run: int
    finding: PastFinding


@dataclass(frozen=True, slots=True)
class Number:
    """One thing that was expected, run after run; *changed* counts its places in *points*."""

    metric: str
    unit: str
    points: tuple[Point, ...]
    changed: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """All runs of one scenario on one target, the oldest first."""

    scenario: str
    target: str
    runs: tuple[Past, ...]
    numbers: tuple[Number, ...]

    @property
    def latest(self) -> Past:
        return self.runs[-1]


@dataclass(frozen=True, slots=True)
class Covered:
    """A link of a target under one kind of fault: when it was last shown to hold (*held*), and the newest run that tried it (*latest*)."""

    target: str
    link: str
    kind: str
    state: State
    held: Past | None
    latest: Past


@dataclass(frozen=True, slots=True)
class Trend:
    """Of *runs* runs: a line for each scenario and target, and what of each target's links is covered.

    *bare* are links, by their target, under which no fault was ever shown to hold. *stale* is after how long a run is too old.
    """

    runs: int
    lines: tuple[Line, ...]
    coverage: tuple[Covered, ...]
    bare: tuple[tuple[str, str], ...]
    stale: str
    unread: tuple[str, ...] = ()

    def missed(self, conditions: Sequence[Condition]) -> list[str]:
        """What speaks against each of *conditions*, in a line; nothing where all are met."""
        told = []
        if "broken" in conditions:
            told += [
                f"broken: {_named(cell)}: {cell.latest.folder}" for cell in self.coverage if cell.state == "broken"
            ]
        if "stale" in conditions:
            told += [
                f"stale: {_named(cell)} was last shown to hold on {day(cell.held)}, more than {self.stale} ago"
                for cell in self.coverage
                if cell.state == "stale" and cell.held
            ]
        if "uncovered" in conditions:
            told += [
                f"uncovered: {link} of {target} was never shown to hold against any fault" for target, link in self.bare
            ]
        return told


def trend(runs: Sequence[Past], *, now: datetime, stale: str = STALE, unread: Sequence[str] = ()) -> Trend:
    """What *runs*, the oldest first, come to; raises ValueError for a *stale* that is no time such as ``30d``, ``12h`` or ``2w``."""
    stale_s = period_s(stale)
    named = sorted({(past.scenario.name, past.target.name) for past in runs})
    mine = {key: tuple(past for past in runs if (past.scenario.name, past.target.name) == key) for key in named}
    subjects = sum(len({_subject(f) for past in some for f in past.findings}) for some in mine.values())
    # One false change in a hundred pages, and not in a hundred numbers: one number among many is always odd.
    chance = CHANCE / max(1, subjects)
    lines = tuple(Line(*key, some, tuple(_numbers(some, chance))) for key, some in mine.items())
    coverage = tuple(_coverage(runs, now, stale_s))
    return Trend(len(runs), lines, coverage, tuple(_bare(runs, coverage)), stale, tuple(unread))


def day(past: Past | None) -> str:
    """``2026-11-26``: the day on which a run began, in UTC."""
    moment = _moment(past.started_at) if past else None
    return f"{moment:%Y-%m-%d}" if moment else "an unknown day"


def newest_finding(number: Number) -> PastFinding:
    """The newest finding of a number, which says what it is about."""
    return number.points[-1].finding


def _named(cell: Covered) -> str:
    return f"{cell.link} of {cell.target} under {cell.kind}"


def _subject(finding: PastFinding) -> tuple[object, ...]:
    return finding.metric, finding.phase, finding.among, finding.after, *sorted(finding.labels.items())


def _numbers(runs: Sequence[Past], chance: float) -> Iterator[Number]:
    """Each thing that was expected, in the order of the newest run; runs that nobody can trust tell nothing of it."""
    found: dict[tuple[object, ...], list[Point]] = {}
    units: dict[str, str] = {}
    for place in reversed(range(len(runs))):
        past = runs[place]
        for finding in past.findings if past.verdict in ON_THE_SERVICE else ():
            base = finding.metric.partition(".")[0]
            found.setdefault(_subject(finding), []).append(Point(place, finding))
            units.setdefault(base, past.metrics[base].unit if base in past.metrics else "")
    for points in found.values():
        metric = points[0].finding.metric
        ordered = tuple(point for point in reversed(points) if point.finding.value is not None)
        if ordered:
            yield Number(metric, units[metric.partition(".")[0]], ordered, tuple(_changed(ordered, chance)))


def _changed(points: Sequence[Point], chance: float) -> list[Change]:
    """Changes larger than a single run can tell: a step inside its interval helps nobody to find a commit."""
    values = [point.finding.value for point in points if point.finding.value is not None]
    halves = [(f.high - f.low) / 2 for f in (p.finding for p in points) if f.low is not None and f.high is not None]
    return changes(values, chance=chance, floor=median(halves) if halves else 0.0)


def _coverage(runs: Sequence[Past], now: datetime, stale_s: float) -> Iterator[Covered]:
    tried: dict[tuple[str, str, str], list[Past]] = {}
    for past in runs:
        if past.verdict not in ON_THE_SERVICE:
            continue
        for cell in {(past.target.name, link, fault.kind) for fault in past.faults for link in _tried(past, fault)}:
            tried.setdefault(cell, []).append(past)
    links = {past.target.name: set(past.links) for past in runs if past.links}
    for (target, link, kind), some in sorted(tried.items()):
        if link not in links.get(target, {link}):
            continue  # the target has it no longer, so nothing can be shown of it
        newest = {past.scenario.name: past for past in some}
        held = next((past for past in reversed(some) if past.verdict == "pass"), None)
        yield Covered(target, link, kind, _state(newest.values(), held, now, stale_s), held, some[-1])


def _tried(past: Past, fault: PastFault) -> list[str]:
    """The links on which *past* shows something of *fault*: it was seen to hold, it met somebody, and something was expected of it."""
    if not fault.confirmed or not any(_is_about(finding, fault, past) for finding in past.findings):
        return []
    # What is known of attempts is known of those over HTTP alone.
    counted = {one.link for one in past.by_link}
    return [link for link in fault.links if fault.attempts_affected != 0 or link not in counted]


def _is_about(finding: PastFinding, fault: PastFault, past: Past) -> bool:
    """Whether what was expected can tell of *fault*: it was asked of what was due when that had begun, and of no other fault alone."""
    if finding.after is not None and fault.id and finding.after not in (fault.id, fault_of(fault.id)):
        return False
    if finding.phase in _BEFORE:
        return False
    ends_s = next((phase.end_s for phase in past.phases if phase.name == finding.phase), inf)
    return fault.injected_at_s is None or ends_s > fault.injected_at_s


def _state(newest: Iterable[Past], held: Past | None, now: datetime, stale_s: float) -> State:
    """Broken where the newest run of any scenario failed; else how long ago it held."""
    if any(past.verdict == "fail" for past in newest):
        return "broken"
    if held is None:
        return "never"
    moment = _moment(held.started_at)
    return "held" if moment and (now - moment).total_seconds() <= stale_s else "stale"


def _bare(runs: Sequence[Past], coverage: Sequence[Covered]) -> Iterator[tuple[str, str]]:
    """Links of each target under which nothing was ever shown to hold: those of its newest run, or of all before they were written down."""
    known: dict[str, set[str]] = {}
    for past in runs:
        known[past.target.name] = set(past.links) or known.get(past.target.name, set()) | past.dependencies
    shown = {(cell.target, cell.link) for cell in coverage if cell.held is not None}
    for target, links in sorted(known.items()):
        yield from ((target, link) for link in sorted(links) if (target, link) not in shown)


def _moment(iso: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
