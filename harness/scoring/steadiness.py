"""Whether the measurement itself can be trusted: a steady baseline, and a load that kept up with its schedule."""

from __future__ import annotations

from harness.scoring.intervals import wilson

STEADY_RATIO = 0.95
LAG_P99_MS = 50.0


def steady(baseline_good: int, n: int) -> bool:
    """Whether the baseline's good ratio may be `STEADY_RATIO` or more; not where there was no baseline.

    Its upper bound decides, not the ratio itself: a rule that is wrong once in a hundred runs spoils a set of
    eighty more often than not.
    """
    return n > 0 and wilson(baseline_good, n).high >= STEADY_RATIO


def kept_up(send_lag_p99_ms: float | None, not_sent: int) -> bool:
    """Whether every request was sent, and 99 of 100 within `LAG_P99_MS` of being due; not when none was (None)."""
    return send_lag_p99_ms is not None and send_lag_p99_ms <= LAG_P99_MS and not_sent == 0
