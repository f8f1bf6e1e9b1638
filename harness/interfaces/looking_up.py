"""What is looked up in a stored run: single requests, followed whole, and tables as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness import stored
from harness.judging.trace import Traced
from harness.problems import Problem, UsageProblems
from harness.registry import suggestion

if TYPE_CHECKING:
    from harness.judging.choosing import RequestFilter

TABLES = ("requests", "attempts", "arrivals", "traffic", "health_checks")
MOST = 50
"""So many requests are told at most."""


def traced(run: Path, wanted: RequestFilter, say: Callable[[str], None]) -> Traced:
    """The requests of the stored *run* that are *wanted*, each followed whole, at most `MOST` of them.

    Nothing is written. Raises UsageProblems where nothing fits, with what there is, and as `harness judge` does.
    """
    from harness.judging import tracing
    from harness.judging.choosing import UnknownFaultError, choose, named, near

    folder, result, evidence = stored.judged_alone(run, say)
    try:
        places = choose(evidence, wanted)
    except UnknownFaultError as error:
        raise UsageProblems(Problem(str(error), file=str(folder.path), path="--hit-by")) from error
    if not places.size:
        if wanted.request is not None and not named(evidence, wanted.request).size:
            what = f"no request is {wanted.request!r}; {near(evidence, wanted.request)}"
        else:
            what = f"no request is {wanted}"
        raise UsageProblems(Problem(what, file=str(folder.path)))
    return tracing.traced(result, evidence, places[:MOST].tolist(), int(places.size))


def table(run: Path, name: str) -> Iterator[str]:
    """One of the run's tables as lines of CSV; raises UsageProblems for one that there is not."""
    from harness.report.lookup import table_csv

    if name not in TABLES:
        raise UsageProblems(Problem(f"there is no table {name!r}; {suggestion(name, list(TABLES))}", path="--csv"))
    yield from table_csv(getattr(stored.load(run), name))
