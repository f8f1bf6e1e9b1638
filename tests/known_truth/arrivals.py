"""When requests are due."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Arrivals = Literal["constant", "poisson"]


def due(generator: np.random.Generator, rate_per_s: float, span_s: float, arrivals: Arrivals = "constant") -> Floats:
    """Instants from 0 to *span_s*, evenly spaced with a jitter of a fifth of the spacing, or at random."""
    if arrivals == "poisson":
        return np.sort(generator.random(generator.poisson(rate_per_s * span_s))) * span_s
    n = round(rate_per_s * span_s)
    due_s: Floats = (np.arange(n) + 0.2 * generator.random(n)) / rate_per_s
    return due_s
