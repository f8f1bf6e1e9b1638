"""Whether a level of good outcomes rose at one instant or little by little, and how late it may have reached a level if it did."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.distributions import Bools, Floats

BINS = 400
WIDTHS, STARTS = 10, 9
WIDEST = 0.75  # of the time that is looked at
LEAST_ROWS, LEAST_S = 8, 0.25  # a climb narrower than either is a step
PLAUSIBLE = 3.0  # log units that a climb may explain the rows worse than the best climb or step


@dataclass(frozen=True, slots=True)
class Climb:
    """*gain*: log units by which the best climb explains the rows better than the best step.

    *reached_by_s*: the latest instant at which a climb that is `PLAUSIBLE` came to the level; -inf where none did.
    """

    gain: float
    reached_by_s: float


NO_CLIMB = Climb(-inf, -inf)


def climb(due_s: Floats, good: Bools, level: float) -> Climb:
    """How well a climb, linear or exponential, explains the rows; `NO_CLIMB` where there are too few to tell.

    Climbs and steps are fitted by maximum likelihood, the climb over a grid of widths and of beginnings around the
    best step; each has a level before and one after, which the rows outside the climb give. The latest instant is that
    of a profile likelihood (Venzon and Moolgavkar 1988).
    """
    n = good.size
    if n < 12 or due_s[-1] <= due_s[0]:
        return NO_CLIMB
    edges = np.linspace(0, n, min(n, BINS) + 1).astype(np.int64)
    rows, total = edges.astype(np.float64), np.r_[0, np.cumsum(good)][edges].astype(np.float64)
    step, at = _best_step(good)
    middle_s = due_s[(edges[:-1] + edges[1:]) // 2]
    least_s = max(LEAST_S, LEAST_ROWS * (due_s[-1] - due_s[0]) / n)
    fitted = _fitted(middle_s, total, rows, float(due_s[at]), least_s, level)
    if not fitted:
        return NO_CLIMB
    likelihood, reached_s = (np.concatenate(part) for part in zip(*fitted, strict=True))
    plausible = likelihood >= max(step, float(likelihood.max())) - PLAUSIBLE
    return Climb(float(likelihood.max()) - step, float(reached_s[plausible].max(initial=-inf)))


def _best_step(good: Bools) -> tuple[float, int]:
    """The log likelihood of the best step, and the row before which it is.

    It is convex as long as one outcome follows another like it, so that it is greatest where outcomes turn, or at either end.
    """
    n, turns = good.size, np.flatnonzero(good[1:] != good[:-1]) + 1
    inner = np.concatenate([[1], turns, [n - 1]])
    total = np.r_[0, np.cumsum(good)].astype(np.float64)
    likelihood = _likelihood(total[inner], inner) + _likelihood(total[-1] - total[inner], n - inner)
    best = int(likelihood.argmax())
    return float(likelihood[best]), int(inner[best])


def _fitted(
    middle_s: Floats, total: Floats, rows: Floats, step_s: float, least_s: float, level: float
) -> list[tuple[Floats, Floats]]:
    """Log likelihood of each climb of each shape, and when it came to *level*."""
    span_s, bins = float(middle_s[-1] - middle_s[0]), middle_s.size
    if least_s >= WIDEST * span_s:
        return []
    widths_s = np.geomspace(least_s, WIDEST * span_s, WIDTHS)
    starts_s = step_s + np.linspace(-1.0, 0.1, STARTS)[:, None] * widths_s
    start_s, width_s = starts_s.ravel(), np.broadcast_to(widths_s, starts_s.shape).ravel()
    first, last = np.searchsorted(middle_s, start_s), np.searchsorted(middle_s, start_s + width_s)
    fits = (first >= 1) & (bins - last >= max(3, bins // 20))
    if not fits.any():
        return []
    start_s, width_s, first, last = start_s[fits], width_s[fits], first[fits], last[fits]
    before = (total[first] + 0.25) / (rows[first] + 0.5)
    after = (total[-1] - total[last] + 0.25) / (rows[-1] - rows[last] + 0.5)
    since = np.maximum(middle_s - start_s[:, None], 0.0) / width_s[:, None]
    share = np.clip((level - before) / np.maximum(after - before, 1e-9), 0.0, 1.0)
    linear, exponential = np.minimum(since, 1.0), -np.expm1(-3 * since)
    # An exponential one nears its end and never comes to it; 0.99 of the way is as good.
    reached = (share, -np.log1p(-np.minimum(share, 0.99)) / 3)
    good, n = np.diff(total), np.diff(rows)
    return [
        (_of_climbs(good, n, before[:, None] + (after - before)[:, None] * risen), start_s + width_s * part)
        for risen, part in zip((linear, exponential), reached, strict=True)
    ]


def _of_climbs(good: Floats, n: Floats, chance: Floats) -> Floats:
    chance = np.clip(chance, 1e-4, 1 - 1e-4)
    # Not @, whose threads wait for one another in a loop: of so few bins they cost more than they bring.
    likelihood: Floats = np.einsum("ij,j", np.log(chance), good) + np.einsum("ij,j", np.log1p(-chance), n - good)
    return likelihood


def _likelihood(good: Floats, n: Floats | npt.NDArray[np.int64]) -> Floats:
    """The log likelihood of *good* of *n* at their own ratio."""
    bad = n - good
    share = np.maximum(n, 1.0)
    likelihood: Floats = good * np.log(np.maximum(good, 1e-300) / share) + bad * np.log(np.maximum(bad, 1e-300) / share)
    return likelihood
