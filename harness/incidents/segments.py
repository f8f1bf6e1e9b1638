"""When what calls come to, or how long they take, changes: the partition of a log that explains it best, and each edge to the call.

Optimal partitioning with pruning (Jackson et al., "An algorithm for optimal partitioning of data on an interval", IEEE Signal Processing
Letters 2005; Killick, Fearnhead, Eckley, "Optimal detection of changepoints with a linear computational cost", JASA 2012). A stretch costs
-2 log of the likelihood of its outcomes, a multinomial for each link, and of the logarithms of its latencies, normal with one variance.
Both are divided by how much more neighbouring stretches differ than by chance (a quasi-likelihood), since failures come in clumps.
What `judging.scoring.change_points` does for some dozens of runs, one number each, takes too long here, and knows no counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from harness.incidents.calls import FAILED, OK, Calls

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

BINS_MOST = 1_500
BIN_S_LEAST = 0.1
EDGES_MOST = 12
_PENALTY = 3.0
"""So many times log(calls) an edge has to be worth: it has a place and a level on either side."""
_CLASS_LEAST = 3
_FURTHER = 10.0
"""In so many standard deviations a latency counts at most, so that one that is out of all measure moves no edge."""
_TRIMMED, _OF_TRIMMED = 0.9, 0.624
"""The mean of the lower nine tenths of chi-squared with one degree of freedom: P(chi2_3 < 2.706) / 0.9."""
_MANY = 40
"""Of fewer pairs of neighbours those in which an outage begins and ends are more than the tenth that is trimmed."""
_UNSURE = 4
"""What is told from k pairs is taken for (1 + 4 / k) times as much: of few not much is known."""
_BESIDE = 2
_TINY = 1e-9


class _Measured(NamedTuple):
    """Each call as numbers: its *kind* of outcome, the *link_of* each kind, and its latency in standard deviations or NaN."""

    kind: Any
    link_of: Any
    late: Any
    scale: tuple[float, float]
    member: Any
    """A row for each kind, a column for each link: whether it is of it."""


def edges(calls: Calls, *, most: int = EDGES_MOST) -> list[float]:
    """When *calls* change, in seconds since 1970, in order; at most *most*, those that matter most."""
    import numpy as np

    if calls.size < 2 * _CLASS_LEAST or calls.at_s[-1] - calls.at_s[0] <= 0:
        return []
    measured = _measured(calls)
    span_s = float(calls.at_s[-1] - calls.at_s[0])
    bins = int(min(BINS_MOST, max(2, span_s / BIN_S_LEAST), calls.size))
    bounds = np.linspace(calls.at_s[0], calls.at_s[-1] + 1e-6, bins + 1)
    sums = _sums(calls, measured, bounds)
    penalty = _PENALTY * np.log(max(calls.size, 50))
    found = _partition(sums, measured, penalty)
    while len(found) > most:
        penalty *= 1.5
        found = _partition(sums, measured, penalty)
    firsts = np.searchsorted(calls.at_s, bounds)
    return _to_the_call(calls, measured, [int(firsts[at]) for at in found], firsts, found)


def _measured(calls: Calls) -> _Measured:
    import numpy as np

    came_to = calls.came_to.copy()
    known, counts = np.unique(came_to, return_counts=True)
    came_to[np.isin(came_to, known[counts < _CLASS_LEAST]) & (came_to != OK)] = FAILED
    pairs, kind = np.unique(np.stack([calls.link, came_to]), axis=1, return_inverse=True)
    late = _standardised(calls)
    member = (pairs[0][:, None] == np.unique(pairs[0])[None, :]).astype(float)
    return _Measured(kind.reshape(-1), pairs[0], late, _dispersion(calls, came_to != OK, late), member)


def _standardised(calls: Calls) -> Floats:
    """The logarithm of each answer's latency, in standard deviations of its link's."""
    import numpy as np

    late = np.full(calls.size, np.nan)
    there = (calls.came_to == OK) & (calls.duration_ms > 0)
    for link in np.unique(calls.link[there]):
        rows = np.flatnonzero(there & (calls.link == link))
        logs = np.log(calls.duration_ms[rows])
        # From one to the next, so that a change of the level is none of the spread.
        spread = max(0.05, 1.4826 * float(np.median(np.abs(np.diff(logs)))) / np.sqrt(2)) if rows.size > 1 else 1.0
        late[rows] = np.clip((logs - np.median(logs)) / spread, -_FURTHER, _FURTHER)
    return late


def _dispersion(calls: Calls, failed: Any, late: Any) -> tuple[float, float]:
    """How many times as much neighbouring stretches differ as by chance, in the share that failed and in latency; at least 1."""
    import numpy as np

    stretches = np.array_split(np.arange(calls.size), min(100, max(2, calls.size // 10)))
    counts = np.array([[rows.size, failed[rows].sum()] for rows in stretches], float)
    lates = np.array([[np.isfinite(late[rows]).sum(), np.nansum(late[rows])] for rows in stretches], float)
    squares, way = _squares(counts[:, 1], counts[:, 0], None)
    late_squares, _ = _squares(lates[:, 1], lates[:, 0], 1.0)
    # Latencies hang together more than outcomes do: what an outage makes of a few of them cannot be told from that.
    few = squares.size < _MANY
    of_shares = _times_chance(_beside_an_outage(squares, way), _UNSURE) if few else _times_chance(squares)
    return of_shares, _times_chance(late_squares)


def _squares(sums: Any, sizes: Any, variance: float | None) -> tuple[Floats, Floats]:
    """Of each pair of neighbours the square of how far they are apart, as a multiple of its mean by chance, and which way: 1, -1 or 0."""
    import numpy as np

    before, after, m, n = sums[:-1], sums[1:], sizes[:-1], sizes[1:]
    there = (m > 0) & (n > 0)
    before, after, m, n = before[there], after[there], m[there], n[there]
    share = (before + after) / (m + n)
    of_one = np.maximum(share * (1 - share), 0) if variance is None else variance
    chance = of_one * (1 / m + 1 / n)
    # Where nothing failed on either side nothing differs.
    apart = after / n - before / m
    return np.where(chance > _TINY, apart**2 / np.maximum(chance, _TINY), 0.0), np.sign(apart)


def _beside_an_outage(squares: Floats, way: Floats) -> Floats:
    """*squares* without those of two edges, the largest, each with the next one of the same way: an edge may lie within a stretch."""
    import numpy as np

    left, there = squares.copy(), np.ones(squares.size, bool)
    for _ in range(min(2, squares.size)):
        beside = np.append(left[1:] * (way[1:] == way[:-1]), 0.0)
        at = int((left + beside).argmax())
        gone = slice(at, at + (2 if beside[at] > 0 else 1))
        left[gone], there[gone] = 0.0, False
    return squares[there] if there.any() else squares


def _times_chance(squares: Floats, unsure: int = 0) -> float:
    """How many times as large *squares* are as by chance, and *unsure* for how few they are; at least 1."""
    import numpy as np

    kept = np.sort(squares)[: int(np.ceil(_TRIMMED * squares.size))] if not unsure else squares
    return max(1.0, float(kept.mean()) / _OF_TRIMMED * (1 + unsure / kept.size)) if kept.size else 1.0


def _sums(calls: Calls, measured: _Measured, bounds: Any) -> Any:
    """For each bound how many of each kind came before it, and of each link the number and the sum of latencies."""
    import numpy as np

    bins = len(bounds) - 1
    where = np.clip(np.searchsorted(bounds, calls.at_s, side="right") - 1, 0, bins - 1)
    kinds = len(measured.link_of)
    counts = np.zeros((bins, kinds))
    np.add.at(counts, (where, measured.kind), 1.0)
    links = np.unique(measured.link_of)
    lates = np.zeros((bins, 2 * links.size))
    there = np.isfinite(measured.late)
    place = np.searchsorted(links, calls.link[there])
    np.add.at(lates, (where[there], 2 * place), 1.0)
    np.add.at(lates, (where[there], 2 * place + 1), measured.late[there])
    return np.concatenate([np.zeros((1, kinds + 2 * links.size)), np.cumsum(np.hstack([counts, lates]), axis=0)])


def _cost(sums: Any, measured: _Measured, starts: Any, end: int) -> Any:
    """What each stretch from one of *starts* to *end* costs."""
    import numpy as np

    kinds = measured.member.shape[0]
    inside = sums[end] - sums[starts]
    counts, lates = inside[:, :kinds], inside[:, kinds:]
    likelihood = _n_log_n(counts).sum(axis=1) - _n_log_n(counts @ measured.member).sum(axis=1)
    level = (lates[:, 1::2] ** 2 / np.maximum(lates[:, 0::2], 1)).sum(axis=1)
    return -2 * likelihood / measured.scale[0] - level / measured.scale[1]


def _n_log_n(counts: Any) -> Any:
    import numpy as np

    return counts * np.log(np.maximum(counts, 1.0))


def _partition(sums: Any, measured: _Measured, penalty: float) -> list[int]:
    """The bounds at which stretches meet, of the partition that costs least, each edge *penalty*."""
    import numpy as np

    bins = len(sums) - 1
    best, came_from = np.zeros(bins + 1), np.zeros(bins + 1, int)
    best[0] = -penalty
    starts = np.array([0])
    for end in range(1, bins + 1):
        costs = best[starts] + _cost(sums, measured, starts, end)
        at = int(costs.argmin())
        best[end], came_from[end] = costs[at] + penalty, starts[at]
        starts = np.append(starts[costs <= best[end]], end)
    found, at = [], int(came_from[bins])
    while at > 0:
        found.append(at)
        at = int(came_from[at])
    return found[::-1]


def _to_the_call(calls: Calls, measured: _Measured, at: list[int], firsts: Any, bounds: list[int]) -> list[float]:
    """Each edge moved to the call at which what is on its left is told best from what is on its right."""
    import numpy as np

    ends = [0, *at, calls.size]
    found: list[float] = []
    for number, place in enumerate(bounds, start=1):
        low = max(int(firsts[max(0, place - _BESIDE)]), ends[number - 1])
        high = min(int(firsts[min(len(firsts) - 1, place + _BESIDE)]), ends[number + 1])
        left, right = slice(ends[number - 1], ends[number]), slice(ends[number], ends[number + 1])
        gain = _gain(measured, left, right, slice(low, high))
        best = low + int(np.argmax(np.concatenate([[0.0], np.cumsum(gain)])))
        best = min(max(best, ends[number - 1] + 1), calls.size - 1)
        found.append(float(calls.at_s[best]))
    return sorted(set(found))


def _gain(measured: _Measured, left: slice, right: slice, window: slice) -> Any:
    """By how much each call of *window* is more likely of the *left* stretch than of the *right* one, as a logarithm."""
    import numpy as np

    gains = []
    for part in (left, right):
        counts = np.bincount(measured.kind[part], minlength=len(measured.link_of)) + 0.5
        of_link = np.array([counts[measured.link_of == link].sum() for link in measured.link_of])
        late = measured.late[part]
        level = float(np.nanmean(late)) if np.isfinite(late).any() else 0.0
        missed = np.nan_to_num((measured.late[window] - level) ** 2, nan=0.0)
        gains.append(np.log(counts / of_link)[measured.kind[window]] - missed / 2)
    return gains[0] - gains[1]
