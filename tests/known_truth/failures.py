"""Failures of a service that nobody touches: each on its own, or in bursts of a known law."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from known_truth.arrivals import Floats

Bools = npt.NDArray[np.bool_]
Law = Literal["exponential", "fixed", "gamma", "log-normal"]


def iid(generator: np.random.Generator, due_s: Floats, good_ratio: float) -> Bools:
    """Each request is good with the chance *good_ratio*, whatever became of the others."""
    good: Bools = generator.random(due_s.size) < good_ratio
    return good


def bursts(
    generator: np.random.Generator, due_s: Floats, good_ratio: float, mean_s: float, law: Law = "exponential"
) -> Bools:
    """All fail for *mean_s* on average, then none for as long as makes *good_ratio* of the time good.

    The pauses are exponential, so that the process may begin well before the first request and be stationary there.
    """
    pause_s = mean_s * good_ratio / (1 - good_ratio)
    good = np.ones(due_s.size, dtype=np.bool_)
    at_s = float(due_s[0]) - 20 * mean_s if due_s.size else 0.0
    last_s = float(due_s[-1]) if due_s.size else -1.0
    while (at_s := at_s + generator.exponential(pause_s)) <= last_s:
        end_s = at_s + length(generator, mean_s, law)
        good[(due_s >= at_s) & (due_s < end_s)] = False
        at_s = end_s
    return good


def length(generator: np.random.Generator, mean_s: float, law: Law) -> float:
    """How long one burst lasts."""
    match law:
        case "fixed":
            return mean_s
        case "gamma":
            return float(generator.gamma(3.0, mean_s / 3))
        case "log-normal":
            return float(mean_s * generator.lognormal(-0.32, 0.8))  # mean 1, since 0.8 ** 2 / 2 = 0.32
        case _:
            return float(generator.exponential(mean_s))
