"""What a format of logs promises: whether a file is of it, and the calls in it, each row read or counted as broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from harness.incidents.calls import Broken, Call, Passed
from harness.incidents.source import Source
from harness.registry import Registry


class Format(Protocol):
    """One form in which logs come; its first docstring line says which."""

    def suits(self, head: bytes) -> bool:
        """Whether a file that begins with *head* is of this form."""
        ...

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        """Each row of *source*, in the order of the file. Raises UsageProblems where nothing of it can be read as it is."""
        ...


formats: Registry[Format] = Registry("format of logs")
