"""Every call that a run makes to its world, counted; some of them can be made to fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

When = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Call *number* (from 1) raises *error*, before or after it has had its effect.

    A KeyboardInterrupt stands for a signal.
    """

    number: int
    when: When
    error: BaseException


class Calls:
    """Counts calls by name, and makes *failures* happen; while signals are *held*, none arrives."""

    def __init__(self, *failures: Failure) -> None:
        self.names: list[str] = []
        self.held = False
        self.failures = failures

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """One call, called *name*."""
        self.names.append(name)
        number = len(self.names)
        self._fail(number, "before")
        yield
        self._fail(number, "after")

    def _fail(self, number: int, when: When) -> None:
        for failure in self.failures:
            is_signal = isinstance(failure.error, KeyboardInterrupt)
            if (failure.number, failure.when) == (number, when) and not (is_signal and self.held):
                raise failure.error
