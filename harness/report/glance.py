"""The run at a glance: how many answers were good over its clock, with what was broken shaded, small enough to stand beside the verdict."""

from __future__ import annotations

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report import words
from harness.report.charts import Chart
from harness.report.series import timeline
from harness.report.timeline import field_of

_HEIGHT = 46.0


def glance(result: Result, evidence: Evidence | None) -> Markup:
    """The picture; nothing where not one request was due, or the tables are not at hand."""
    made = timeline(evidence) if evidence is not None else None
    if evidence is None or made is None:
        return Markup("")
    field = field_of(result, evidence, made)
    chart, at_s = Chart.of(field, [made.offered, made.good], height=_HEIGHT), made.bins.middles_s
    lines = [
        chart.between(at_s, made.offered, made.good, fill="lost", fill_opacity=0.2),
        chart.under(at_s, made.good, fill="good", fill_opacity=0.2),
        chart.line(at_s, made.good, stroke="good"),
    ]
    about = ", ".join(
        f"{words.phase(phase.name)} {words.share(phase.good_ratio)}"
        for phase in result.phases
        if phase.good_ratio is not None
    )
    return chart.picture(
        lines,
        title="Good answers over the run",
        about=f"share of good answers: {about}",
        key="glance",
        named=words.number,
    )
