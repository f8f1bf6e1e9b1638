"""Two runs side by side: their verdicts, what was expected of both, their charts on one clock and one scale, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report import changes, errors, whereabouts
from harness.report.charts import Field
from harness.report.headline import beside, headline
from harness.report.lanes import Lane, broken_first, lanes
from harness.report.page import frame
from harness.report.scales import Clock
from harness.report.series import Timeline, timeline
from harness.report.templating import render
from harness.report.timeline import field_of


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs; *report* is where its own page is, seen from this one."""

    result: Result
    evidence: Evidence
    report: str


@dataclass(frozen=True, slots=True)
class Half:
    """What stands on one side of the page."""

    name: str
    result: Result
    headline: str
    second: str
    report: str
    errors: Markup
    places: Markup


def page(left: Side, right: Side) -> str:
    """The page; the same two runs give the same text, and it needs nothing beside itself."""
    halves = (_half(left, "this run"), _half(right, "the other run"))
    return str(
        render(
            "beside.html",
            halves=halves,
            pairs=_pairs(left, right),
            compared=changes.section(left.result, right.result),
            **frame(),
        )
    )


def _half(side: Side, name: str) -> Half:
    result = side.result
    return Half(
        name,
        result,
        headline(result),
        beside(result),
        side.report,
        errors.section(result, side.evidence),
        whereabouts.section(result, side.evidence),
    )


def _pairs(left: Side, right: Side) -> list[tuple[Lane | None, Lane | None]]:
    """The charts of both, those that a broken expectation of the left one is read from first; None where a run has no such chart."""
    made = timeline(left.evidence), timeline(right.evidence)
    end_s = max((one.end_s for one in made if one is not None), default=0.0)
    drawn = [
        _lanes(side, mine, other, end_s, f"{which}-")
        for side, mine, other, which in zip((left, right), made, reversed(made), ("left", "right"), strict=True)
    ]
    by_key = [{lane.key: lane for lane in found} for found in drawn]
    order = [lane.key for lane in broken_first(left.result, [*by_key[0].values()])]
    keys = dict.fromkeys([*order, *by_key[1]])
    return [(by_key[0].get(key), by_key[1].get(key)) for key in keys]


def _lanes(side: Side, mine: Timeline | None, other: Timeline | None, end_s: float, prefix: str) -> list[Lane]:
    if mine is None:
        return []
    field: Field = replace(field_of(side.result, side.evidence, mine), clock=Clock(end_s), other=other, prefix=prefix)
    return lanes(side.result, side.evidence, mine, field)
