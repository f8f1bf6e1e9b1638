"""Where a report comes from: which run, made from which files, with what."""

from __future__ import annotations

import re

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

_NAMED, _LINK = re.compile(f"({'|'.join(map(re.escape, _BESIDE))})"), Markup('<a href="{0}">{0}</a>')


def section(result: Result, evidence: Evidence | None) -> Markup:
    """All that somebody needs to find the run and to repeat it, with links to its own files."""
    begun = evidence.begun if evidence is not None else None
    return render("provenance.html", result=result, begun=begun, files=_BESIDE)


def linked(text: str) -> Markup:
    """*text* with every file of the run that it names as a link to it; all else of it is text, whatever it looks like."""
    parts = _NAMED.split(text)
    return Markup("").join(_LINK.format(part) if part in _BESIDE else part for part in parts)
