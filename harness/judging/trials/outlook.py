"""What trials could ever show: after how many of them, how small a fault, and with what chance from where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite, sqrt

from harness.judging.comparison import COUNTS
from harness.judging.scoring.distributions import student_quantile, student_tail
from harness.judging.trials.claims import PRIOR_TRIALS, Estimate, Side, most
from harness.judging.trials.policy import LEAST, Policy, Showing
from harness.judging.trials.scale import Scale

POWER = 0.8
"""How often what is called detectable would have been shown."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """The least fault that would have been shown four times of five.

    *value* in the unit of what is measured, and *ratio* to the limit where that makes sense; for what is certain, *runs*: the share of runs
    in which it would have to happen to be seen once with the confidence of the gate. *away* is on the scale of all units, infinite where
    nothing could have been shown.
    """

    away: float
    value: float | None = None
    ratio: float | None = None
    runs: float | None = None


def detectable(found: Estimate, beyond: Side, limit: float, scale: Scale, level: float) -> Detectable:
    """How far *beyond* the *limit* the number would have to be."""
    away = found.reach(level) + found.reach(1 - POWER)
    if not isfinite(away):
        return Detectable(inf)
    at = scale.at(limit) + (away if beyond == "above" else -away)
    value = _possible(scale.value(at), scale.unit)
    return Detectable(away, value, _ratio(value, limit, scale.unit))


def seen_once(n: int, error_rate: float) -> Detectable:
    """In what share of runs something has to happen to be seen in one of *n* of them (Hanley and Lippman-Hand, JAMA 249, 1983)."""
    return Detectable(0.0, runs=1 - error_rate ** (1 / n)) if n else Detectable(inf)


@lru_cache(maxsize=1024)
def least(side: Side, limit: float, scale: Scale, policy: Policy, showing: Showing, family: float = 1.0) -> int | None:
    """After how many trials a claim could first be made if all were as clear as can be; None where *policy* makes too few for it."""
    mean = scale.at(most(scale.unit) if side == "above" else 0.0)
    for n in range(LEAST, policy.most + 1):
        off = sqrt(PRIOR_TRIALS / (PRIOR_TRIALS + n - 1) / n)
        if Estimate(mean, off, n - 1, n).chance_of_error(side, scale.at(limit)) * family <= policy.level(n, showing):
            return n
    return None


def chance_to_come(
    found: Estimate, side: Side, limit: float, policy: Policy, showing: Showing, family: float = 1.0
) -> float:
    """The chance that a claim can be made after the last trial, if those to come are like those that were made.

    Stochastic curtailment by the predictive distribution of what is still to come (Lan, Simon and Halperin 1982; Spiegelhalter, Freedman
    and Blackburn 1986). Nothing is claimed by it, so that it makes no claim less sure. *limit* is on the scale.
    """
    n, last = found.n, policy.most
    if n == 0 or found.freedom < 1:
        return 1.0
    if not isfinite(found.off):
        return 0.0
    level = policy.level(last, showing) / family
    if level <= 0:
        return 0.0
    deviation = found.off * sqrt(n)
    # As many degrees of freedom a trial as now: one of a single thing, up to two of a pair.
    freedom = found.freedom * (last - 1) / max(1, n - 1)
    need = student_quantile(freedom, level) * deviation / sqrt(last)
    away = limit - found.mean if side == "below" else found.mean - limit
    if n >= last:
        return float(away >= need)
    return student_tail((need - away) / (deviation * sqrt((last - n) / (n * last))), found.freedom)


def _possible(value: float, unit: str) -> float | None:
    """A value that there can be; None beyond."""
    return value if 0 <= value <= most(unit) and isfinite(value) else None


def _ratio(value: float | None, limit: float, unit: str) -> float | None:
    return None if value is None or limit <= 0 or unit == "ratio" or unit in COUNTS else value / limit
