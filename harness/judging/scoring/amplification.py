"""How many attempts at its providers a service makes of one request of its clients, and which layer made each."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.distributions import poisson_bounds, student_quantile
from harness.judging.scoring.intervals import block_means, block_sums
from harness.judging.scoring.shares import TAIL, Z, wilson

Layer = Literal["first", "sdk", "failover", "application"]
LAYERS: Final[tuple[Layer, ...]] = ("first", "sdk", "failover", "application")

BLOCK_S = 1.0  # requests due within it share one fate, as in a storm of retries
DRAWS = 1_000


def retry_amplification(attempts_per_request: npt.ArrayLike, due_s: npt.ArrayLike, seed: int = 0) -> Interval:
    """Mean attempts of a logical request, those that made none included.

    The wider of two intervals on each side: a block bootstrap over blocks of 1 s, which knows that trouble
    comes in clumps, and a bound on the excess attempts that were seen, which knows that three quiet requests
    prove nothing. Raises ValueError for a negative number of attempts. Equal *seed*, equal interval.
    """
    attempts = np.asarray(attempts_per_request, dtype=np.float64)
    due = np.asarray(due_s, dtype=np.float64)
    if attempts.shape != due.shape:
        raise ValueError(f"{attempts.size} requests with {due.size} due times; each request needs both")
    n = attempts.size
    if n == 0:
        return UNMEASURED
    if attempts.min() < 0:
        raise ValueError(f"{attempts.min():g} attempts of one request; there cannot be fewer than 0")
    mean = float(attempts.mean())
    drawn_low, drawn_high = _drawn(attempts, due, mean, seed)
    seen_low, seen_high = _seen(attempts)
    return Interval(mean, max(0.0, min(drawn_low, seen_low, mean)), max(drawn_high, seen_high, mean), n)


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


def _drawn(
    attempts: npt.NDArray[np.float64], due_s: npt.NDArray[np.float64], mean: float, seed: int
) -> tuple[float, float]:
    """The ends by block bootstrap; stretched, since few blocks spread less than what they were drawn from."""
    if attempts.min() == attempts.max():
        return mean, mean  # Whatever is drawn is the same again.
    blocks = block_sums(attempts, due_s, BLOCK_S)[0].size
    if blocks < 2:
        return mean, mean
    generator = np.random.default_rng(seed)
    means = block_means(attempts, due_s, block_s=BLOCK_S, draws=DRAWS, generator=generator)
    low, high = np.quantile(means, [TAIL, 1 - TAIL])
    stretch = student_quantile(blocks - 1) / Z * (blocks / (blocks - 1)) ** 0.5
    return mean - (mean - float(low)) * stretch, mean + (float(high) - mean) * stretch


def _seen(attempts: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The ends by what was counted: how many requests were tried at all, and the attempts beyond one each."""
    n = attempts.size
    tried = wilson(int((attempts > 0).sum()), n)
    excess = poisson_bounds(round(float(np.maximum(attempts - 1, 0).sum())))
    return tried.low + excess[0] / n, tried.high + excess[1] / n
