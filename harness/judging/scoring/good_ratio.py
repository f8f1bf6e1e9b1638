"""The share of requests that got a good answer, where failures come in clumps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.design_effect import clumping, stretch
from harness.judging.scoring.shares import spotless, wilson_ends

Rows = tuple[npt.ArrayLike, npt.ArrayLike]
"""When requests were due, and which of them were good."""


def good_ratio(
    due_s: npt.ArrayLike, good: npt.ArrayLike, elsewhere: Sequence[Rows] = (), shown: Sequence[Rows] | None = None
) -> Interval:
    """The share of *good* among requests that were due at *due_s*: Wilson's interval of as many as they are worth.

    How failures come in clumps is read off what these rows have *shown* (all of them, if nobody says which: what a fault does when
    it begins is an effect and no chance), and off rows *elsewhere* in the run in which the service was well: a short phase shows too few
    clumps. Each is a stretch of the run that may have a level of its own. Where nothing failed anywhere it is `shares.spotless`.
    """
    well = np.asarray(good, dtype=np.bool_)
    if not well.size:
        return UNMEASURED
    stretches = [stretch(*rows) for rows in (*(((due_s, good),) if shown is None else shown), *elsewhere)]
    ratio, span_s = float(well.mean()), float(np.ptp(np.asarray(due_s, dtype=np.float64)))
    if well.all() and not any(rows.weight.any() for rows in stretches):
        return spotless(well.size, (well.size - 1) / span_s if span_s else 0.0)
    return Interval(ratio, *wilson_ends(ratio, clumping(stretches).worth(well.size, span_s)), well.size)
