"""What was expected and what came of it: a row an expectation, with its interval drawn against its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Finding, Result
from harness.report import words
from harness.report.gauge import gauge
from harness.report.templating import render

_WORST_FIRST = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class Row:
    """A finding in words."""

    finding: Finding
    title: str
    where: str
    limit: str
    value: str
    interval: str
    picture: Markup | None
    exposed: str


def section(result: Result, _evidence: Evidence | None) -> Markup:
    """The table of findings; in a run that cannot be trusted none of them counts."""
    rows = [_row(result, finding, index) for index, finding in enumerate(worst_first(result.findings))]
    return render("findings.html", rows=rows, trusted=result.verdict in words.TRUSTED)


def worst_first(found: Sequence[Finding]) -> list[Finding]:
    """Findings with the broken before the open, and those before what held; each in the order in which they were written."""
    return sorted(found, key=lambda finding: _WORST_FIRST.index(finding.verdict))


def _row(result: Result, finding: Finding, index: int) -> Row:
    return Row(
        finding=finding,
        title=words.title(finding.metric),
        where=", ".join(part for part in (words.in_phase(finding.phase), words.where_else(finding)) if part),
        limit=words.limit(result, finding),
        value=words.value_of(result, finding),
        interval=words.interval_of(result, finding),
        picture=gauge(result, finding, f"finding-{index}"),
        exposed=_exposed(result, finding),
    )


def _exposed(result: Result, finding: Finding) -> str:
    """The value over the requests that lived wholly inside a fault, which stands beside that over all."""
    found = finding.among_exposed
    return f"{words.measured(found, words.unit_of(result, finding.metric))} among the exposed" if found else ""
