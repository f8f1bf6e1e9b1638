"""How many attempts at its providers a service makes of one request of its clients, and which layer made each."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.counts import weighted_poisson_bounds
from harness.judging.scoring.design_effect import Stretch, clumping, sizes
from harness.judging.scoring.distributions import poisson_bounds
from harness.judging.scoring.shares import ENOUGH_EQUAL

Layer = Literal["first", "sdk", "failover", "application"]
LAYERS: Final[tuple[Layer, ...]] = ("first", "sdk", "failover", "application")

JOIN_S = 1.0  # requests due within it share one fate, as in a storm of retries


def retry_amplification(
    attempts_per_request: npt.ArrayLike, due_s: npt.ArrayLike, shown: npt.ArrayLike | None = None
) -> Interval:
    """Mean attempts of a logical request.

    Where all of `ENOUGH_EQUAL` or more made equally many, that is the interval; see `shares.dearer_missed`. Else the attempts
    beyond the fewest are a sum of clumps, in the gamma interval of `counts.weighted_poisson_bounds`: its variance is that
    of the requests times the design effect of `design_effect`, and its upper end leaves room for one more clump of the largest
    size seen, so that three quiet requests prove nothing. How retries come in clumps is read off the requests that are
    *shown* (all, if nobody says which): what a fault does when it begins is an effect, and no chance. Raises ValueError
    for a negative number of attempts.
    """
    attempts, due = np.asarray(attempts_per_request, dtype=np.float64), np.asarray(due_s, dtype=np.float64)
    if attempts.shape != due.shape:
        raise ValueError(f"{attempts.size} requests with {due.size} due times; each request needs both")
    n = attempts.size
    if n == 0:
        return UNMEASURED
    if attempts.min() < 0:
        raise ValueError(f"{attempts.min():g} attempts of one request; there cannot be fewer than 0")
    mean, fewest, most = float(attempts.mean()), float(attempts.min()), float(attempts.max())
    if fewest == most:
        return _equal(fewest, n)
    order = np.lexsort((attempts, due))
    seen = np.ones(n, np.bool_) if shown is None else np.asarray(shown, dtype=np.bool_)
    low, high = _excess(attempts[order] - fewest, due[order], seen[order])
    return Interval(mean, min(fewest + low / n, mean), max(fewest + high / n, mean), n)


def layers(
    request: npt.ArrayLike, start_s: npt.ArrayLike, link: npt.ArrayLike, retry_count: npt.ArrayLike
) -> npt.NDArray[np.str_]:
    """Which layer made each attempt, in the order given; see `LAYERS`.

    ``first``: the request's first by *start_s*; ``sdk``: the SDK says so itself (*retry_count* > 0; -1: it said
    nothing); ``failover``: on another link than the request's attempt before; ``application``: once more on the
    same link.
    """
    requests, starts, links = np.asarray(request), np.asarray(start_s, dtype=np.float64), np.asarray(link)
    counts = np.asarray(retry_count)
    if not requests.shape == starts.shape == links.shape == counts.shape:
        raise ValueError(
            f"{requests.size} requests, {starts.size} starts, {links.size} links, {counts.size} retry counts; "
            "each attempt needs all four"
        )
    codes = np.unique(requests, return_inverse=True)[1]
    order = np.lexsort((counts, starts, codes))
    again = np.r_[False, np.diff(codes[order]) == 0][: order.size]
    moved = np.r_[False, links[order][1:] != links[order][:-1]][: order.size]
    made = np.select([~again, counts[order] > 0, moved], LAYERS[:3], LAYERS[3])
    layer = np.empty_like(made)
    layer[order] = made
    return layer


def _equal(count: float, n: int) -> Interval:
    """Equally many attempts of each of *n* requests; few leave room for one that costs as much again, or for none."""
    if n >= ENOUGH_EQUAL:
        return Interval(count, count, count, n)
    missed = poisson_bounds(0)[1] / n
    return Interval(count, count * max(0.0, 1 - missed), count + missed * max(count, 1.0), n)


def _excess(
    attempts: npt.NDArray[np.float64], due_s: npt.NDArray[np.float64], shown: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """The ends of the sum of *attempts* beyond the fewest, in order of time."""
    hit = [Stretch(due_s[shown], np.maximum(attempts - np.median(attempts), 0.0)[shown])]
    found = clumping(hit)
    variance = attempts.size * float(attempts.var()) * found.effect * found.stretch**2
    largest = sizes(hit, JOIN_S) if found.effect > 1 else hit[0].weight
    return weighted_poisson_bounds(float(attempts.sum()), variance, max(1.0, float(largest.max(initial=1.0))))
