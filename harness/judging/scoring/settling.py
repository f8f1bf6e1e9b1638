"""When a sequence of good and bad outcomes changed its level, and how sure one can be of that moment.

Instants are seconds on one clock, sorted. Nothing is assumed of either level of a change: a baseline fed in as
prior knowledge is wrong exactly where a service recovers to something worse.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.distributions import Bools, Floats, chance_above, log_evidence
from harness.judging.scoring.shares import TAIL

Standing = Literal["in", "out", "undecided"]
Counts = npt.NDArray[np.int64]

PENALTY = 1.25  # times log n: the log likelihood that a change has to gain before it is believed
DOUBT = 0.05
SELDOM = 0.003  # the worst stretch was looked for, so it has to be less likely than one that was chosen beforehand
UNLIKELY = 2.29  # exceeded 5 times of 100 by Banerjee and Wellner's likelihood ratio for a monotone function
_LEAST = 1e-300  # of which the logarithm is finite
_FEWER = 0.9  # of the runs have to be left before the rest is looked at one by one


@dataclass(frozen=True, slots=True)
class Level:
    """Rows *start* to *end* (exclusive), *good* of them good, between two changes."""

    start: int
    end: int
    good: int

    @property
    def n(self) -> int:
        return self.end - self.start

    @property
    def bad(self) -> int:
        return self.n - self.good

    @property
    def ratio(self) -> float:
        return self.good / self.n


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened: most likely *value_s*, and 95 times of 100 between *low_s* and *high_s*."""

    value_s: float
    low_s: float
    high_s: float


def in_order(due_s: npt.ArrayLike, good: npt.ArrayLike) -> tuple[Floats, Bools]:
    """The rows by when they were due. Raises ValueError where a row has no outcome or no instant."""
    due, outcome = np.asarray(due_s, dtype=np.float64), np.asarray(good, dtype=np.bool_)
    if due.shape != outcome.shape or due.ndim != 1:
        raise ValueError(f"{due.shape} due times with {outcome.shape} outcomes; each row needs both")
    if not np.isfinite(due).all():
        raise ValueError("a due time that is not a number; every request has one")
    if (due[1:] > due[:-1]).all():  # as a run has them
        return due, outcome
    # By outcome too where due times are equal, so that the order in which rows come changes nothing.
    order = np.lexsort((outcome, due))
    return due[order], outcome[order]


def levels(due_s: Floats, good: Bools) -> list[Level]:
    """The stretches of one level that *good* consists of; no change falls between equal instants."""
    n = good.size
    if n == 0:
        return []
    search = _Search(due_s, good)
    changes = sorted(search.split(0, n))
    for _ in range(2):  # A change found while its neighbours were unknown lies a little off.
        changes = search.refine(changes, n)
    edges = [0, *search.prune(changes, n), n]
    return [Level(start, end, int(search.total[end] - search.total[start])) for start, end in pairwise(edges)]


def standing(good: float, n: float, band: float) -> Standing:
    """Whether the level behind *good* of *n* reaches *band*.

    ``in`` when that is more likely than not, ``out`` when it is less likely than `DOUBT`, else ``undecided``. To ask
    for as much proof of the first as of the second would leave a service that fails once in a hundred requests
    without an answer, run after run.
    """
    chance = chance_above(good, n, band)
    if chance >= 0.5:
        return "in"
    return "out" if chance < DOUBT else "undecided"


def surely_below(good: float, n: float, band: float, effect: float) -> bool:
    """Whether rows that were picked for being bad are below *band*, where *effect* of them are worth one: their design effect."""
    return chance_above(good / effect, n / effect, band) < SELDOM


def change(due_s: Floats, good: Bools, start_s: float, end_s: float) -> Moment:
    """When between *start_s* and *end_s* the one change of level in these rows happened; each level may be anything.

    The change may lie anywhere in the gap between two rows, which is what makes the error a fraction of the gap.
    """
    n = good.size
    before = np.arange(n + 1)
    good_before = np.r_[0, np.cumsum(good)]
    weight = log_evidence(good_before, before) + log_evidence(good_before[-1] - good_before, n - before)
    edges = np.r_[start_s, np.clip(due_s, start_s, end_s), end_s]
    mass = np.exp(weight - weight.max()) * np.diff(edges)
    if mass.sum() <= 0:  # no room at all between the rows
        return Moment(start_s, start_s, end_s)
    reached = np.r_[0.0, np.cumsum(mass) / mass.sum()]
    low_s, value_s, high_s = (_reached(reached, edges, q) for q in (TAIL, 0.5, 1 - TAIL))
    return Moment(value_s, low_s, high_s)


