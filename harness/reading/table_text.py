"""A table that stands in a text file: what of the line that names its columns, and of how many values a row has, cannot be."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.problems import Problem, UsageProblems
from harness.reading.quantities import counted


def separated_by_commas(columns: Sequence[str], file: str) -> None:
    """Raises UsageProblems where what should be several *columns* is one, with something else between them."""
    between = next((one for one in (";", "\t", "|") if len(columns) == 1 and one in columns[0]), None)
    if between is not None:
        what = f"has {between!r} between its columns; save it with commas between them"
        raise UsageProblems(Problem(what, file, 1))


def each_once(columns: Sequence[str], read: Collection[str], file: str) -> None:
    """Raises UsageProblems where one of those *columns* that are *read* is there more than once."""
    if twice := [name for name in dict.fromkeys(columns) if name in read and columns.count(name) > 1]:
        raise UsageProblems(*(Problem(f"there are several columns {name!r}; keep one", file, 1) for name in twice))


def other_width(values: Sequence[object], columns: Sequence[object]) -> str:
    """That a row has another number of *values* than there are *columns*."""
    there = "is" if len(columns) == 1 else "are"
    return f"has {counted(len(values), 'value')}, and there {there} {counted(len(columns), 'column')}"
