"""The run phase by phase: how many requests, how many good, how long they took, and what the others came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Phase, Result
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.templating import render

_WORDS = {"complete": "late", "error": "answered with an error"}


@dataclass(frozen=True, slots=True)
class Row:
    """A phase in words."""

    phase: Phase
    good: str
    attempts: str
    otherwise: str


def section(result: Result, evidence: Evidence | None) -> Markup:
    """The table of phases in which a request was due."""
    rows = [_row(result, phase, evidence) for phase in result.phases if phase.requests]
    return render("phases.html", rows=rows) if rows else Markup("")


def _row(result: Result, phase: Phase, evidence: Evidence | None) -> Row:
    good = words.share(phase.good_ratio) if phase.good_ratio is not None else words.NOT_MEASURED
    return Row(phase, good, _attempts(result, phase), _otherwise(phase, evidence) if evidence is not None else "")


def _attempts(result: Result, phase: Phase) -> str:
    amplification = words.of_chart(result, "amplification")
    measured = amplification.by.phase.get(phase.name) if amplification else None
    return words.measured(measured, amplification.unit) if amplification and measured else "–"


def _otherwise(phase: Phase, evidence: Evidence) -> str:
    """What became of requests that got no good answer, the most frequent first."""
    here = evidence.words("requests", "phase") == phase.name
    bad = evidence.words("requests", "outcome")[here & ~evidence.column("requests", "good")]
    told: Counter[str] = Counter()
    for outcome, n in bad.counts().items():
        told[_WORDS.get(outcome, outcome.replace("_", " "))] += n
    most_first = sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{words.count(n)} {one_line(what, 30)}" for what, n in most_first)