def crossing(due_s: Floats, good: Bools, band: float) -> Moment:
    """When a level that climbs little by little rose above *band*.

    It is taken to rise and nothing else. Its interval holds every instant that a likelihood ratio test cannot
    rule out, since resampling the rows promises too narrow a one for a monotone level.
    """
    crossed = int(np.argmin(np.r_[0.0, np.cumsum(good - band)]))  # the shortfall, added up, is greatest there
    # Seen from there, earlier rows look like later ones would, if bad were good.
    first = crossed - _as_at(np.logical_not(good[:crossed][::-1]), 1 - band)
    last = crossed + _as_at(good[crossed:], band)
    edges = np.r_[due_s[0], due_s, due_s[-1]]
    value_s = float(edges[crossed] + edges[crossed + 1]) / 2
    return Moment(value_s, float(edges[first]), float(edges[last + 1]))


class _Search:
    """Looks for changes; holds the running total of good rows, and x log x of every count that can occur.

    What a change gains is convex in its place as long as one outcome follows another like it, so that it gains most at an end of such a run
    of rows: at a turn of outcomes, or, where that lies between equal instants, at the nearest place on either side that does not.
    """

    def __init__(self, due_s: Floats, good: Bools) -> None:
        self.total: Counts = np.r_[0, np.cumsum(good)].astype(np.int64)
        self.enough = PENALTY * log(max(good.size, 2))
        self._open: Counts = np.flatnonzero(np.r_[True, due_s[1:] > due_s[:-1], True])  # where a change may fall
        turns = np.flatnonzero(good[1:] != good[:-1]) + 1
        behind = np.searchsorted(self._open, turns)
        self._turns: Counts = np.union1d(self._open[behind], self._open[behind - (self._open[behind] > turns)])
        counts = np.arange(good.size + 1, dtype=np.float64)
        self._xlogx = counts * np.log(np.maximum(counts, 1.0))

    def split(self, start: int, end: int) -> list[int]:
        """Every change that pays for itself, in no order."""
        found, open_stretches = [], [(start, end)]
        while open_stretches:
            start, end = open_stretches.pop()
            gain, at = self._best(start, end)
            if gain > self.enough:
                found.append(at)
                open_stretches += [(start, at), (at, end)]
        return found

    def refine(self, changes: list[int], n: int) -> list[int]:
        """Each change moved to its best place between its neighbours."""
        edges = [0, *changes, n]
        for i in range(1, len(edges) - 1):
            edges[i] = self._best(edges[i - 1], edges[i + 1])[1]
        return edges[1:-1]

    def prune(self, changes: list[int], n: int) -> list[int]:
        """*changes* without those that no longer pay between their neighbours, the weakest first."""
        kept = list(changes)
        while kept:
            edges = [0, *kept, n]
            gains = [self._gain(*edges[i - 1 : i + 2]) for i in range(1, len(edges) - 1)]
            weakest = int(np.argmin(gains))
            if gains[weakest] > self.enough:
                break
            del kept[weakest]
        return kept

    def _best(self, start: int, end: int) -> tuple[float, int]:
        """The gain of the best change between the two, and where that is."""
        if end - start < 2:
            return -np.inf, start
        inner = self._between(start, end)
        if not inner.size:
            return -np.inf, start + 1
        gains = self._likelihood(start, inner) + self._likelihood(inner, end)
        at = int(np.argmax(gains))
        return float(gains[at] - self._likelihood(start, end)), int(inner[at])

    def _between(self, start: int, end: int) -> Counts:
        """The places between the two of which one is the best: turns, and the ends of the first and the last run."""
        first, last = np.searchsorted(self._open, (start + 1, end)) - (0, 1)
        if first > last:
            return self._open[:0]
        ends = self._open[[first, last]]
        turns = self._turns[np.searchsorted(self._turns, ends[0]) : np.searchsorted(self._turns, ends[1], side="right")]
        return np.concatenate([ends[:1], turns, ends[1:]])

    def _gain(self, start: int, at: int, end: int) -> float:
        return float(self._likelihood(start, at) + self._likelihood(at, end) - self._likelihood(start, end))

    def _likelihood(self, start: int | Counts, end: int | Counts) -> Floats:
        """The log likelihood of rows *start* to *end* at their own ratio."""
        n, good = end - start, self.total[end] - self.total[start]
        likelihood: Floats = self._xlogx[good] + self._xlogx[n - good] - self._xlogx[n]
        return likelihood


