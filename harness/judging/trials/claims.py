"""What may be claimed of a number that every trial tells anew: that it lies below a limit, or above it, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, fsum, inf, isfinite, sqrt
from typing import Literal

from harness.judging.comparison import Z95
from harness.judging.scoring.distributions import student_quantile, student_tail
from harness.judging.trials.scale import Scale
from harness.judging.trials.trial import Value

Side = Literal["below", "above"]
PRIOR_TRIALS = 1.0
"""How many trials' worth is known of how runs differ before there are any."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where a number lies on its scale, with its standard error *off* and the degrees of *freedom* that this is known by."""

    mean: float
    off: float
    freedom: float
    n: int

    def chance_of_error(self, side: Side, limit: float) -> float:
        """How often as much would speak for the number being on *side* of *limit* if it were not: the claim's p (Student's t)."""
        away = self.away(side, limit)
        return 1.0 if away is None else student_tail(away, self.freedom)

    def away(self, side: Side, limit: float) -> float | None:
        """How many standard errors the number lies on *side* of *limit*, less than 0 on the other; None where nothing is known of that."""
        if not isfinite(self.off) or self.freedom < 1:
            return None
        return (limit - self.mean if side == "below" else self.mean - limit) / self.off

    def reach(self, level: float) -> float:
        """How far to each side the number may lie, beyond which it does with a chance of *level*."""
        if not isfinite(self.off) or self.freedom < 1 or level <= 0:
            return inf
        return student_quantile(self.freedom, min(level, 0.5)) * self.off


def spread(at: Sequence[float], within: float = 0.0, prior: float = PRIOR_TRIALS) -> float:
    """The variance between runs on a `Scale`, of which *at* are some; *within* is what each states of itself.

    It is never less than what was seen. Where less was seen than runs are known to differ by, chance may be behind that, and most of all
    where all are the same: what is known counts as *prior* further observations (Smyth 2004, "Linear models and empirical Bayes
    methods"), and no degree of freedom is made of it. So a test by it is never surer than Student's.
    """
    freedom = len(at) - 1
    middle = _mean(at)
    seen = fsum((one - middle) ** 2 for one in at) / freedom if freedom > 0 else 0.0
    known = 1.0 + within
    return max(seen, (prior * known + freedom * seen) / (prior + freedom))


def estimate(values: Sequence[Value], scale: Scale, side: Side, prior: float = PRIOR_TRIALS) -> Estimate:
    """Of *values*, each of one trial, for a claim that the number lies on *side* of something; *prior* as for `spread`.

    What a run states of itself counts on the side where the claim could be wrong; where it is open there nothing can be claimed.
    """
    at = [scale.at(value.value) for value in values if value.value is not None]
    if not at:
        return Estimate(0.0, inf, 0.0, 0)
    within = _mean([_within(value, scale, side) ** 2 for value in values if value.value is not None])
    return Estimate(_mean(at), sqrt(spread(at, within, prior) / len(at)), len(at) - 1, len(at))


def ends(
    above: Estimate, below: Estimate, scale: Scale, levels: tuple[float, float], nothing: float = 0.0
) -> tuple[float | None, float | None, float | None]:
    """Low end, typical value and high end as values, each end with its chance of error; None where open, or where nothing was measured.

    *above* is the estimate for claims that it lies above something, and *below* that for the others; *nothing* is the least value that
    there can be.
    """
    if not above.n:
        return None, None, None
    found = above.mean - above.reach(levels[0]), above.mean, below.mean + below.reach(levels[1])
    low, value, high = (min(most(scale.unit), max(nothing, scale.value(at))) if isfinite(at) else None for at in found)
    return low, value, high


def most(unit: str) -> float:
    """The greatest value that there can be of a *unit*."""
    return 1.0 if unit == "ratio" else inf


def _within(value: Value, scale: Scale, side: Side) -> float:
    """The standard error that one run states, towards the side where a claim could be wrong."""
    is_open, end = (value.open_above, value.high) if side == "below" else (value.open_below, value.low)
    if is_open or end is None or value.value is None:
        return inf
    return abs(scale.at(end) - scale.at(value.value)) / Z95


def _mean(values: Sequence[float]) -> float:
    """Rounded once, so that their order says nothing."""
    return fsum(values) / len(values)


def by_chance(times: int, n: int, each: float) -> float:
    """How likely something that happens in a run with a chance of *each* happens *times* or more in *n* runs."""
    return sum(comb(n, k) * each**k * (1 - each) ** (n - k) for k in range(times, n + 1))
