"""Whether a number of one run is another one in a second run, or differs by no more than two runs of the same thing do."""

from __future__ import annotations

from math import hypot, inf, isfinite, sqrt
from typing import Literal, Protocol

from harness.judging.result import ON_THE_SERVICE, Result

State = Literal["higher", "lower", "alike", "unknown"]

BETWEEN_RUNS_RATIO = 0.07
"""How far two runs of one thing are apart beyond what the interval of one run says, as a standard deviation by the number itself.

A prior, since one run on each side shows no variation between runs. Forty pairs of shipped scenarios and reference targets, ten runs each
on one machine, showed 0 to 0.045 (``docs/verdicts.jsonl``); machines that are shared, and providers that are real, show 5 to 10 %.
"""
COUNTS = ("answers", "attempts", "connections", "jobs at once", "requests", "times")
"""Units of what is counted one by one."""
BETWEEN_RUNS_LEAST = {
    "s": 0.15,
    "ms": 10.0,
    "ratio": 0.01,
    "attempts per request": 0.03,
    "commands per request": 0.03,
    "attempts per second": 0.1,
    "commands per second": 0.1,
    "connections per second": 0.1,
    "lookups per second": 0.1,
    # What a tenth of an attempt a second comes to, of some hundred tokens each.
    "tokens per second": 10.0,
    "tokens per request": 1.0,
    "cost": 0.0,
    "cost per minute": 0.0,
    # As a share of good answers varies by 0.01, of a promise of 99.9 % over 30 days, in a run of a minute.
    "times what the slo allows": 10.0,
    "error budgets": 0.0002,
    **dict.fromkeys(COUNTS, 1.0),
}
"""The same for small numbers, by unit: what is near 0 varies too."""
Z95 = 1.96
"""Stated intervals are of 95 %: so many standard errors to each side."""
Z_CHANGED = 3.0
"""How many standard deviations apart is a change; about 25 numbers of two runs are held against one another."""


class Stated(Protocol):
    """A number with its interval; None for what was not measured, and for an end that is open."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def comparable(now: Result, then: Result) -> bool:
    """Whether both runs can be trusted, so that a difference says something."""
    return now.verdict in ON_THE_SERVICE and then.verdict in ON_THE_SERVICE


def went(now: Stated | None, then: Stated | None, unit: str) -> State:
    """Which way a number went, if it went further than runs of one thing differ.

    The variance of the difference of two runs is that within each, which its interval states on the side of the other number, and twice
    that between runs (Cochran 1954, "The combination of estimates from different experiments"). An end that is open reaches for ever.
    """
    if now is None or then is None or now.value is None or then.value is None:
        return "unknown"
    lower, upper = sorted((now, then), key=_value)
    low, high = _value(lower), _value(upper)
    if low == high:
        return "alike"
    within = hypot(_beyond(lower.high, low), _beyond(upper.low, high)) / Z95
    spread = hypot(between_runs(low, unit), between_runs(high, unit), within)
    if not isfinite(spread) or high - low <= Z_CHANGED * spread:
        return "alike"
    return "higher" if upper is now else "lower"


def between_runs(value: float, unit: str) -> float:
    """Standard deviation of a number between runs of one thing."""
    least = BETWEEN_RUNS_LEAST.get(unit, 0.0)
    if unit == "ratio":
        # A share cannot vary more than its distance to the nearer end.
        return max(least, BETWEEN_RUNS_RATIO * min(value, 1 - value))
    if unit in COUNTS:
        # Counts vary as their own number at least (Poisson).
        return max(least, sqrt(abs(value)), BETWEEN_RUNS_RATIO * abs(value))
    return max(least, BETWEEN_RUNS_RATIO * abs(value))


def _value(found: Stated) -> float:
    assert found.value is not None
    return found.value


def _beyond(end: float | None, value: float) -> float:
    """How far the interval reaches beyond its *value* on the side of *end*."""
    return inf if end is None else abs(end - value)
