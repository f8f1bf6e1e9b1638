"""How often something is to be expected in runs like this one, from how often it happened in this one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.distributions import gamma_quantile
from harness.judging.scoring.shares import TAIL


def rate_a_run(counts: npt.ArrayLike, chances: int) -> Interval:
    """The mean number of events in runs of as many *chances*, where *counts* happened together: to one conversation, in one storm.

    Garwood's exact interval of a Poisson mean (Biometrika 28, 1936) where each event came alone: none seen bounds it at 3.7.
    Events that came together say less: Fay and Feuer's gamma interval of a weighted Poisson sum (Statistics in Medicine 16,
    1997), which is Garwood's where all weights are one. What was counted in this run is `shares.exact`.
    """
    together = np.asarray(counts, dtype=np.float64)
    if chances == 0:
        return UNMEASURED
    total = float(together.sum())
    low, high = weighted_poisson_bounds(
        total, float(np.einsum("i,i", together, together)), float(together.max(initial=1.0))
    )
    return Interval(total, min(low, total), max(high, total), chances)


def rate_a_second(worth: npt.ArrayLike, a_piece: npt.ArrayLike, lasted_s: float, one: float = 1.0) -> Interval:
    """How much came a second in *lasted_s*: the sum of what each event is *worth*, with the interval of a weighted Poisson sum.

    *a_piece* is how many events there were in each piece of that time, all equally long. Where those vary more than chance would have
    them, the events come in clumps as large as the counts' variance over their mean, and say so much less (the index of dispersion; D. R.
    Cox and P. A. W. Lewis, *The Statistical Analysis of Series of Events*, 1966). Where none was seen, what may have been missed is worth
    *one* each.
    """
    each, counts = np.asarray(worth, dtype=np.float64), np.asarray(a_piece, dtype=np.float64)
    if not counts.size or lasted_s <= 0:
        return UNMEASURED
    several = counts.size > 1 and counts.any()
    clump = max(1.0, float(counts.var(ddof=1) / counts.mean())) if several else 1.0
    total, most = float(each.sum()), clump * float(each.max(initial=0.0) or one)
    low, high = weighted_poisson_bounds(total, clump * float(np.einsum("i,i", each, each)), most)
    return Interval(total / lasted_s, min(low, total) / lasted_s, max(high, total) / lasted_s, counts.size)


def weighted_poisson_bounds(total: float, variance: float, most: float) -> tuple[float, float]:
    """The 95 % interval of a sum of clumps: *total* was seen, *variance* is the sum of their squares, *most* the largest."""
    # Below one the gamma distribution has a pole, and clumps that come seldom say no more than a single one.
    low = 0.0 if total == 0 else _gamma(TAIL, total, min(variance, total * total))
    return low, _gamma(1 - TAIL, total + most, variance + most * most)


def _gamma(q: float, mean: float, variance: float) -> float:
    return gamma_quantile(q, max(1.0, mean * mean / variance)) * variance / mean
