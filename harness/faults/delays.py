"""How much later something comes, that is late by a base and a spread: the distributions that a scenario can ask for."""

from __future__ import annotations

from math import sqrt
from typing import Literal

Distribution = Literal["uniform", "normal", "pareto"]
_ALPHA = 3.0
"""The shape of the long tail: that of the ``pareto`` table of Linux's netem (iproute2, netem/pareto.c)."""
_MEAN = _ALPHA / (_ALPHA - 1)
_DEVIATION = sqrt(_ALPHA / (_ALPHA - 2)) / (_ALPHA - 1)
_LEAST = 2.0**-60


def late_s(base_s: float, jitter_s: float, distribution: Distribution, drawn: float) -> float:
    """How many seconds late, for *drawn* from [0, 1); never below 0, and for 0.5 the median.

    ``uniform``: evenly within *jitter_s* of *base_s*. ``normal`` and ``pareto``: with *base_s* as their mean and *jitter_s* as their
    standard deviation (``pareto``: one in a hundred is late by 3.6 of those and more, and none by less than 0.58 below the mean).
    """
    return max(0.0, base_s + jitter_s * _deviation(distribution, drawn)) if jitter_s else base_s


def _deviation(distribution: Distribution, drawn: float) -> float:
    match distribution:
        case "uniform":
            return 2 * drawn - 1
        case "normal":
            # Only who draws from it waits for what it takes.
            from statistics import NormalDist

            return NormalDist().inv_cdf(max(drawn, _LEAST))
        case "pareto":
            return float(((1 - drawn) ** (-1 / _ALPHA) - _MEAN) / _DEVIATION)
