"""What happened, on one clock: the charts under one another, and the table that stands behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report import words
from harness.report.charts import Field, Shade
from harness.report.events import events, settlings
from harness.report.lanes import Key, Lane, broken_first, lanes
from harness.report.scales import Clock
from harness.report.series import Timeline, timeline
from harness.report.snapshots import snapshots
from harness.report.svg import number
from harness.report.templating import render


@dataclass(frozen=True, slots=True)
class Row:
    """A bin of the table: where its middle stands (per cent of the charts' width), when it starts, and its values."""

    place: str
    start: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the clock that a reader may want to see alone, in per cent of it."""

    name: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of a run up to *end_s*, with the table behind them and the *stretches* to look at closely."""

    lanes: list[Lane]
    axis: Markup
    columns: list[Key]
    rows: list[Row]
    note: str
    end_s: float
    stretches: list[Stretch]


def section(result: Result, evidence: Evidence | None) -> Markup:
    """The charts, or why there are none."""
    made = timeline(evidence) if evidence is not None else None
    if evidence is None or made is None:
        nothing = "Nothing passed on any link" if result.quality.watched else "Not one request was due"
        why = "The tables of this run were not at hand" if evidence is None else nothing
        return render("timeline.html", drawn=None, why=f"{why}, so nothing is drawn.", faults=result.faults)
    return render("timeline.html", drawn=drawn(result, evidence, made), why="", faults=result.faults)


def drawn(result: Result, evidence: Evidence, made: Timeline) -> Drawn:
    """The charts of *made*, and their values in words."""
    field = field_of(result, evidence, made)
    charts, knowledge = lanes(result, evidence, made, field), snapshots(result, made, field)
    # What was done comes first, whatever came of it.
    found = [events(result, evidence, field), *broken_first(result, [*charts, *([knowledge] if knowledge else [])])]
    columns = [key for lane in found for key in lane.keys if key.said]
    places = [f"{field.clock.percent(at_s):.2f}" for at_s in made.bins.middles_s.tolist()]
    starts = [f"{at_s:g} s" for at_s in made.bins.edges_s[:-1].tolist()]
    said = zip(*(key.said for key in columns), strict=True)
    rows = [Row(place, start, values) for place, start, values in zip(places, starts, said, strict=True)]
    stretches = list(_stretches(result, field))
    return Drawn(found, field.axis(), columns, rows, _cut_short(field, made), field.clock.end_s, stretches)


def field_of(result: Result, evidence: Evidence, made: Timeline) -> Field:
    """The run's clock with what was broken shaded, on which all charts of it are drawn."""
    return Field(Clock(_shown_until_s(made)), made.bins.until_s, tuple(_shades(result, evidence, made)))


def _stretches(result: Result, field: Field) -> Iterator[Stretch]:
    """The whole run, and each phase of which something was driven."""
    yield Stretch("whole run", "0", "100")
    for phase in result.phases:
        if phase.start_s < field.until_s and phase.end_s > phase.start_s:
            start, end = field.clock.percent(phase.start_s), field.clock.percent(phase.end_s)
            yield Stretch(words.phase(phase.name), number(start), number(end))


def _shown_until_s(made: Timeline) -> float:
    """The plan's end, or for a run that was cut short early a little more than what there is of it."""
    return min(made.end_s, 1.3 * made.bins.until_s)


def _shades(result: Result, evidence: Evidence, made: Timeline) -> list[Shade]:
    """Recovery, and upon it each fault from asked to gone."""
    until_s = made.bins.until_s
    spans = [(s.since_s, s.since_s + (s.measured.value or 0.0)) for s in settlings(result, evidence) if s.from_end]
    shades = [Shade(start_s, min(end_s, until_s), "recovery") for start_s, end_s in spans if end_s > start_s]
    asked = [(fault.asked_at_s, fault.reverted_at_s) for fault in result.faults]
    known = [(start_s, until_s if end_s is None else end_s) for start_s, end_s in asked if start_s is not None]
    return shades + [Shade(start_s, end_s, "fault") for start_s, end_s in _as_one(known)]


def _as_one(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """*spans* in order, those as one that overlap: every chart would draw each of them."""
    found: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        if found and start_s <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end_s)
        else:
            found.append((start_s, end_s))
    return found


def _cut_short(field: Field, made: Timeline) -> str:
    if made.bins.until_s >= made.end_s - 0.05:
        return ""
    return f"The run ended early: {words.duration(field.until_s)} of {words.duration(made.end_s)} were driven."
