"""How late answers were, counted from when they were due.

Over completed answers only. A connection refused in a millisecond would make an outage look fast, and a request
given up on at its deadline would report the deadline; neither is the latency of an answer. What did not
complete is what the good ratio is for, so a latency has to be read beside it, and beside its own *n*.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.scoring.distributions import Floats
from harness.scoring.interval import Interval
from harness.scoring.intervals import quantile


def since_due_ms(due_s: npt.ArrayLike, at_s: npt.ArrayLike, completed: npt.ArrayLike) -> Floats:
    """Milliseconds from due to *at_s* of the answers that *completed*; NaN, an instant that never came, is left out."""
    late_ms = (np.asarray(at_s, dtype=np.float64) - np.asarray(due_s, dtype=np.float64)) * 1e3
    kept: Floats = late_ms[np.asarray(completed, dtype=np.bool_) & np.isfinite(late_ms)]
    return kept


def latency_ms(values: npt.ArrayLike, q: float) -> Interval:
    """The *q* quantile of milliseconds from due to the end of the answer, of completed answers only."""
    return quantile(values, q)


def ttft_ms(values: npt.ArrayLike, q: float) -> Interval:
    """The *q* quantile of milliseconds from due to the first piece with text in it, of completed answers only."""
    return quantile(values, q)
