"""How the chance of a good answer moves once a fault has ended, and when it is back above a level for good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

from known_truth.arrivals import Floats

WELL = 0.99


@dataclass(frozen=True)
class Shape:
    """*chance* of a good answer at so many seconds after the fault; before it ended it is *in_fault*. It never falls."""

    name: str
    in_fault: float
    chance: Callable[[Floats], Floats]

    @property
    def climbs_s(self) -> float:
        """How long it takes from a little above the level in the fault to 0.95."""
        return self.reaches(0.95) - self.reaches(self.in_fault + 0.02)

    def levels(self, since_s: Floats) -> Floats:
        levels: Floats = np.where(since_s < 0, self.in_fault, self.chance(np.maximum(since_s, 0.0)))
        return levels

    def reaches(self, level: float) -> float:
        """Seconds after the fault at which the chance comes to *level*."""
        low_s, high_s = 0.0, 200.0
        for _ in range(50):
            middle_s = (low_s + high_s) / 2
            reached = self.levels(np.array([middle_s]))[0] >= level
            low_s, high_s = (low_s, middle_s) if reached else (middle_s, high_s)
        return high_s


def step(in_fault: float, at_s: float, well: float = 0.995) -> Shape:
    return Shape(f"step from {in_fault:g}", in_fault, lambda since_s: np.where(since_s < at_s, in_fault, well))


def exponential(in_fault: float, scale_s: float) -> Shape:
    """Nears `WELL` with a time constant of *scale_s*."""
    return Shape(
        f"exponential {scale_s:g} s",
        in_fault,
        lambda since_s: WELL - (WELL - in_fault) * np.exp(-since_s / scale_s),
    )


def linear(in_fault: float, span_s: float) -> Shape:
    return Shape(
        f"linear {span_s:g} s",
        in_fault,
        lambda since_s: in_fault + (WELL - in_fault) * np.minimum(since_s / span_s, 1.0),
    )


def backlog(span_s: float, within_s: float = 4.0) -> Shape:
    """A queue of twice *within_s* that drains in *span_s*; the service's own times are log-normal, with a heavy tail."""

    def chance(since_s: Floats) -> Floats:
        left_s = within_s - 2 * within_s * np.maximum(1 - since_s / span_s, 0.0)
        sigmas = np.log(np.maximum(left_s, 1e-9) / 0.4) / 0.95
        return np.array([0.5 * (1 + erf(x / sqrt(2))) for x in sigmas])

    return Shape(f"backlog {span_s:g} s", 0.0, chance)
