"""Where a report comes from: which run, made from which files, with what."""

from __future__ import annotations

from markupsafe import Markup

from harness.evidence import Evidence
from harness.report.templating import render
from harness.result import Result


def section(result: Result, evidence: Evidence | None) -> Markup:
    """All that somebody needs to find the run and to repeat it."""
    return render("provenance.html", result=result, begun=evidence.begun if evidence is not None else None)
