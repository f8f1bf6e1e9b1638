"""Where a number that is measured run after run went to another level, and stayed there.

Binary segmentation by Student's t, as in change detection over a history of benchmarks: E-divisive means (Matteson and James, "A
nonparametric approach for multiple change point analysis of multivariate data", JASA 2014; Daly et al., "The use of change point
detection to identify software performance regressions", ICPE 2020), with the t-test for its significance as in Hunter (Fleming et al., ICPE
2023), whose answers are the same every time. A bound that holds for the largest of many t is the sum of their chances (Bonferroni).
Runs that hang together, as those of one night on one machine do, count as fewer: see `_together`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import atan, cos, erfc, inf, pi, sin, sqrt

LEAST = 3
"""So many runs at least have to stand on either side: one or two are a mood of the machine."""
CHANCE = 0.01
"""How often one number may be told to have changed where it did not, at most."""
_FEWEST = 2 * LEAST + 2
_MOST_TOGETHER = 0.8
_UNSURE = 0.5
"""So many standard errors more than was seen neighbours are taken to be alike; see `_together`."""
_RANKS = 0.05
SHARE = 0.07
"""By so much of the larger level two levels have to differ: runs of one target do (`judging.comparison`)."""


@dataclass(frozen=True, slots=True)
class Change:
    """From place *at* on the level is *after*, where it was *before*."""

    at: int
    before: float
    after: float


def changes(values: Sequence[float], *, chance: float = CHANCE, floor: float = 0.0) -> list[Change]:
    """Each change of level in *values*, in order; a step of less than *floor* is none, whatever the chances.

    Each may hang together with the one before it, which makes them tell as much as fewer would. One that stands apart by luck or by an
    accident moves no level: ranks have to tell the two sides apart too. Nothing is found in fewer than eight values.
    """
    noise = _variance(values)
    found = sorted(_between(values, 0, len(values), chance, floor, noise))
    edges = [0, *found, len(values)]
    return [
        Change(at, _mean(values[left:at]), _mean(values[at:right]))
        for left, at, right in zip(edges, edges[1:], edges[2:], strict=False)
    ]


def _between(values: Sequence[float], start: int, end: int, chance: float, floor: float, noise: float) -> Iterator[int]:
    found = list(_stretches(start, end))
    tried = sum(right - left - 1 for left, right in found)
    best = min(
        ((*_best(values, left, right, noise), left, right) for left, right in found),
        key=lambda one: one[1],
        default=None,
    )
    if best is None or best[1] * tried > chance:
        return
    at, _, left, right = best
    before, after = values[left:at], values[at:right]
    step, larger = abs(_mean(after) - _mean(before)), max(abs(_mean(before)), abs(_mean(after)))
    if step < max(floor, SHARE * larger) or by_ranks(before, after) > _RANKS:
        return
    yield at
    yield from _between(values, start, at, chance, floor, noise)
    yield from _between(values, at, end, chance, floor, noise)


def _stretches(start: int, end: int) -> Iterator[tuple[int, int]]:
    """All of it, then halves, quarters and so on that overlap by half: a level that came and went is lost in the whole.

    As in seeded binary segmentation (Kovács et al., Biometrika 2023), with a decay of one half.
    """
    length = end - start
    while length >= _FEWEST:
        pieces = max(1, round(2 * (end - start) / length) - 1)
        apart = (end - start - length) / max(1, pieces - 1)
        for piece in range(pieces):
            left = start + round(piece * apart)
            yield left, left + length
        length //= 2


def _best(values: Sequence[float], start: int, end: int, noise: float) -> tuple[int, float]:
    """The split at which t is largest, and the chance of a t so large at that place; 1 where too few stand on one side."""
    mine = values[start:end]
    n = len(mine)
    # Around their mean, so that squares of large numbers lose nothing.
    middle = _mean(mine)
    sums = list(accumulate((value - middle for value in mine), initial=0.0))
    squares = sum((value - middle) ** 2 for value in mine)
    largest, at = max((_t(sums[k], sums[n] - sums[k], k, n - k, squares, noise), k) for k in range(1, n))
    # What is best told by one run or two at an end may be gone with the next.
    chance = _chance(largest, n - 2, _together(mine[:at], mine[at:])) if LEAST <= at <= n - LEAST else 1.0
    return start + at, chance


def _chance(t: float, freedom: int, together: float) -> float:
    """That of a t as large on either side, had values that have so much in common with their neighbours stayed at their level.

    One of them counts for fewer independent ones, and for fewer of a mean than of a variance (Bartlett 1946, "On the theoretical
    specification and sampling properties of autocorrelated time-series").
    """
    of_mean, of_variance = (1 - together) / (1 + together), (1 - together**2) / (1 + together**2)
    return student_beyond(t * sqrt(of_mean), max(1, int(freedom * of_variance)))


def _together(*sides: Sequence[float]) -> float:
    """How much each value has in common with the one before it, on whichever of the *sides*: the correlation of neighbours around a level.

    Levels that are read off the same few values hide some of it: twice (1 + 3 r) / n, one for each (Marriott and Pope, "Bias in the
    estimation of autocorrelations", Biometrika 1954). That is added, and `_UNSURE` standard errors for what few values cannot show.
    """
    around = [[value - middle for value in side] for side in sides for middle in [_mean(side)]]
    n, all_of_it = sum(map(len, around)), sum(value * value for side in around for value in side)
    if all_of_it <= 0:
        return 0.0
    seen = sum(before * after for side in around for before, after in pairwise(side)) / all_of_it
    hidden = len(sides) * (1 + 3 * max(0.0, seen)) / n + _UNSURE / sqrt(n)
    return min(_MOST_TOGETHER, max(0.0, seen + hidden))


def _variance(values: Sequence[float]) -> float:
    """The variance around the level, from what one run differs from the next by (von Neumann, 1941); the largest step may be a change.

    A few runs that happen to be alike say nothing of how much runs differ: of numbers that jump between two values many are.
    """
    steps = sorted((after - before) ** 2 for before, after in pairwise(values))[:-1]
    return sum(steps) / (2 * len(steps)) if steps else 0.0


def _t(left: float, right: float, k: int, m: int, squares: float, noise: float) -> float:
    """Student's t of samples of *k* and *m* values with sums *left* and *right* and this sum of *squares* that vary by *noise* at least."""
    apart = abs(left / k - right / m)
    within = max(0.0, squares - left**2 / k - right**2 / m)
    if apart <= 1e-12 * sqrt(squares):
        return 0.0
    variance = max(within / (k + m - 2), noise)
    return apart / sqrt(variance * (1 / k + 1 / m)) if variance > 1e-12 * squares else inf


def student_beyond(t: float, freedom: int) -> float:
    """The chance that Student's t lies beyond *t* on either side (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    if t == inf:
        return 0.0
    angle = atan(t / sqrt(freedom))
    squared = cos(angle) ** 2
    odd = freedom % 2
    term, total = (cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= squared * k / (k + 1)
    inside = 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
    return max(0.0, 1 - inside)


def by_ranks(left: Sequence[float], right: Sequence[float]) -> float:
    """The two-sided chance of ranks so far apart (Mann and Whitney, normal approximation, with ties)."""
    n, m = len(left), len(right)
    ordered = sorted([*left, *right])
    first: dict[float, int] = {}
    counts: dict[float, int] = {}
    for place, value in enumerate(ordered):
        first.setdefault(value, place)
        counts[value] = counts.get(value, 0) + 1
    above = sum(first[value] + (counts[value] + 1) / 2 for value in left) - n * (n + 1) / 2
    ties = sum(count**3 - count for count in counts.values()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - ties)
    return erfc(max(0.0, abs(above - n * m / 2) - 0.5) / sqrt(2 * variance)) if variance > 0 else 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
