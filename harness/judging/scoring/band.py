"""What counts as well again: the good ratio to be back at, and for how long. Plain arithmetic, so that a plan can be checked with it."""

from __future__ import annotations

from harness.judging.scoring.shares import wilson

SLACK = 0.02  # how far under its own baseline a service may stay and still count as recovered
SETTLED_S = 5.0
SETTLED_REQUESTS = 100  # enough to prove a 0.999 service above a band of 0.95
FEW_S, FEW_REQUESTS = 20.0, 6  # where so many requests would take longer: this long, or until so few were due


def band(baseline_good: int, baseline_n: int, ratio: float) -> float:
    """The least good ratio that counts as well.

    *ratio*, or nearly what the baseline's interval shows that the service had of itself, if that is more; but no more than that interval
    shows.
    """
    least = wilson(baseline_good, baseline_n).low if baseline_n else ratio
    return min(max(ratio, least - SLACK), least)


def shown(baseline_n: int, ratio: float) -> bool:
    """Whether *baseline_n* requests of a baseline, were all of them good, would show that the service is as good as *ratio*, or nearly.

    Fewer say little: ten good answers come of every sixteenth service that fails every fourth time.
    """
    return baseline_n > 0 and wilson(baseline_n, baseline_n).low >= ratio - SLACK


def hold(rate_per_s: float, within_s: float) -> float:
    """Seconds that the band must be held before it counts, at *rate_per_s* requests that are good *within_s*."""
    enough_s = min(SETTLED_REQUESTS / rate_per_s, max(FEW_S, FEW_REQUESTS / rate_per_s))
    return max(SETTLED_S, enough_s, 2 * within_s)
