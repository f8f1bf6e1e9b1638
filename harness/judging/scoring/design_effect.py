"""How much less rows are worth when what happens to them comes in clumps: the design effect, read off the rows themselves.

Three things show that rows are hit in `clumps`, and the strongest counts: how large the clumps are beside those of the same rows in random
order, joined over a short gap and over a long one, and how much blocks of rows differ, of a length that the rows' own autocorrelation asks
for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log10, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.clumps import JOIN_GAPS, JOIN_S, firsts
from harness.judging.scoring.distributions import Bools, Floats, median, student_quantile
from harness.judging.scoring.shares import Z

JOINS_S = (JOIN_S, 1.0)
NEXT = 1.5  # spacings: the least that a join reaches where much is hit; where little is, it is `JOIN_GAPS`
BY_CHANCE = 0.8  # rows hit within a join that are there by chance, at the most
SHUFFLES = 40
NOTICED = (
    1 / SHUFFLES
)  # share of shuffles that may come in clumps as large, of rows of which it is said that they come in clumps
CERTAIN = 1.25
STRETCHED_MOST = student_quantile(2)
FEWEST = 3  # rows hit, of which it can be told whether they come together
FEW = 2  # clumps, of which no spread can be told
SLOW_S = (2.0, 3.0)  # the length of blocks that show what wanders
SURELY, SURELY_SLOW = 2.0, 4.0  # standard deviations; of blocks of a length that the rows did not ask for, more
FREE = 3  # degrees of freedom that these have at least
MANY = 1 << 16  # rows, beyond which correlations are looked at in short transforms
NEAR = (16, 2048)  # so many lags at first, and then
COARSE = 1 << 17  # rows, of more of which those that remember more than that are looked at in sums of a few
AT_ONCE = 32  # lags, up to which sums of products are quicker than transforms
PAIRS = 0.5  # of those that were hit, for each row, up to which looking at all of them is quicker than transforms
_ROUNDING = 1e-12  # of a sum of squares
_KNOWN_S = 1.0  # one clump of that length stands for what is known of clumps before any was seen


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows of one stretch of a run in order of *due_s*; *weight* is how hard each was hit, 0 for not at all, or whether it was."""

    due_s: Floats
    weight: Floats | Bools


def stretch(due_s: npt.ArrayLike, good: npt.ArrayLike) -> Stretch:
    """The rows in order of time, with the failures as what hit them."""
    due, bad = np.asarray(due_s, dtype=np.float64), ~np.asarray(good, dtype=np.bool_)
    if (due[1:] >= due[:-1]).all():
        return Stretch(due, bad)
    order = np.argsort(due, kind="stable")
    return Stretch(due[order], bad[order])


@dataclass(frozen=True, slots=True)
class Clumping:
    """*effect*: how many rows are worth one that stands alone; *clumps*: how many were seen; *hit_s*: how long they lasted together."""

    effect: float
    clumps: int
    hit_s: float

    @property
    def stretch(self) -> float:
        """By how much wider an interval has to be since the effect itself is known from so few clumps; 1 where they are none."""
        if self.effect < CERTAIN:
            return 1.0
        quantile = student_quantile(max(self.clumps - 1, 1))
        return (min(quantile, STRETCHED_MOST) if self.clumps > FEW else quantile) / Z

    def worth(self, n: int, span_s: float) -> float:
        """How many independent rows *n* of them are worth, due within *span_s*.

        Of one or two clumps nobody can tell how long the next one is. What is known beforehand then stands in for a third: lengths are
        exponential, and their mean is that of those seen and one more of a second.
        """
        spread = n / self.effect / self.stretch**2
        if self.stretch == 1 or self.clumps > FEW:
            return spread
        known = 1 + self.clumps
        mean_s = (_KNOWN_S + self.hit_s) / (2 * known)
        return max(spread, min(float(n), span_s / (2 * mean_s) * (Z / student_quantile(2 * known)) ** 2))


ALONE = Clumping(1.0, 0, 0.0)


def gap(*due_s: Floats) -> float:
    """The seconds from one row to the next in the middle, over stretches of rows that are in order; 0 where there are no two."""
    each = [np.diff(of_stretch) for of_stretch in due_s]
    gaps = np.concatenate(each) if len(each) > 1 else each[0]
    return median(gaps) if gaps.size else 0.0


