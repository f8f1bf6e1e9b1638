"""The parts of the report in their order; a new one is one file beside this one and one line below.

Third parties register theirs through the entry-point group ``harness``.
"""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.registry import Registry, load_third_parties
from harness.report import (
    disagreements,
    findings,
    phases,
    provenance,
    retries,
    scores,
    timeline,
    traces,
    trust,
    whereabouts,
)

Section = Callable[[Result, Evidence | None], Markup]
"""Makes a part of the page; nothing, where it has nothing to say. Without evidence only the result can be told of."""

sections: Registry[Section] = Registry("report section")
for _name, _section in (
    ("scores", scores.section),
    ("findings", findings.section),
    ("whereabouts", whereabouts.section),
    ("timeline", timeline.section),
    ("phases", phases.section),
    ("retries", retries.section),
    ("traces", traces.section),
    ("disagreements", disagreements.section),
    ("trust", trust.section),
    ("provenance", provenance.section),
):
    sections.add(_name, _section)

load_third_parties("sections")
