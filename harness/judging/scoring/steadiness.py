"""Whether the measurement itself can be trusted: a steady baseline, and a load that kept up with its schedule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.clumps import clumps
from harness.judging.scoring.design_effect import clumping, stretch
from harness.judging.scoring.distributions import Bools, Floats
from harness.judging.scoring.good_ratio import good_ratio
from harness.judging.scoring.settling import in_order, levels, standing, surely_below
from harness.judging.scoring.shares import wilson

LAG_P99_MS = 50.0
LATE_RATIO = 0.01
LEAST_S = 2.0  # what is shorter is no trouble, but a clump
CUT_OFF = 0.5  # of a stretch at an edge of the baseline so much may be seen


def steady(due_s: npt.ArrayLike, good: npt.ArrayLike, ratio: float) -> bool:
    """Whether the baseline's good ratio may be *ratio*, which the scenario asks for, or more; not where there was no baseline.

    The upper bound of `good_ratio` decides, not the ratio itself: a rule that is wrong once in a hundred runs spoils a set of
    eighty more often than not. A service that fails in short clumps is as steady as it will ever be, and one clump says little of how many
    there are. One stretch below the ratio that lasts longer than the clumps of nearly any service is no clump: a step, a drift, an outage.
    """
    due, outcome = in_order(due_s, good)
    if not due.size or good_ratio(due, outcome).high < ratio:
        return False
    return not any(_is_trouble(due, outcome, rows, ratio) for rows in _below(due, outcome, ratio))


def _below(due_s: Floats, good: Bools, ratio: float) -> Iterator[slice]:
    """The rows of each stretch of consecutive levels outside *ratio*."""
    found = levels(due_s, good)
    edges = np.flatnonzero(np.diff([False, *(standing(level.good, level.n, ratio) == "out" for level in found), False]))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield slice(found[first].start, found[end - 1].end)


def _is_trouble(due_s: Floats, good: Bools, rows: slice, ratio: float) -> bool:
    """Whether the stretch of these *rows* is longer than a clump of the service may be, and below *ratio* however its failures clump."""
    beside = np.ones(due_s.size, np.bool_)
    beside[rows] = False
    first, last = max(rows.start - 1, 0), min(rows.stop, due_s.size - 1)
    length_s, span_s = float(due_s[last] - due_s[first]), float(np.ptp(due_s))
    own = clumps(due_s[beside], good[beside]).short
    noise_s = max(LEAST_S, own.exceeded_by_chance_s(span_s))
    if length_s <= (noise_s * CUT_OFF if rows.start == 0 or rows.stop == due_s.size else noise_s):
        return False
    inside = good[rows]
    effect = clumping([stretch(due_s[rows], inside), stretch(due_s[beside], good[beside])]).effect
    return surely_below(float(inside.sum()), inside.size, ratio, effect)


def kept_up(late: int, n: int, not_sent: int) -> bool:
    """Whether every request was sent, and it may be that 99 of 100 are sent within `LAG_P99_MS` of being due.

    *late* of *n* requests were sent later than that; none at all is no load that kept up. As in `steady`, the interval's end
    decides, so that two hiccups of a busy machine do not spoil a short run.
    """
    return not_sent == 0 and n > 0 and wilson(late, n).low <= LATE_RATIO