def clumping(stretches: Sequence[Stretch], *, by_size: bool = True, gap_s: float | None = None) -> Clumping:
    """What the rows of all *stretches* show together, each at a level of its own; not *by_size*: their blocks alone.

    *gap_s*: their `gap`, where that is known.
    """
    rows = [stretch for stretch in stretches if stretch.weight.size]
    if sum(np.count_nonzero(stretch.weight) for stretch in rows) < FEWEST:
        return ALONE
    gap_s = gap(*(stretch.due_s for stretch in rows)) if gap_s is None else gap_s
    hit_a_row = max(np.count_nonzero(stretch.weight) / stretch.weight.size for stretch in rows)
    # What is hit often is near to something that was hit, clump or none: every other request, in turn, is no clump.
    joins_s = (
        [max(NEXT, min(max(join_s / gap_s, JOIN_GAPS), BY_CHANCE / hit_a_row)) * gap_s for join_s in JOINS_S]
        if gap_s
        else [0.0]
    )
    shown = [_by_size(rows, join_s) for join_s in dict.fromkeys(joins_s)] if by_size else []
    shown.append(_by_blocks(rows, sizes(rows, joins_s[-1]).size, gap_s))
    effect, clumps = max(shown)
    hit_s = gap_s * sum(int(np.count_nonzero(stretch.weight > 0)) for stretch in rows)
    return Clumping(effect, clumps, hit_s) if effect > 1 else ALONE


def rows_a_clump(lengths_s: Floats, per_s: float) -> float:
    """How many rows the clump of a failure has on average, where *per_s* come a second.

    So many rows are worth one independent sample: the design effect of Kish (1965) for clusters of unequal size.
    """
    rows = np.maximum(1.0, lengths_s * per_s)
    return float((rows**2).sum() / rows.sum()) if rows.size else 1.0


def sizes(stretches: Sequence[Stretch], join_s: float) -> Floats:
    """The summed weight of each clump: hit rows of which none is due more than *join_s* after the one before it."""
    return np.concatenate([np.empty(0), *(_sizes(stretch.due_s, stretch.weight, join_s) for stretch in stretches)])


def _sizes(due_s: Floats, weight: Floats | Bools, join_s: float) -> Floats:
    hit = np.flatnonzero(weight)
    return _summed(due_s[hit], weight[hit], join_s) if hit.size else np.empty(0)


def _summed(due_s: Floats, weight: Floats | Bools, join_s: float) -> Floats:
    """The summed weight of each clump of rows that all were hit; of one at least."""
    summed: Floats = np.add.reduceat(weight.astype(np.float64, copy=False), firsts(due_s, join_s))
    return summed


