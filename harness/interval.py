"""A measured number and where the true one lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf


@dataclass(frozen=True, slots=True)
class Interval:
    """*value* with its 95 % interval [*low*, *high*] from *n* samples; the whole line when nothing was measured.

    *censored*: the true value lies beyond what was observed, somewhere in [*low*, inf).
    """

    value: float | None
    low: float = -inf
    high: float = inf
    n: int = 0
    censored: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval's low end lies above its high end: {self.low} > {self.high}")

    def wider(self, by: float) -> Interval:
        """The same of a number that is at least 0, each end of which may lie *by* further out."""
        if self.value is None or not by:
            return self
        return replace(self, low=max(0.0, self.low - by), high=self.high + by)


UNMEASURED = Interval(None)
