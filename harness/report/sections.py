"""The parts of the report in their order; a new one is one file beside this one and one line below.

Third parties register theirs through the entry-point group ``harness``.
"""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics import telling
from harness.judging.result import Result
from harness.registry import Registry, load_third_parties
from harness.report import (
    beside_recorded,
    diagnoses,
    disagreements,
    errors,
    findings,
    phases,
    provenance,
    requests,
    retries,
    scores,
    timeline,
    traces,
    trust,
    whereabouts,
)
from harness.report.headline import by_weight

Section = Callable[[Result, Evidence | None], Markup]
"""Makes a part of the page; nothing, where it has nothing to say. Without evidence only the result can be told of."""

sections: Registry[Section] = Registry("report section")
for _name, _section in (
    ("scores", scores.section),
    ("findings", findings.section),
    ("diagnoses", diagnoses.section),
    ("errors", errors.section),
    ("whereabouts", whereabouts.section),
    ("timeline", timeline.section),
    ("beside_recorded", beside_recorded.section),
    ("phases", phases.section),
    ("retries", retries.section),
    ("traces", traces.section),
    ("requests", requests.section),
    ("disagreements", disagreements.section),
    ("trust", trust.section),
    ("provenance", provenance.section),
):
    sections.add(_name, _section)

load_third_parties("sections")

_FIRST = ("scores", "findings", "diagnoses")
_SHOWN_IN = {
    "goodput": ("errors", "whereabouts", "timeline"),
    "snapshots": ("disagreements", "traces", "timeline"),
    "amplification": ("retries", "timeline"),
    "latency": ("timeline", "phases"),
    "load": ("whereabouts", "timeline"),
    "attempt_latency": ("timeline", "whereabouts"),
    "beside_recorded": ("beside_recorded", "timeline"),
}
"""Where a reader sees what was wrong with what is read from each chart; by its name on the page."""
_ELSEWHERE = ("errors", "timeline")


def by_what_failed(result: Result) -> list[str]:
    """The parts in the order in which they are read: what was expected, what shows the expectations that were broken, and then the rest."""
    charts = [telling(finding.metric).chart for finding in by_weight(result, "fail")]
    wanted = [*_FIRST, *(name for chart in charts for name in _SHOWN_IN.get(chart, _ELSEWHERE))]
    return [
        *(name for name in dict.fromkeys(wanted) if name in sections),
        *(name for name in sections if name not in wanted),
    ]