def _reached(reached: Floats, edges: Floats, q: float) -> float:
    """Where the running mass *reached* at *edges* comes to *q*; the mass between two edges is spread evenly."""
    i = min(int(np.searchsorted(reached, q)), edges.size - 1)
    inside = (q - reached[i - 1]) / (reached[i] - reached[i - 1])
    return float(edges[i - 1] + inside * (edges[i] - edges[i - 1]))


def _as_at(good: Bools, band: float) -> int:
    """How many of the first of rows whose level rises from *band* on may have been at it still.

    The more of them are held to it, the worse do the best levels fit, so that the last number which a likelihood ratio test
    leaves possible is found by halves. What lies behind the level in which that number ends is fitted as it was.
    """
    runs = _Runs(good)
    hits, n = _rising(runs.hits, runs.n)
    ends = np.cumsum(n)
    behind = np.append(np.cumsum(_likelihoods(hits, n, band)[::-1])[::-1], 0.0)

    def lost(k: int) -> float:
        level = int(np.searchsorted(ends, k))
        held = runs.good_before(k)
        within = _likelihoods(*_rising(*runs.between(k, int(ends[level]))), band).sum() + behind[level + 1]
        at_band = held * log(max(band, _LEAST)) + (k - held) * log(max(1 - band, _LEAST))
        return 2 * float(behind[0] - at_band - within)

    return bisect_right(range(1, good.size + 1), UNLIKELY, key=lost)


class _Runs:
    """Rows as runs that cannot be but of one rising level: good ones, and the bad ones that follow them."""

    def __init__(self, good: Bools) -> None:
        begins = np.flatnonzero(good[1:] & ~good[:-1]) + 1
        self.starts: Counts = np.append(0, begins)[: good.size]
        self.n: Counts = np.diff(np.append(self.starts, good.size))
        self.hits: Counts = np.add.reduceat(good, self.starts, dtype=np.int64) if good.size else self.n
        self._before: Counts = np.cumsum(self.hits) - self.hits

    def good_before(self, row: int) -> int:
        run = int(np.searchsorted(self.starts, row, side="right")) - 1
        return int(self._before[run] + min(row - self.starts[run], self.hits[run]))

    def between(self, start: int, end: int) -> tuple[Counts, Counts]:
        """How many rows are good, and how many there are, in each run of those from *start* to *end*, at which a run ends."""
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        last = int(np.searchsorted(self.starts, end))
        hits, n = self.hits[first:last].copy(), self.n[first:last].copy()
        if n.size:
            gone = start - int(self.starts[first])
            hits[0], n[0] = max(0, hits[0] - gone), n[0] - gone
        return hits[n > 0], n[n > 0]


def _rising(hits: Counts, n: Counts) -> tuple[Counts, Counts]:
    """The levels of the rising function that fits these runs best: runs next to one another are one until none falls.

    In which order they come together is all the same. As long as many do they do so at once, and then one by one.
    """
    many = 2 * n.size
    while n.size and n.size < _FEWER * many:
        many = n.size
        falls = hits[1:] * n[:-1] <= hits[:-1] * n[1:]
        starts = np.flatnonzero(np.append(True, ~falls))
        hits, n = np.add.reduceat(hits, starts), np.add.reduceat(n, starts)
    levels_: list[tuple[int, int]] = []
    for good, rows in zip(hits.tolist(), n.tolist(), strict=True):
        while levels_ and levels_[-1][0] * rows >= good * levels_[-1][1]:
            before = levels_.pop()
            good, rows = good + before[0], rows + before[1]
        levels_.append((good, rows))
    pooled = np.array(levels_, np.int64).reshape(-1, 2)
    return pooled[:, 0], pooled[:, 1]


def _likelihoods(hits: Counts, n: Counts, least: float) -> Floats:
    """The log likelihood of each level at its own ratio, or at the *least* that it may be."""
    level = np.maximum(hits / n, least)
    likelihood: Floats = hits * np.log(np.maximum(level, _LEAST)) + (n - hits) * np.log(np.maximum(1 - level, _LEAST))
    return likelihood
