"""The run at a glance: how many answers were good over its clock, with what was broken shaded, small enough to stand beside the verdict."""

from __future__ import annotations

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report import words
from harness.report.charts import Chart
from harness.report.series import timeline
from harness.report.timeline import field_of
from harness.report.whereabouts import links

_HEIGHT = 46.0


def glance(result: Result, evidence: Evidence | None) -> Markup:
    """The picture; nothing where nothing was asked or seen, or the tables are not at hand.

    Where the harness sent nothing it is of attempts that were answered.
    """
    made = timeline(evidence) if evidence is not None else None
    if evidence is None or made is None:
        return Markup("")
    field = field_of(result, evidence, made)
    every, well = (made.offered, made.good) if made.asks else (made.attempts, made.answered)
    chart, at_s = Chart.of(field, [every, well], height=_HEIGHT), made.bins.middles_s
    lines = [
        chart.between(at_s, every, well, fill="lost", fill_opacity=0.2),
        chart.under(at_s, well, fill="good", fill_opacity=0.2),
        chart.line(at_s, well, stroke="good"),
    ]
    what = subject(result)
    return chart.picture(
        lines,
        title=f"{what[:1].upper()}{what[1:]} over the run",
        about=f"share of {what}: {_shares(result)}",
        key="glance",
        named=words.number,
    )


def subject(result: Result) -> str:
    """What it is a picture of, in words."""
    return "answered attempts" if result.quality.watched and not result.by_entry else "good answers"


def _shares(result: Result) -> str:
    """The share that went well, phase by phase."""
    if result.quality.watched and not result.by_entry:
        found = [(phase.name, [cell for cell in links(result) if cell.phase == phase.name]) for phase in result.phases]
        shares = [
            (name, sum(one.well for one in cells) / sum(one.n for one in cells)) for name, cells in found if cells
        ]
    else:
        shares = [(phase.name, phase.good_ratio) for phase in result.phases if phase.good_ratio is not None]
    return ", ".join(f"{words.phase(name)} {words.share(ratio)}" for name, ratio in shares)
