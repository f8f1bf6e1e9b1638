"""Where a report comes from: which run, made from which files, with what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.record.run_folder import RunFolder
from harness.report.templating import render

_WRITTEN = ("result.json", "summary.md", "junit.xml", "scenario.yaml", "target.yaml")
"""Files of a run that stand in one folder with its page; relative, so that they are found wherever the folder is taken."""
_RECORDED = ("history.jsonl", "requests.parquet", "attempts.parquet", "arrivals.parquet", "logs/")
"""What a run leaves beside them that has evidence."""
_NAMED = re.compile(f"({'|'.join(map(re.escape, (*_WRITTEN, *_RECORDED)))})")
_LINK = Markup('<a href="{0}">{0}</a>')


def section(result: Result, evidence: Evidence | None) -> Markup:
    """All that somebody needs to find the run and to repeat it, with links to its own files."""
    begun = evidence.begun if evidence is not None else None
    return render("provenance.html", result=result, begun=begun, files=[*_WRITTEN, *beside(evidence)])


def beside(evidence: Evidence | None) -> Iterator[str]:
    """The files with what a page was made of."""
    if evidence is None:  # the run never came to tables, or they are lost
        yield from (_RECORDED[0], _RECORDED[-1])
        return
    load, folder = evidence.plan.scenario.load, RunFolder(Path())
    yield folder.questions_named(load.questions or "").name
    yield from (folder.trace.name,) if load.shape is not None and load.shape.trace is not None else ()
    yield from (folder.recorded.name,) if evidence.plan.logged is not None else ()
    yield from _RECORDED[:-1]
    later = {"traffic": evidence.traffic_table, "health_checks": evidence.health_checks}
    yield from (folder.table(name).name for name, table in later.items() if table is not None)
    yield from (folder.instrument.name,) if evidence.measurements else ()
    yield _RECORDED[-1]


def linked(text: str) -> Markup:
    """*text* with every file of the run that it names as a link to it; all else of it is text, whatever it looks like."""
    parts = _NAMED.split(text)
    return Markup("").join(_LINK.format(part) if _NAMED.fullmatch(part) else part for part in parts)
