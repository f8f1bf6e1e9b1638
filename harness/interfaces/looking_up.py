"""What is looked up in a stored run from the command line: single requests, and tables as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from harness import stored
from harness.problems import Problem, UsageProblems
from harness.registry import suggestion

TABLES = ("requests", "attempts", "arrivals", "traffic")


def request(run: Path, asked: str, say: Callable[[str], None]) -> list[str]:
    """The lines about the request that is *asked* for, or about those that fit; raises UsageProblems where there is none."""
    from harness.report.lookup import request_lines

    _, result, evidence = stored.judged_alone(run, say)
    lines = request_lines(result, evidence, asked)
    if not lines:
        what = f"no request has {asked!r} for its id, question, entry or conversation, or came to it"
        raise UsageProblems(Problem(what, file=str(run), path="--request"))
    return lines


def table(run: Path, name: str) -> Iterator[str]:
    """One of the run's tables as lines of CSV; raises UsageProblems for one that there is not."""
    from harness.report.lookup import table_csv

    if name not in TABLES:
        raise UsageProblems(Problem(f"there is no table {name!r}; {suggestion(name, list(TABLES))}", path="--csv"))
    yield from table_csv(getattr(stored.load(run), name))