def _by_size(stretches: Sequence[Stretch], join_s: float) -> tuple[float, int]:
    """How much larger the clumps are than by chance, and how many they are; 1 where chance makes them as large.

    The variance of a compound Poisson sum is the sum of its clumps' squares, and of rows in random order as well.
    """
    seen = sizes(stretches, join_s)
    squares = _squares(seen)
    generator = np.random.default_rng(0)
    # Of very many rows a few shuffles say as much.
    times = int(np.clip(1_000_000 // sum(stretch.weight.size for stretch in stretches), 3, SHUFFLES))
    hit = [(stretch.due_s, stretch.weight[stretch.weight > 0]) for stretch in stretches if stretch.weight.any()]
    if all(weights.size == due_s.size and (weights == weights[0]).all() for due_s, weights in hit):
        return 1.0, seen.size  # all are alike, in whatever order
    shuffled: list[float] = []
    as_large = 0
    for _ in range(times):
        shuffled.append(_shuffled(hit, join_s, generator))
        as_large += shuffled[-1] >= squares
        if as_large / times > NOTICED:
            return 1.0, seen.size  # whatever the others would show
    return max(1.0, squares / float(np.mean(shuffled))), seen.size


def _shuffled(
    stretches: Sequence[tuple[Floats, Floats | Bools]], join_s: float, generator: np.random.Generator
) -> float:
    """The sum of the clumps' squares when weights fall on any rows of their stretch, each given by when all its rows are due."""
    total = 0.0
    for due_s, weights in stretches:
        places = np.sort(generator.choice(due_s.size, weights.size, replace=False, shuffle=False))
        made = _summed(due_s[places], generator.permutation(weights), join_s)
        total += _squares(made)
    return total


def _by_blocks(stretches: Sequence[Stretch], clumps: int, gap_s: float) -> tuple[float, int]:
    """The variance of sums over blocks beside that of independent rows; 1 where chance makes it as large.

    What comes and goes slowly shows in long blocks only, and no correlation of neighbours betrays it. Blocks that are little longer than
    what the rows remember tell too little of it: their own long-run variance says how much more.
    """
    weights = [stretch.weight for stretch in stretches]
    n = sum(weight.size for weight in weights)
    strays: _Strays | _Counted = _Counted(weights) if n > MANY else _Strays(weights)
    alone = sum(strays.squares)
    seen = _correlation(n, strays.power, strays.at_lags, strays.summed)
    length = _block_length(n, *seen) if alone > 0 else 1.0
    shown = [(1.0, clumps)]
    if length > 1.5:
        shown.append(_by_blocks_of(strays, length, clumps, SURELY, 1))
    if alone > 0 and gap_s > 0:
        shown += [_by_blocks_of(strays, block_s / gap_s, clumps, SURELY_SLOW, FREE) for block_s in SLOW_S]
    effect, clumps = max(shown)
    return (max(effect, float(seen[1].sum())) if effect > 1 else 1.0), clumps


class _Strays:
    """How far each row lies from the mean of its stretch: the sums of *squares* of each stretch, and their *power* over all."""

    def __init__(self, weights: Sequence[Floats | Bools]) -> None:
        self._of = [weight - weight.mean() for weight in weights]
        self.sizes = [weight.size for weight in weights]
        self.squares = [_squares(values) for values in self._of]
        self._all = np.concatenate(self._of) if len(self._of) > 1 else self._of[0]
        self.power = _squares(self._all)

    def at_lags(self, most: int) -> Floats:
        """The sums of the products of values that lie each of 0 to *most* apart."""
        return _at_lags(self._all, most)

    def summed(self, rows: int) -> Floats:
        """The sums of so many *rows* that follow one another."""
        return _summed_by(self._all, rows)

    def block_sums(self, stretch: int, length: float) -> Floats:
        """The sums over blocks of the rows of one stretch that hold about *length* of them each."""
        return _block_sums(self._of[stretch], length)


class _Counted:
    """As `_Strays`, of very many rows: what is not hit adds nothing to a sum of products but means, and those are known of a stretch."""

    def __init__(self, weights: Sequence[Floats | Bools]) -> None:
        self._weight: npt.NDArray[Any] = np.concatenate(weights) if len(weights) > 1 else weights[0]
        self._hit = np.flatnonzero(self._weight)
        weight = self._weight[self._hit].astype(np.float64)
        self._alike = bool((weight == 1).all())
        if self._alike:
            self._weight = self._weight.astype(np.bool_, copy=False)
        self._running = np.append(0.0, np.cumsum(weight))
        self.sizes = [weight.size for weight in weights]
        self._sizes = np.array(self.sizes)
        self._ends = np.cumsum([0, *self.sizes])
        self._means = np.diff(self._before(self._ends)) / self.sizes
        hits = np.diff(np.append(0.0, np.cumsum(weight * weight))[np.searchsorted(self._hit, self._ends)])
        squares = hits - self.sizes * self._means**2
        # Where all are alike, nothing but rounding is left.
        self.squares: list[float] = np.where(squares > _ROUNDING * hits, squares, 0.0).tolist()
        self.power = sum(self.squares)

    def _before(self, rows: npt.NDArray[np.integer]) -> Floats:
        """The sum of the weights of all that come before each of these *rows*."""
        sums: Floats = self._running[np.searchsorted(self._hit, rows)]
        return sums

    def at_lags(self, most: int) -> Floats:
        lags = np.arange(most + 1)
        pairs = self._hit.searchsorted(self._hit + most, "right") - np.arange(self._hit.size)
        if pairs.sum() <= self._weight.size * PAIRS:
            total = self._of_pairs(pairs, most)
        elif most <= AT_ONCE and (self._alike or 4 * self._hit.size < self._weight.size):
            total = np.array([self._products(int(lag)) for lag in lags])
        else:
            means = np.repeat(self._means, self.sizes) if len(self.sizes) > 1 else self._means[0]
            return _at_lags(self._weight - means, most)
        for first, end, mean in zip(self._ends[:-1], self._ends[1:], self._means, strict=True):
            # What lies so far before the stretch, and so far behind it; and the means of those that lie before it.
            total -= mean * (self._before(end - lags) - self._before(first - lags))
            total -= mean * (self._before(end + lags) - self._before(first + lags))
            total += mean * (self._means_before(end - lags) - self._means_before(first - lags))
        return total

    def summed(self, rows: int) -> Floats:
        ends = np.append(np.arange(0, self._weight.size, rows), self._weight.size)
        sums: Floats = np.diff(self._before(ends)) - np.diff(self._means_before(ends))
        return sums

    def _of_pairs(self, pairs: npt.NDArray[np.intp], most: int) -> Floats:
        """The sums of the products of weights that lie each of 0 to *most* apart; so many of them begin with each that was hit."""
        first = np.repeat(np.arange(pairs.size), pairs)
        second = first + np.arange(first.size) - np.repeat(np.cumsum(pairs) - pairs, pairs)
        apart = self._hit[second] - self._hit[first]
        products = None if self._alike else self._weight[self._hit[first]] * self._weight[self._hit[second]]
        return np.bincount(apart, products, most + 1).astype(np.float64)

    def _products(self, lag: int) -> float:
        """The sum of the products of weights that lie so far apart."""
        n = self._weight.size
        if self._alike:
            return float(np.count_nonzero(self._weight[: n - lag] & self._weight[lag:]))
        first = self._hit[: int(np.searchsorted(self._hit, n - lag))]
        return float(np.einsum("i,i", self._weight[first], self._weight[first + lag]))

    def _means_before(self, rows: npt.NDArray[np.integer]) -> Floats:
        """The sum of the means of all that come before each of these *rows*, each that of its stretch."""
        whole = np.append(0.0, np.cumsum(self._means * self.sizes))
        stretch = np.clip(self._ends.searchsorted(rows, "right") - 1, 0, len(self.sizes) - 1)
        total: Floats = whole[stretch] + self._means[stretch] * np.clip(
            rows - self._ends[stretch], 0, self._sizes[stretch]
        )
        return total

    def block_sums(self, stretch: int, length: float) -> Floats:
        edges = _edges(self.sizes[stretch], length)
        sums: Floats = np.diff(self._before(self._ends[stretch] + edges)) - self._means[stretch] * np.diff(edges)
        return sums


def _squares(values: Floats) -> float:
    """Their sum; not by BLAS, whose threads cost more than they save here, and add in an order that their number decides."""
    return float(np.einsum("i,i", values, values))


def _by_blocks_of(
    strays: _Strays | _Counted, length: float, clumps: int, surely: float, least: int
) -> tuple[float, int]:
    """The same of blocks of one *length*; beyond *surely* standard deviations it is no chance, with *least* degrees of freedom or more."""
    seen = expected = 0.0
    free = 0
    for stretch, squares in enumerate(strays.squares):
        blocks = strays.block_sums(stretch, length)
        seen += _squares(blocks)
        # The sums of one stretch add up to 0, so that one of them says nothing.
        expected += squares * (blocks.size - 1) / blocks.size
        free += blocks.size - 1
    if free < least or expected <= 0:
        return 1.0, clumps
    ratio = seen / expected
    # The ratio of a chi-squared variable to its degrees of freedom has the variance 2 / free.
    return (ratio if ratio > 1 + surely * sqrt(2 / free) else 1.0), min(clumps, free + 1)


def _edges(rows: int, length: float) -> npt.NDArray[np.int64]:
    """Where blocks of about *length* of so many *rows* begin, and where the last one ends."""
    blocks = max(1, int(rows / length))
    edges: npt.NDArray[np.int64] = -(-np.arange(blocks + 1) * rows // blocks)
    return edges


def _block_sums(values: Floats, length: float) -> Floats:
    edges = _edges(values.size, length)
    blocks = edges.size - 1
    if blocks > values.size:  # so that some have no row
        return np.bincount(np.repeat(np.arange(blocks), np.diff(edges)), values, blocks).astype(np.float64)
    sums: Floats = np.add.reduceat(values, edges[:-1])
    return sums


def block_length(values: npt.ArrayLike) -> float:
    """How many of the *values*, which have mean 0, one block has to hold for blocks to be nearly independent.

    The rule for the circular block bootstrap of Politis and White (Econometric Reviews 23, 2004), as corrected by Patton,
    Politis and White (Econometric Reviews 28, 2009).
    """
    return _block_length(np.size(values), *_correlation_of(np.asarray(values, dtype=np.float64)))


_Correlation = tuple[npt.NDArray[np.int64], Floats]


def _block_length(n: int, lags: npt.NDArray[np.int64], correlation: Floats) -> float:
    if lags.size == 1:
        return 1.0
    slope, level = float((correlation * np.abs(lags)).sum()), 4 / 3 * float(correlation.sum()) ** 2
    return float(np.clip((2 * slope**2 / max(level, 1e-9) * n) ** (1 / 3), 1, n / 5))


def long_run(values: npt.ArrayLike) -> float:
    """How much more the mean of the *values*, which have mean 0, varies than that of as many independent ones.

    The sum of their autocorrelations, in the flat-top window of Politis and Romano (Journal of Time Series Analysis 16, 1995): blocks that
    are hardly longer than what the values remember make it too small, and this hardly does.
    """
    return float(_correlation_of(np.asarray(values, dtype=np.float64))[1].sum())


def _correlation_of(x: Floats) -> _Correlation:
    return _correlation(x.size, _squares(x), lambda most: _at_lags(x, most), lambda rows: _summed_by(x, rows))


def _summed_by(x: Floats, rows: int) -> Floats:
    sums: Floats = np.add.reduceat(x, np.arange(0, x.size, rows))
    return sums


def _correlation(
    n: int, power: float, at_lags: Callable[[int], Floats], summed: Callable[[int], Floats]
) -> _Correlation:
    """Lags to either side and the correlations at them, weighted by the flat-top window; lag 0 alone where there is nothing to see.

    The window is twice as long as the correlations reach that stand out; it may look back over a tenth of the values where their square
    root is less, as many come within what a service remembers. *at_lags* says the sums of products up to so many lags of *n* values, and
    *summed* the sums of so many values: of very many values that remember long, those tell as much, since the products of two sums are
    those of all pairs of their values.
    """
    if power <= 0 or n < 8:
        return np.zeros(1, np.int64), np.ones(1)
    quiet = max(5, int(sqrt(log10(n))))
    most = min(max(ceil(sqrt(n)) + quiet, n // 10), n - 2)
    least = 2 * sqrt(log10(n) / n)
    # Of very many mostly the first few lags say it, and only where they do not more are looked at.
    for lags in (lags for lags in NEAR if n > MANY and lags < most):
        correlation = at_lags(lags) / power
        reach = _quiet_from(np.abs(correlation[1:]) < least, quiet)
        # What lies within twice the reach counts.
        if reach is not None and 2 * reach <= lags:
            return _weighted(correlation, reach, most)
    if n > COARSE:
        rows = -(-n // COARSE)
        sums = summed(rows)
        at, weighted = _correlation_of(sums)
        return at * rows, weighted * (_squares(sums) / power)
    correlation = at_lags(most) / power
    reach = _quiet_from(np.abs(correlation[1:]) < least, quiet)
    return _weighted(correlation, most - quiet if reach is None else reach, most)


def _weighted(correlation: Floats, reach: int, most: int) -> _Correlation:
    reach = min(2 * max(reach, 1), most)
    lags = np.arange(-reach, reach + 1)
    weighted: Floats = np.clip(2 * (1 - np.abs(lags) / reach), 0, 1) * correlation[np.abs(lags)]
    return lags, weighted


def _at_lags(x: Floats, most: int) -> Floats:
    """The sums of the products of values that lie each of 0 to *most* apart; of very many in short transforms, which are quick."""
    if x.size <= MANY:
        # What is added is as much as the lags reach, to a length of which a transform is quick.
        size = 1 << (x.size + most).bit_length()
        spectrum = np.fft.rfft(x, size)
        return np.fft.irfft(spectrum * spectrum.conj(), size)[: most + 1]
    return _in_pieces(x, most)


def _in_pieces(x: Floats, most: int) -> Floats:
    if most <= AT_ONCE:
        return np.array([np.einsum("i,i", x[: x.size - lag], x[lag:]) for lag in range(most + 1)])
    size = max(1 << 12, 1 << (4 * most).bit_length())
    block = size - most
    many = -(-x.size // block)
    total = np.zeros(size // 2 + 1, np.complex128)
    at_once = max(1, MANY // size)
    for first in range(0, many, at_once):
        count = min(at_once, many - first)
        piece = x[first * block : (first + count) * block + most]
        if short := count * block + most - piece.size:  # behind the last one comes nothing
            piece = np.append(piece, np.zeros(short))
        rows = np.lib.stride_tricks.sliding_window_view(piece, size)[::block]
        total += (np.fft.rfft(rows[:, :block], size).conj() * np.fft.rfft(rows)).sum(axis=0)
    return np.fft.irfft(total, size)[: most + 1]


def _quiet_from(small: npt.NDArray[np.bool_], quiet: int) -> int | None:
    """The first place from which *quiet* follow one another that are *small*; None where there is none."""
    loud = np.append(0, np.cumsum(~small))
    found = np.flatnonzero(loud[quiet:] == loud[:-quiet])
    return int(found[0]) if found.size else None
