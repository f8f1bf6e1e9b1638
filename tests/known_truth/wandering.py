"""A level that wanders: what is so now is nearly so a moment later."""

from __future__ import annotations

import numpy as np

from known_truth.arrivals import Floats


def wander(generator: np.random.Generator, due_s: Floats, memory_s: float) -> Floats:
    """A stationary first-order autoregression with mean 0 and variance 1 that forgets in *memory_s*, at evenly spaced instants."""
    from scipy.signal import lfilter  # where something wanders: it takes seconds, and every worker collects

    if due_s.size < 2:
        return generator.standard_normal(due_s.size)
    kept = float(np.exp(-np.median(np.diff(due_s)) / memory_s))
    shocks = generator.standard_normal(due_s.size) * np.sqrt(1 - kept**2)
    shocks[0] /= np.sqrt(1 - kept**2)
    level: Floats = lfilter([1.0], [1.0, -kept], shocks)
    return level
