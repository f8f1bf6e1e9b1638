"""How many attempts at its providers a service makes of one request of its clients, and which layer made each."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.counts import weighted_poisson_bounds
from harness.judging.scoring.design_effect import Stretch, clumping, sizes
from harness.judging.scoring.distributions import median, poisson_bounds
from harness.judging.scoring.shares import ENOUGH_EQUAL
from harness.record.columns import ordered

Layer = Literal["first", "sdk", "failover", "repeat"]
LAYERS: Final[tuple[Layer, ...]] = ("first", "sdk", "failover", "repeat")

_HAIR_S = 0.05  # a client may have let go of a try a moment before its connection is seen to end
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
    seen = np.ones(n, np.bool_) if shown is None else np.asarray(shown, dtype=np.bool_)
    if not (due[1:] > due[:-1]).all():
        order = np.lexsort((attempts, due))
        attempts, due, seen = attempts[order], due[order], seen[order]
    low, high = _excess(attempts - fewest, due, seen)
    return Interval(mean, min(fewest + low / n, mean), max(fewest + high / n, mean), n)


def layers(
    request: npt.ArrayLike,
    start_s: npt.ArrayLike,
    link: npt.ArrayLike,
    retry_count: npt.ArrayLike,
    end_s: npt.ArrayLike,
) -> npt.NDArray[np.str_]:
    """Which layer made each attempt, in the order given; see `layer_places`."""
    return np.array(LAYERS)[layer_places(request, start_s, link, retry_count, end_s)]


def layer_places(
    request: npt.ArrayLike,
    start_s: npt.ArrayLike,
    link: npt.ArrayLike,
    retry_count: npt.ArrayLike,
    end_s: npt.ArrayLike,
) -> npt.NDArray[np.int8]:
    """Which layer made each attempt, in the order given, as its place in `LAYERS`.

    ``first``: the request's first by *start_s*; ``sdk``: one more of the tries that an SDK counts (*retry_count*; -1: it said nothing), see
    `_counted_up`; ``failover``: on a link that the request had not tried; ``repeat``: once more on one that it had. Whether a repeat is the
    service's own, its HTTP library's or a gateway's with a client of its own cannot be told. NaN in *end_s*: it did not end.
    """
    requests, links = (_numbers(np.asarray(of)) for of in (request, link))
    starts, ends = np.asarray(start_s, dtype=np.float64), np.asarray(end_s, dtype=np.float64)
    counts = np.asarray(retry_count)
    if not requests.shape == starts.shape == links.shape == counts.shape == ends.shape:
        sizes_ = f"{requests.size} requests, {starts.size} starts, {links.size} links, {counts.size} retry counts, {ends.size} ends"
        raise ValueError(f"{sizes_}; each attempt needs all five")
    order = ordered(requests, starts, counts, links, ends)
    of, on = requests[order], links[order]
    again = np.append(False, of[1:] == of[:-1])[: order.size]
    several = np.flatnonzero(again | np.append(again[1:], False)[: order.size])
    untried = np.zeros(order.size, np.bool_)
    tried = of[several] * (links.max(initial=0) + 1) + on[several]
    untried[several[np.unique(tried, return_index=True)[1]]] = True
    first, sdk, failover, repeat = range(len(LAYERS))
    made = np.where(again, np.where(untried, failover, repeat), first).astype(np.int8)
    made[again & _by_an_sdk(of, counts[order], starts[order], ends[order])] = sdk
    layer = np.empty_like(made)
    layer[order] = made
    return layer


def _numbers(names: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """*names* as numbers of 0 or more, which are equal where they are; those that are numbers already are only moved."""
    if names.dtype.kind == "i" and names.size:
        return names.astype(np.int64) - int(names.min())
    return np.unique(names, return_inverse=True)[1]


def _by_an_sdk(
    requests: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    start_s: npt.NDArray[np.float64],
    end_s: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Which attempts, in order of request and start, an SDK made once more; most requests have none, and are not looked through.

    What says it are the counts and the order in which tries began and ended: requests that are alike in both are looked at once.
    """
    made = np.zeros(requests.size, np.bool_)
    over_s, begun_s = np.where(np.isnan(end_s), np.inf, end_s), start_s + _HAIR_S
    asked = np.unique(requests[counts > 0])
    first, last = np.searchsorted(requests, asked), np.searchsorted(requests, asked, side="right")
    for many in np.unique(last - first).tolist():
        rows = first[last - first == many, None] + np.arange(many)
        # Of equal instants an end comes first, since a try that begins then follows it.
        order = np.argsort(np.concatenate([over_s[rows], begun_s[rows]], axis=1), axis=1, kind="stable")
        alike = np.concatenate([counts[rows], order], axis=1)
        _, examples, which = np.unique(alike, axis=0, return_index=True, return_inverse=True)
        tried = (counts[rows[examples]], begun_s[rows[examples]], over_s[rows[examples]])
        found = [_counted_up(*one) for one in zip(*(of.tolist() for of in tried), strict=True)]
        made[rows] = np.array(found)[which.ravel()]
    return made


def _counted_up(counts: list[int], begun_s: list[float], end_s: list[float]) -> list[bool]:
    """Which attempts of one request, in order of start, are a further try of an SDK, whose count goes up by it; each had begun *begun_s*.

    An attempt follows a call that had ended when it began. Where one counts less, it is that call's next try. Where one counts as much,
    somebody behind the SDK repeats what that counted, as a gateway does that passes the SDK's header on. A smaller count is another call.
    """
    calls: list[list[float]] = []  # count and end of the last try of each call
    made = []
    for count, begins, ends in zip(counts, begun_s, end_s, strict=True):
        over = [call for call in calls if call[1] <= begins]
        lower = max((call for call in over if call[0] < count), default=None)
        equal = next((call for call in over if call[0] == count), None)
        made.append(count > 0 and (lower is not None or all(call[0] != count for call in calls)))
        if count < 0:
            continue
        if (call := lower or equal) is None:
            calls.append([count, ends])
        else:
            call[:] = [count, max(call[1], ends)]
    return made


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
    above = np.maximum(attempts - median(attempts), 0.0)
    hit = [Stretch(due_s, above) if shown.all() else Stretch(due_s[shown], above[shown])]
    found = clumping(hit)
    variance = attempts.size * float(attempts.var()) * found.effect * found.stretch**2
    largest = sizes(hit, JOIN_S) if found.effect > 1 else hit[0].weight
    return weighted_poisson_bounds(float(attempts.sum()), variance, max(1.0, float(largest.max(initial=1.0))))
