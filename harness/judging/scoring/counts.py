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


def weighted_poisson_bounds(total: float, variance: float, most: float) -> tuple[float, float]:
    """The 95 % interval of a sum of clumps: *total* was seen, *variance* is the sum of their squares, *most* the largest."""
    # Below one the gamma distribution has a pole, and clumps that come seldom say no more than a single one.
    low = 0.0 if total == 0 else _gamma(TAIL, total, min(variance, total * total))
    return low, _gamma(1 - TAIL, total + most, variance + most * most)


def _gamma(q: float, mean: float, variance: float) -> float:
    return gamma_quantile(q, max(1.0, mean * mean / variance)) * variance / mean
