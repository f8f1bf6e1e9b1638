"""What a format of logs promises: whether a file is of it, and the calls in it, each row read or counted as broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from harness.incidents.calls import Broken, Call, Passed
from harness.incidents.source import Source, rows_or_table
from harness.registry import Registry


class Format(Protocol):
    """One form in which logs come; its first docstring line says which."""

    def suits(self, head: bytes) -> bool:
        """Whether a file that begins with *head* is of this form."""
        ...

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        """Each row of *source*, in the order of the file. Raises UsageProblems where nothing of it can be read as it is."""
        ...


def calls_in(
    source: Source,
    call: Callable[[Mapping[str, Any], Source], Call | Passed],
    inside: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda row: [row],
) -> Iterator[Call | Broken | Passed]:
    """Each row of an export, JSON or CSV, as the *call* that it is; broken where that raises ValueError, OverflowError or TypeError.

    *inside*: the rows that a row stands for, where it is one of several.
    """
    for found in rows_or_table(source):
        if isinstance(found, Broken):
            yield found
            continue
        line, row = found
        for one in inside(row):
            try:
                yield call(one, source)
            except (ValueError, OverflowError, TypeError) as error:
                yield Broken(line, str(error))


formats: Registry[Format] = Registry("format of logs")
