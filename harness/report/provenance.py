"""Where a report comes from: which run, made from which files, with what."""

from __future__ import annotations

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.report.templating import render

_BESIDE = (
    "result.json",
    "summary.md",
    "junit.xml",
    "scenario.yaml",
    "target.yaml",
    "questions.yaml",
    "history.jsonl",
    "requests.parquet",
    "attempts.parquet",
    "arrivals.parquet",
    "logs/",
)
"""Files of a run that stand in one folder with its page; relative, so that they are found wherever the folder is taken."""


def section(result: Result, evidence: Evidence | None) -> Markup:
    """All that somebody needs to find the run and to repeat it, with links to its own files."""
    begun = evidence.begun if evidence is not None else None
    return render("provenance.html", result=result, begun=begun, files=_BESIDE)
