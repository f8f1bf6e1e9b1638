"""A quantile of values of which neighbours in time resemble one another, and of which some never came."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil, inf

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.design_effect import CERTAIN, Clumping, Stretch, clumping, gap
from harness.judging.scoring.distributions import Floats
from harness.judging.scoring.intervals import quantile_of_ordered

FAR = 0.95  # beyond this quantile so few values lie that their clumps are counted
ENOUGH = 10
TOLD = 100  # values, of fewer of which no blocks tell whether they come in clumps
_DIGITS = 6


def clumped_quantile(
    due_s: npt.ArrayLike, least: npt.ArrayLike, q: float, *, answered: npt.ArrayLike | None = None
) -> Interval:
    """The *q* quantile of values due at *due_s*, each *least* or, where it was not *answered*, more than that.

    As `intervals.quantile`, for as many values as they are worth: those beyond the quantile are what comes in clumps, in blocks of a length
    from the data. Where values do come in clumps, the upper end of a quantile beyond `FAR` is open unless `ENOUGH` of them lie beyond it.
    """
    return Timed.of(due_s, least, answered).quantile(q)


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """Values of which several quantiles are asked: put in order once, by when they were due and by size."""

    due_s: Floats
    slow: Floats
    """Each by when it was due; infinite where it was not answered."""
    answered: Floats
    """Those that were, from the least on."""
    waited: Floats
    """What the others are at the least, from the least on."""
    gap_s: float

    @classmethod
    def of(cls, due_s: npt.ArrayLike, least: npt.ArrayLike, answered: npt.ArrayLike | None = None) -> Timed:
        """Values due at *due_s*, as `clumped_quantile` has them. Raises ValueError for NaN among them."""
        due, values = np.asarray(due_s, dtype=np.float64), np.asarray(least, dtype=np.float64)
        known = np.ones(values.size, np.bool_) if answered is None else np.asarray(answered, dtype=np.bool_)
        if np.isnan(values).any():
            raise ValueError("NaN in a sample; leave out what was not measured")
        told, waited = (
            (np.sort(values), np.empty(0)) if known.all() else (np.sort(values[known]), np.sort(values[~known]))
        )
        slow = np.where(known, values, inf) if waited.size else values
        if (due[1:] < due[:-1]).any():
            order = np.argsort(due, kind="stable")
            due, slow = due[order], slow[order]
        return cls(due, slow, told, waited, gap(due))

    def of_answered(self) -> Timed:
        """Those alone that were answered."""
        if not self.waited.size:
            return self
        known = self.slow < inf
        due_s = self.due_s[known]
        return Timed(due_s, self.slow[known], self.answered, np.empty(0), gap(due_s))

    def quantile(self, q: float) -> Interval:
        """The *q* quantile, as `clumped_quantile` has it."""
        n = self.slow.size
        if not n:
            return UNMEASURED
        if n < TOLD:
            return quantile_of_ordered(self.answered, self.waited, q)
        beyond = self._clumping(q)
        found = quantile_of_ordered(
            self.answered, self.waited, q, beyond.worth(n, float(self.due_s[-1] - self.due_s[0]))
        )
        if q > FAR and beyond.clumps < ENOUGH and self._clumping(0.5).effect >= CERTAIN:
            return Interval(found.value, found.low, inf, found.n, found.censored)
        return found

    def _clumping(self, q: float) -> Clumping:
        """How those come in clumps that lie above the *q* quantile; what rounding makes of equal ones is no difference."""
        n = self.slow.size
        # The first of them of which a share of q or more is no larger.
        place = max(ceil(n * q - 1), 0)
        if place >= self.answered.size:
            return clumping([Stretch(self.due_s, np.zeros(n, np.bool_))], by_size=False, gap_s=self.gap_s)
        at = np.round(self.answered[place], _DIGITS)
        last = bisect_right(self.answered, at, lo=place, key=lambda value: np.round(value, _DIGITS)) - 1
        above = self.slow > self.answered[last]
        return clumping([Stretch(self.due_s, above)], by_size=False, gap_s=self.gap_s)
