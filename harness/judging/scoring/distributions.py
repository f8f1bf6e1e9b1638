"""The few probability distributions that the scores stand on, exact and without scipy."""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, isinf, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.shares import TAIL

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_WIDE = 12.0  # standard deviations beyond which nothing is left that a float could hold
_TERMS = 500
_EXACT = 1e-13
_LARGE = 1e7  # a shape from which on a near guess saves much
_MANY, _SOME, _WITHIN = (
    1 << 16,
    1 << 12,
    256,
)  # values of which a median is asked; of how many bounds are taken, and how far apart
_HALVES = 60  # of a bracket, after which a float has no room for another one


@lru_cache(maxsize=256)
def binomial_quantile(q: float, n: int, ratio: float) -> int:
    """The smallest k such that at most k of *n* happen with probability *q* or more, each with chance *ratio*."""
    if not 0 < ratio < 1:
        return 0 if ratio <= 0 else n
    spread = _WIDE * sqrt(n * ratio * (1 - ratio)) + _WIDE
    lowest, highest = max(0, int(n * ratio - spread)), min(n, int(n * ratio + spread))
    k = np.arange(lowest, highest + 1)
    first = _log_choose(n, lowest) + lowest * log(ratio) + (n - lowest) * log(1 - ratio)
    steps = np.log((n - k[:-1]) / (k[:-1] + 1)) + log(ratio / (1 - ratio))
    below = np.cumsum(np.exp(first + np.r_[0.0, np.cumsum(steps)]))
    return int(k[min(int(np.searchsorted(below, q)), k.size - 1)])


def poisson_bounds(count: int) -> tuple[float, float]:
    """The 95 % interval of the mean of which *count* was seen (Garwood's)."""
    return 0.0 if count == 0 else gamma_quantile(TAIL, count), gamma_quantile(1 - TAIL, count + 1)


@lru_cache(maxsize=256)
def gamma_quantile(q: float, shape: float) -> float:
    """The *q* quantile of the gamma distribution of *shape* 1 or more and scale 1; raises ValueError below one."""
    if shape < 1:
        raise ValueError(f"a shape of {shape}; at least 1 is needed")
    low, high = max(0.0, shape - _WIDE * sqrt(shape)), shape + _WIDE * sqrt(shape) + 2 * _WIDE
    value = (low + high) / 2 if shape < _LARGE else _wilson_hilferty(q, shape)
    for _ in range(_HALVES):
        over = _gamma_below(shape, value) - q
        low, high = (low, value) if over >= 0 else (value, high)
        density = exp((shape - 1) * log(value) - value - lgamma(shape))
        newton = value - over / density if density else high
        before, value = value, newton if low < newton < high else (low + high) / 2
        if abs(value - before) <= _EXACT * high:
            break
    return value


def _wilson_hilferty(q: float, shape: float) -> float:
    """About the *q* quantile of a gamma distribution of a large *shape*, whose cube root is nearly normal (PNAS 17, 1931)."""
    return shape * (1 - 1 / (9 * shape) + NormalDist().inv_cdf(q) / (3 * sqrt(shape))) ** 3


def student_tail(t: float, freedom: float) -> float:
    """How likely Student's t with *freedom* degrees of freedom, which need not be whole, lies above *t* (NIST DLMF 8.17.22)."""
    if isinf(t):
        return 0.0 if t > 0 else 1.0
    both = _beta_below(freedom / 2, 0.5, freedom / (freedom + t * t))
    return both / 2 if t >= 0 else 1 - both / 2


@lru_cache(maxsize=4096)
def student_quantile(freedom: float, tail: float = TAIL) -> float:
    """What Student's t with *freedom* degrees of freedom exceeds with a chance of *tail*; raises ValueError below one degree."""
    if freedom < 1:
        raise ValueError(f"{freedom} degrees of freedom; at least 1 is needed")
    if not 0 < tail < 1:
        raise ValueError(f"a tail of {tail}; it lies between 0 and 1, as 0.025 does")
    if tail > 0.5:
        return -student_quantile(freedom, 1 - tail)
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > tail:
        low, high = high, 2 * high
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
    t, step = high, inf
    while abs(step) > _EXACT * high:
        over = student_tail(t, freedom) - tail
        low, high = (t, high) if over > 0 else (low, t)
        newton = t + over / (scale * (1 + t * t / freedom) ** (-(freedom + 1) / 2))
        step = (newton if low < newton < high else (low + high) / 2) - t
        t += step
    return t


