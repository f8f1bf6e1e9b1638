"""A quantile of values of which neighbours in time resemble one another, and of which some never came."""

from __future__ import annotations

from math import inf

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.design_effect import CERTAIN, Stretch, clumping
from harness.judging.scoring.distributions import Floats
from harness.judging.scoring.intervals import quantile

FAR = 0.95  # beyond this quantile so few values lie that their clumps are counted
ENOUGH = 10
TOLD = 100  # values, of fewer of which no blocks tell whether they come in clumps


def clumped_quantile(
    due_s: npt.ArrayLike, least: npt.ArrayLike, q: float, *, answered: npt.ArrayLike | None = None
) -> Interval:
    """The *q* quantile of values due at *due_s*, each *least* or, where it was not *answered*, more than that.

    As `intervals.quantile`, for as many values as they are worth: those beyond the quantile are what comes in clumps, in blocks of a length
    from the data. Where values do come in clumps, the upper end of a quantile beyond `FAR` is open unless `ENOUGH` of them lie beyond it.
    """
    due, values = np.asarray(due_s, dtype=np.float64), np.asarray(least, dtype=np.float64)
    known = np.ones(values.size, np.bool_) if answered is None else np.asarray(answered, dtype=np.bool_)
    if not values.size:
        return UNMEASURED
    slow = values if known.all() else np.where(known, values, inf)
    if (due[1:] < due[:-1]).any():
        order = np.argsort(due, kind="stable")
        due, slow = due[order], slow[order]
    if values.size < TOLD:
        return quantile(values[known], q, values[~known])
    beyond = clumping([_above(due, slow, q)], by_size=False)
    ends = (values, ()) if known.all() else (values[known], values[~known])
    found = quantile(ends[0], q, ends[1], beyond.worth(values.size, float(due[-1] - due[0])))
    if q > FAR and beyond.clumps < ENOUGH and clumping([_above(due, slow, 0.5)], by_size=False).effect >= CERTAIN:
        return Interval(found.value, found.low, inf, found.n, found.censored)
    return found


def _above(due_s: Floats, values: Floats, q: float) -> Stretch:
    """Which values lie above their *q* quantile; what rounding makes of equal ones is no difference."""
    exact = np.round(values, 6)
    return Stretch(due_s, (exact > np.quantile(exact, q, method="inverted_cdf")).astype(np.float64))
