"""Intervals for a clustered share and a quantile, each with the 95 % that it promises."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from math import ceil, inf

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.distributions import Floats, binomial_quantile, student_quantile
from harness.judging.scoring.shares import TAIL, wilson_ends

_MATTERS = 1.5  # the variance of clusters, over that of independent samples, from which on it is not chance
_T_MAX = 4.3  # of two degrees of freedom: with fewer nothing is said any more
_MANY = 10_000
_DENSE = 4
_AT_ONCE = 1 << 20  # rows


def clustered_share(
    good: npt.ArrayLike, cluster: npt.ArrayLike, *others: npt.ArrayLike, worth: float = inf
) -> Interval:
    """The share of true values in *good*, where samples of one *cluster* resemble each other, or those of one of the *others*.

    *worth*: how many independent samples they are at most, for what resembles each other otherwise.

    Wilson's interval for as many independent samples as the clusters are worth: those of the way to cluster by which they are worth the
    least (Korn & Graubard 1998, with Student's t for as many clusters as there are); never narrower than `wilson`.
    """
    values = np.asarray(good)
    values = values if values.dtype == np.bool_ else values.astype(np.float64, copy=False)
    ways = [np.asarray(codes) for codes in (cluster, *others)]
    for codes in ways:
        if values.shape != codes.shape:
            raise ValueError(f"{values.size} samples with {codes.size} clusters; each sample needs its cluster")
    n = values.size
    if n == 0:
        return UNMEASURED
    ratio = float(values.mean())
    low, high = wilson_ends(ratio, min(worth, *(_worth(values, codes, ratio) for codes in ways)))
    return Interval(ratio, low, high, n)


def quantile(sample: npt.ArrayLike, q: float, unanswered: npt.ArrayLike = (), worth: float | None = None) -> Interval:
    """The *q* quantile, between the order statistics that hold it 95 times of 100 whatever the distribution.

    *unanswered*: of further values it is only known that each is at least so large. The low end takes them for
    that, the high end for endless: the sharpest bounds that suppose nothing of when they would have ended (Manski,
    Partial Identification of Probability Distributions, 2003). Where the quantile lies among them it is censored. *worth*: as
    how many independent values they count, where neighbours resemble one another (Woodruff 1952, with a design effect). Where
    that is too little for a rank on one side, that side is unbounded. Raises ValueError unless 0 < *q* < 1, and for NaN.
    """
    values, waited = np.asarray(sample, dtype=np.float64), np.asarray(unanswered, dtype=np.float64)
    if np.isnan(values).any() or np.isnan(waited).any():
        raise ValueError("NaN in a sample; leave out what was not measured")
    least = np.r_[values, waited] if waited.size else values
    return _quantile(
        (values.size, least.size),
        q,
        worth,
        lambda ranks: _at_ranks(least, ranks),
        lambda ranks: _at_ranks(values, ranks),
    )


def quantile_of_ordered(answered: Floats, waited: Floats, q: float, worth: float | None = None) -> Interval:
    """As `quantile`, of values that were *answered* and those that *waited* so long at least, each from the least on and without NaN."""

    def answered_at(ranks: list[int]) -> dict[int, float]:
        return {rank: float(answered[rank - 1]) for rank in ranks}

    def least_at(ranks: list[int]) -> dict[int, float]:
        return {rank: _of_both(answered, waited, rank) for rank in ranks}

    return _quantile((answered.size, answered.size + waited.size), q, worth, least_at, answered_at)


def _quantile(
    sizes: tuple[int, int],
    q: float,
    worth: float | None,
    least_at: Callable[[list[int]], dict[int, float]],
    answered_at: Callable[[list[int]], dict[int, float]],
) -> Interval:
    """Of *sizes* many that were answered and of all, by what each is at the least and by those that were answered, at ranks from 1 on."""
    if not 0 < q < 1:
        raise ValueError(f"quantile {q}; it must lie between 0 and 1, as 0.95 does")
    answered, n = sizes
    if n == 0:
        return UNMEASURED
    lower, upper = _ranks(n, q, n if worth is None else max(1, int(worth)))
    # The product can be a hair above a whole number, as 100 * 0.07 is.
    middle = max(ceil(round(n * q, 9)), 1)
    ranks = [rank for rank in (lower, middle, upper) if 1 <= rank <= n]
    least = least_at(ranks)
    most = answered_at([rank for rank in ranks if rank <= answered]) if answered < n else least
    low, high = least.get(lower, -inf), most.get(upper, inf)
    value = least[middle]
    return Interval(value, min(low, value), max(high, value), n, censored=most.get(middle, inf) > value)


def _of_both(left: Floats, right: Floats, rank: int) -> float:
    """The value at *rank*, from 1 on, of both, each from the least on."""
    fewest, most = max(0, rank - right.size), min(rank, left.size)
    of_left = fewest + bisect_left(range(fewest, most), True, key=lambda many: left[many] >= right[rank - many - 1])
    of_right = rank - of_left
    return max(float(left[of_left - 1]) if of_left else -inf, float(right[of_right - 1]) if of_right else -inf)


def _at_ranks(values: Floats, ranks: list[int]) -> dict[int, float]:
    """The values at *ranks* from the least, which is 1, on."""
    parted = np.partition(values, [rank - 1 for rank in ranks]) if ranks else values
    return {rank: float(parted[rank - 1]) for rank in ranks}


def _ranks(n: int, q: float, worth: int) -> tuple[int, int]:
    """The ranks, from 1 to *n*, of the two ends; outside where *worth* independent values would have none."""
    lower, upper = binomial_quantile(TAIL, worth, q), binomial_quantile(1 - TAIL, worth, q) + 1
    return lower * n // worth, n + 1 if upper > worth else -(-upper * n // worth)


def _worth(values: Floats, codes: npt.NDArray[np.int64], ratio: float) -> float:
    """How many independent samples *values* are worth, of which each is of the cluster that has its code."""
    n = values.size
    sums, sizes = _clusters(values, codes)
    strays, clusters = sums - ratio * sizes, sizes.size
    if ratio in (0.0, 1.0) or clusters == n:
        return float(n)
    if clusters == 1:
        return 1.0  # one question only: nothing says how the next would have fared
    variance = clusters / (clusters - 1) * float(np.einsum("i,i", strays, strays)) / n**2
    effect = variance * n / (ratio * (1 - ratio))
    # Where clusters do not matter, their number says nothing either.
    few = min(student_quantile(clusters - 1), _T_MAX) / student_quantile(_MANY) if effect > _MATTERS else 1.0
    return max(1.0, n / max(1.0, effect * few**2))


def _clusters(values: Floats, codes: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The sum of *values* of each cluster, and of how many, in order of their codes."""
    dense = codes.dtype.kind == "i" and codes.min() >= 0 and codes.max() < _DENSE * codes.size
    # Of numbers that lie close together those that come are found without putting them in order.
    of = codes if dense else np.unique(codes, return_inverse=True)[1]
    many = 1 + int(of.max(initial=0))
    sums, sizes = np.zeros(many), np.zeros(many, np.intp)
    at_once = max(_AT_ONCE, 4 * many)
    for first in range(0, of.size, at_once):  # as both take many more bytes to be summed
        piece = slice(first, first + at_once)
        sums += np.bincount(of[piece], values[piece], many)
        sizes += np.bincount(of[piece], minlength=many)
    there = sizes > 0
    return sums[there], sizes[there]
