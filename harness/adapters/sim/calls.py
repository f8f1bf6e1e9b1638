"""Every call that a run makes to its world, counted; one of them can be made to fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal


class Calls:
    """Counts calls, and raises *error* at call *fail_at* (from 1), before or after that call has had its effect.

    An error that is no Exception, such as a KeyboardInterrupt, stands for a signal: it does not arrive while *held*.
    """

    def __init__(
        self,
        fail_at: int | None = None,
        when: Literal["before", "after"] = "before",
        error: BaseException | None = None,
    ) -> None:
        self.names: list[str] = []
        self.held = False
        self._fail_at, self._when, self._error = fail_at, when, error

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """One call, called *name*."""
        self.names.append(name)
        number = len(self.names)
        self._fail(number, "before")
        yield
        self._fail(number, "after")

    def _fail(self, number: int, when: Literal["before", "after"]) -> None:
        if number != self._fail_at or when != self._when or self._error is None:
            return
        if isinstance(self._error, Exception) or not self.held:
            raise self._error
