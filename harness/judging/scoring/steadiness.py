"""Whether the measurement itself can be trusted: a steady baseline, and a load that kept up with its schedule."""

from __future__ import annotations

from harness.judging.scoring.shares import wilson

LAG_P99_MS = 50.0
LATE_RATIO = 0.01


def steady(baseline_good: int, n: int, ratio: float) -> bool:
    """Whether the baseline's good ratio may be *ratio*, which the scenario asks for, or more; not where there was no baseline.

    Its upper bound decides, not the ratio itself: a rule that is wrong once in a hundred runs spoils a set of
    eighty more often than not.
    """
    return n > 0 and wilson(baseline_good, n).high >= ratio


def kept_up(late: int, n: int, not_sent: int) -> bool:
    """Whether every request was sent, and it may be that 99 of 100 are sent within `LAG_P99_MS` of being due.

    *late* of *n* requests were sent later than that; none at all is no load that kept up. As in `steady`, the interval's end
    decides, so that two hiccups of a busy machine do not spoil a short run.
    """
    return not_sent == 0 and n > 0 and wilson(late, n).low <= LATE_RATIO
