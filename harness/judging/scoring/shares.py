"""Intervals for a share and a count: plain arithmetic, so that a plan can be checked without numpy."""

from __future__ import annotations

from math import sqrt

from harness.interval import UNMEASURED, Interval

TAIL = 0.025  # probability beyond either end of a 95 % interval
Z = 1.959963984540054  # of the standard normal, at 1 - TAIL


def wilson(good: int, n: int) -> Interval:
    """The share of *good* among *n* independent samples. Raises ValueError unless 0 <= *good* <= *n*."""
    if not 0 <= good <= n:
        raise ValueError(f"{good} good of {n}; a share needs 0 <= good <= n")
    if n == 0:
        return UNMEASURED
    low, high = wilson_ends(good / n, n)
    return Interval(good / n, low, high, n)


SHARED_S = 0.05  # requests due within it share one fate, for all that a run without a failure can tell


def spotless(n: int, rate_per_s: float) -> Interval:
    """The share of good ones among *n* requests that all were good, of which *rate_per_s* were due a second.

    Where nothing failed, nothing says whether failures would have come alone; those due within `SHARED_S` count as one.
    """
    return Interval(1.0, wilson_ends(1.0, n / max(1.0, rate_per_s * SHARED_S))[0], 1.0, n)


def wilson_ends(ratio: float, n: float, z: float = Z) -> tuple[float, float]:
    """The ends of Wilson's interval around *ratio*; *n* may be a fraction, as a worth in independent samples is.

    *z* is of the standard normal, by default for 95 %.
    """
    weight = z * z / n
    centre = (ratio + weight / 2) / (1 + weight)
    reach = z * sqrt(max(ratio * (1 - ratio), 0.0) / n + weight / (4 * n)) / (1 + weight)
    # At the edges the end is the edge itself; rounding must not put the value outside its interval.
    return max(0.0, min(centre - reach, ratio)), min(1.0, max(centre + reach, ratio))


ENOUGH_EQUAL = 30  # equal counts, of which one more would say nothing new


def dearer_missed(n: int) -> float:
    """The share of dearer requests of which *n* equal ones may have shown none (Hanley and Lippman-Hand, JAMA 249, 1983)."""
    return min(1.0, 3 / n)


def exact(count: int, n: int) -> Interval:
    """What was counted in this run among *n* chances: it is known, so its interval is itself."""
    if count < 0 or n < 0:
        raise ValueError(f"a count of {count} among {n}; neither can be negative")
    return Interval(float(count), float(count), float(count), n) if n else UNMEASURED
