"""Whether the time that answers take grows while the rate stays the same, so that no answer will be in time any more after a while.

A service that is asked for more than it can do answers well at first: what it cannot do yet waits. In a queue that is served at *c* a
second and asked at *r* a second the wait grows by r/c - 1 seconds in each second (the fluid limit of a queue in heavy traffic: Kleinrock,
"Queueing systems", volume 2, 1976, section 2.7), so a short stretch shows what a long one would have come to.
"""

from __future__ import annotations

from math import inf

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.distributions import Floats, student_quantile
from harness.judging.scoring.shares import TAIL

_BLOCKS = 10
_LEAST = 3 * _BLOCKS


def growth(due_s: npt.ArrayLike, took_s: npt.ArrayLike) -> Interval:
    """By how many seconds in each second the time that answers take grows, over requests *due_s* whose answers *took_s* seconds.

    The slope of a straight line through the means of ten blocks of equally many requests, with Student's interval: the means of blocks hang
    together far less than the waits of neighbours do. Unmeasured over fewer than three requests a block, and where all are due at once.
    """
    due, took = in_time(due_s, took_s)
    if due.size < _LEAST or np.ptp(due) == 0:
        return UNMEASURED
    at = np.array([block.mean() for block in np.array_split(due, _BLOCKS)])
    mean = np.array([block.mean() for block in np.array_split(took, _BLOCKS)])
    off = at - at.mean()
    spread = float(off @ off)
    slope = float(off @ mean) / spread
    left = mean - mean.mean() - slope * off
    reach = student_quantile(_BLOCKS - 2, TAIL) * float(np.sqrt(left @ left / (_BLOCKS - 2) / spread))
    return Interval(slope, slope - reach, slope + reach, due.size)


def after(due_s: npt.ArrayLike, took_s: npt.ArrayLike, hold_s: float, ratio: float) -> Interval:
    """Within how many seconds the share *ratio* of answers would come, had the load gone on for *hold_s* from its first request.

    What they take now, put on the line of `growth`; a wait that shrinks is not foretold to go on shrinking.
    """
    due, took = in_time(due_s, took_s)
    grows = growth(due, took)
    if grows.value is None:
        return UNMEASURED
    now = float(np.quantile(took, ratio))
    ahead_s = max(0.0, hold_s - float(due.mean() - due[0]))
    value, low, high = (now + max(0.0, slope) * ahead_s for slope in (grows.value, grows.low, grows.high))
    return Interval(value, low, min(inf, high), due.size)


def in_time(due_s: npt.ArrayLike, took_s: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both in the order of *due_s*."""
    due, took = np.asarray(due_s, dtype=np.float64), np.asarray(took_s, dtype=np.float64)
    order = np.argsort(due, kind="stable")
    return due[order], took[order]