def median(values: Floats) -> float:
    """The median of *values*, none of which is NaN, and one at least; of very many those alone are put in order that are near to it."""
    if values.size <= _MANY:
        return float(np.median(values))
    # Among some of them it lies so near to the middle that the bounds hold but for accidents, which are seen.
    some = np.sort(values[:: values.size // _SOME])
    low, high = some[some.size // 2 - _WITHIN], some[some.size // 2 + _WITHIN]
    below, within = np.count_nonzero(values < low), np.count_nonzero(values <= high)
    first, last = (values.size - 1) // 2 - below, values.size // 2 - below
    if first < 0 or last >= within - below:
        return float(np.median(values))
    if low == high:
        return float(low)
    near = values[(low <= values) & (values <= high)]
    near.partition((first, last))
    return float((near[first] + near[last]) / 2) if first != last else float(near[first])


@lru_cache(maxsize=256)
def chance_above(good: float, n: float, ratio: float) -> float:
    """How likely the true ratio is *ratio* or more, when *good* of *n* is all that is known (Jeffreys)."""
    # With p = sin(angle) ** 2 Jeffreys' prior is flat, and the density has no pole at either end.
    centre = np.arctan2(sqrt(good + 0.25), sqrt(n - good + 0.25))
    spread = _WIDE / (2 * sqrt(n + 1))
    lowest, highest = max(0.0, centre - spread), min(pi / 2, centre + spread)
    split = min(max(float(np.arcsin(sqrt(min(max(ratio, 0.0), 1.0)))), lowest), highest)
    below, above = np.linspace(lowest, split, 2_001), np.linspace(split, highest, 2_001)
    peak = _log_density(np.array([centre]), good, n - good)[0]
    mass = [float(np.trapezoid(np.exp(_log_density(part, good, n - good) - peak), part)) for part in (below, above)]
    return mass[1] / (mass[0] + mass[1])


def log_evidence(good: npt.NDArray[np.int64], n: npt.NDArray[np.int64]) -> Floats:
    """The log probability of each sequence with *good* of *n*, at one unknown level (Jeffreys), less that of none."""
    most = int(n.max(initial=0))
    steps = np.arange(most, dtype=np.float64)
    half = np.r_[0.0, np.cumsum(np.log(steps + 0.5))]  # log gamma(k + 1/2), less that of 0
    whole = np.r_[0.0, np.cumsum(np.log(steps + 1.0))]  # log k!
    evidence: Floats = half[good] + half[n - good] - whole[n]
    return evidence


def _log_density(angle: Floats, good: float, bad: float) -> Floats:
    tiny = np.finfo(np.float64).tiny
    density: Floats = 2 * good * np.log(np.maximum(np.sin(angle), tiny)) + 2 * bad * np.log(
        np.maximum(np.cos(angle), tiny)
    )
    return density


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _beta_below(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (NIST DLMF 8.17.22, evaluated by Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_below(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    upper, lower = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            upper, lower = 1 + term / upper, 1 / (1 + term * lower)
            value *= upper * lower
        if abs(upper * lower - 1) < _EXACT:
            break
    return front * value


def _gamma_below(shape: float, value: float) -> float:
    """The gamma distribution's mass below *value*, by its power series (NIST DLMF 8.7.1)."""
    terms = np.arange(1, int(max(value - shape, 0) + 2 * _WIDE * sqrt(value + 1)) + 60, dtype=np.float64)
    first = shape * log(value) - value - lgamma(shape + 1)
    return float(np.exp(first + np.r_[0.0, np.cumsum(log(value) - np.log(shape + terms))]).sum())
