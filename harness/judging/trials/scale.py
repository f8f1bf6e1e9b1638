"""A scale for each unit on which runs of one thing differ by as much, wherever on it they are: by a standard deviation of 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import copysign, exp, inf, isinf, log, sqrt

from harness.judging.comparison import BETWEEN_RUNS_LEAST, BETWEEN_RUNS_RATIO, COUNTS

_NEAR_NOTHING = 0.1  # of the number that is asked about; for units of which nobody knows what is small


@dataclass(frozen=True)
class Scale:
    """Where a value of *unit* stands: the integral of 1 / `comparison.between_runs` (Bartlett 1947, "The use of transformations").

    So a distance of 1 is what two runs of one thing are apart by, as it is known before there are trials: 7 % of a large number, the least
    of its unit of a small one. Large values stand as their logarithm, counts as their root, a share from the nearer of its ends.
    *size* is a number of the kind that is asked about, which says what is small where the unit does not.
    """

    unit: str
    size: float = 1.0

    def at(self, value: float) -> float:
        """Where *value* stands."""
        if self.unit == "ratio" and value > 0.5:
            return 2 * self._from_nothing(0.5) - self._from_nothing(1 - value)
        return self._from_nothing(value)

    def value(self, at: float) -> float:
        """What stands there; the inverse of `at`."""
        middle = self._from_nothing(0.5)
        if self.unit == "ratio" and at > middle:
            return 1 - self._to_value(2 * middle - at)
        return self._to_value(at)

    @cached_property
    def _least(self) -> float:
        known = BETWEEN_RUNS_LEAST.get(self.unit, 0.0)
        return known or BETWEEN_RUNS_RATIO * _NEAR_NOTHING * (abs(self.size) or 1.0)

    @cached_property
    def _turns(self) -> tuple[float, float, float]:
        """From which value on a number varies as itself, where that stands, and where the root begins to hold (counts alone)."""
        if self.unit in COUNTS:
            many = 1 / BETWEEN_RUNS_RATIO**2
            return many, 1 + 2 * (sqrt(many) - 1), self._least
        many = self._least / BETWEEN_RUNS_RATIO
        return many, many / self._least, many

    def _from_nothing(self, value: float) -> float:
        size = abs(value)
        many, stands, few = self._turns
        if size <= few:
            at = size / self._least
        elif size <= many:
            at = 1 + 2 * (sqrt(size) - 1)
        else:
            at = inf if isinf(size) else stands + log(size / many) / BETWEEN_RUNS_RATIO
        return copysign(at, value)

    def _to_value(self, at: float) -> float:
        size = abs(at)
        many, stands, few = self._turns
        if size <= few / self._least:
            value = size * self._least
        elif size <= stands:
            value = (1 + (size - 1) / 2) ** 2
        else:
            over = (size - stands) * BETWEEN_RUNS_RATIO
            value = inf if over > 700 else many * exp(over)
        return copysign(value, at)
