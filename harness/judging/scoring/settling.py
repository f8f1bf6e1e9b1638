"""When a sequence of good and bad outcomes changed its level, and how sure one can be of that moment.

Instants are seconds on one clock, sorted. Nothing is assumed of either level of a change: a baseline fed in as
prior knowledge is wrong exactly where a service recovers to something worse.
"""

from __future__ import annotations

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
    free = _climbing(good, 1.0)[-1]
    bound = _climbing(good, band) + _climbing(np.logical_not(good[::-1]), 1 - band)[::-1]
    possible = np.flatnonzero(2 * (free - bound) <= UNLIKELY)
    edges = np.r_[due_s[0], due_s, due_s[-1]]
    value_s = float(edges[crossed] + edges[crossed + 1]) / 2
    return Moment(value_s, float(edges[possible[0]]), float(edges[possible[-1] + 1]))


class _Search:
    """Looks for changes; holds the running total of good rows, and x log x of every count that can occur."""

    def __init__(self, due_s: Floats, good: Bools) -> None:
        self.total: Counts = np.r_[0, np.cumsum(good)].astype(np.int64)
        self.enough = PENALTY * log(max(good.size, 2))
        self._tied = np.r_[False, np.diff(due_s) <= 0, False]
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
        if end - start < 2:
            return -np.inf, start
        inner = np.arange(start + 1, end)
        gains = self._likelihood(start, inner) + self._likelihood(inner, end)
        gains[self._tied[start + 1 : end]] = -np.inf
        at = int(np.argmax(gains))
        return float(gains[at] - self._likelihood(start, end)), start + 1 + at

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


def _climbing(good: Bools, most: float) -> Floats:
    """The log likelihood of the first k rows, for every k, at the rising level up to *most* that fits them best."""
    blocks: list[tuple[int, int, float]] = []  # good and number of rows that share a level; log likelihood up to here
    likelihood = np.zeros(good.size + 1)
    edges = [0, *(np.flatnonzero(good[1:] != good[:-1]) + 1).tolist(), good.size]
    for start, end in pairwise(edges):
        if good[start]:
            _rise(blocks, likelihood, start, end, most)
            continue
        for k in range(start + 1, end + 1):
            hits, n = 0, 1
            while blocks and blocks[-1][0] * n >= hits * blocks[-1][1]:  # A level that would fall joins the one before.
                hits, n = hits + blocks[-1][0], n + blocks[-1][1]
                blocks.pop()
            level = min(hits / n, most)
            here = (hits * log(level) if hits else 0.0) + (n - hits) * log(1 - level)
            total = here + (blocks[-1][2] if blocks else 0.0)
            likelihood[k] = total
            blocks.append((hits, n, total))
    return likelihood


def _rise(blocks: list[tuple[int, int, float]], likelihood: Floats, start: int, end: int, most: float) -> None:
    """Rows *start* to *end*, all of them good: of whatever comes before they join what is good throughout, and nothing else."""
    before = blocks.pop()[0] if blocks and blocks[-1][0] == blocks[-1][1] else 0
    under = blocks[-1][2] if blocks else 0.0
    hits = before + end - start
    likelihood[start + 1 : end + 1] = np.arange(before + 1, hits + 1) * log(most) + under
    blocks.append((hits, hits, float(likelihood[end])))
