"""Where a report comes from: which run, made from which files, with what."""

from __future__ import annotations

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report.templating import render


def section(result: Result, evidence: Evidence | None) -> Markup:
    """All that somebody needs to find the run and to repeat it."""
    return render("provenance.html", result=result, begun=evidence.begun if evidence is not None else None)
