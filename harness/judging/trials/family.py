"""Many claims of one kind at once: how sure each has to be, so that over all of them none is wrong more often than the error rate says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import erfc, floor, log, sqrt
from typing import TYPE_CHECKING

from harness.judging.scoring.distributions import gamma_quantile, student_quantile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SHARE = 0.1
"""Of the error rate so much goes into knowing which claims are far from being true, and the rest into making them."""
_SIZES = 24
"""Between one claim and all of them there are so many sizes of a family; it is taken to be of the next larger one."""
_POINTS = 256
_FAR = 40.0
"""So many standard errors are as good as any more."""


@dataclass(frozen=True, slots=True)
class Asserted:
    """One claim: its *chance* of error, and how many standard errors *away* its number is on the side where the claim is wrong.

    *away* is known by so many degrees of *freedom*; 0 where that is not so far that it could matter, or no such test is behind it.
    """

    chance: float
    away: float = 0.0
    freedom: float = 0.0

    def after(self, n: int, last: int) -> Asserted:
        """What it would be after the *last* trial if those to come are like the *n* that were made."""
        if n < 2 or last <= n:
            return self
        return Asserted(self.chance, self.away * sqrt(last / n), self.freedom * (last - 1) / (n - 1))


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The *chance* of error of a claim over its family, which was as good as *size* claims when it was its turn."""

    chance: float
    size: float


def adjusted(tests: Sequence[Asserted], level: float) -> list[Adjusted]:
    """Each of *tests* over all of them: where those are made whose chance is at most *level* then, one is wrong no more often than that.

    Steps down (Romano and Wolf 2005), from the surest on, as Holm's do. But a claim that is far from being true cannot be made by chance,
    so it needs no part of the rate: a tenth of it (`SHARE`) bounds how far each is at least from being true (Bonferroni), and by these
    bounds all others are tested (Romano, Shaikh and Wolf 2014, "A practical two-step method for testing moment inequalities"). It holds
    however the numbers hang together. Where no claim is far from being true it asks a ninth more than Holm does; of a single one the same.
    """
    order = sorted(range(len(tests)), key=lambda place: tests[place].chance)
    family, found = _Family(tests, level), [Adjusted(1.0, 1.0)] * len(tests)
    worst, size, open_still = 0.0, 1.0, True
    for rank, place in enumerate(order):
        if open_still:
            size = family.size(order[rank:])
        worst = max(worst, min(1.0, tests[place].chance * size))
        open_still = worst <= level
        found[place] = Adjusted(worst, size)
    return found


def foreseen(tests: Sequence[Asserted], n: int, last: int, level: float) -> float:
    """As how many claims all of *tests* will count after the *last* trial, at that *level*, by what is known after *n*."""
    return _Family([one.after(n, last) for one in tests], level).size(range(len(tests))) if tests else 1.0


def least_size(claims: int) -> float:
    """The least size that a family of so many *claims* can come to be of."""
    return 1.0 if claims < 2 else 1 / (1 - SHARE)


class _Family:
    """Some *tests* at a *level*, of each of which it is known how far it is at least from being true."""

    def __init__(self, tests: Sequence[Asserted], level: float) -> None:
        self._level = level
        self._alone = len(tests) < 2
        each = SHARE * level / max(1, len(tests))
        bounded = level > 0 and not self._alone
        # To the careful side, so that few of them are reckoned with.
        self._freedom = [floor(one.freedom) for one in tests]
        away = [floor(20 * min(one.away, _FAR)) / 20 for one in tests]
        self._away = [_bound(*one, each) if bounded else 0.0 for one in zip(away, self._freedom, strict=True)]

    def size(self, left: Sequence[int]) -> float:
        """As how many claims those that are *left* count: the level by what each of them may be wrong by."""
        if self._alone:
            return 1.0
        far = [place for place in left if self._away[place] > 0]
        sizes: list[float] = [len(left) ** (step / _SIZES) / (1 - SHARE) for step in range(_SIZES + 1)]
        low, high = 0 if far else _SIZES, _SIZES
        while low < high:
            middle = (low + high) // 2
            each = self._level / sizes[middle]
            spent = (len(left) - len(far)) * each
            spent += sum(_by_chance(self._away[place], self._freedom[place], each) for place in far)
            low, high = (low, middle) if spent <= (1 - SHARE) * self._level else (middle + 1, high)
        return sizes[low]


@lru_cache(maxsize=16384)
def _bound(away: float, freedom: int, chance: float) -> float:
    """How many of its standard errors a number is *away* at least: less would show so much with a chance of *chance* at most.

    It is a bound for the noncentrality of Student's t (Johnson and Welch 1940).
    """
    if freedom < 2 or away <= 0:
        return 0.0
    spreads, weights = _spreads(freedom)
    low, high = 0.0, away
    if float(weights @ _normal_below(low - away * spreads)) > chance:
        return 0.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if float(weights @ _normal_below(middle - away * spreads)) <= chance else (low, middle)
        )
    return low


@lru_cache(maxsize=16384)
def _by_chance(away: float, freedom: int, level: float) -> float:
    """How often a claim that is so far *away* from being true is made at *level*."""
    spreads, weights = _spreads(freedom)
    return float(weights @ _normal_below(-away - student_quantile(freedom, level) * spreads))


@lru_cache(maxsize=1024)
def _spreads(freedom: int) -> tuple[Floats, Floats]:
    """What a standard deviation by so many degrees of *freedom* comes to, as a part of the true one, and how likely each is."""
    import numpy as np

    low, high = (sqrt(2 * gamma_quantile(q, freedom / 2) / freedom) for q in (1e-12, 1 - 1e-12))
    at, widths = np.polynomial.legendre.leggauss(_POINTS)
    spreads = low + (high - low) * (at + 1) / 2
    density = np.exp((freedom - 1) * np.log(spreads) - freedom * spreads**2 / 2)
    density *= widths
    return spreads, density / density.sum()


def _normal_below(at: Floats) -> Floats:
    """How likely a normal deviate lies below each of *at*."""
    import numpy as np

    grid, logs = _normal()
    below: Floats = np.exp(np.interp(at, grid, logs))
    return below


@lru_cache(maxsize=1)
def _normal() -> tuple[Floats, Floats]:
    import numpy as np

    grid = np.linspace(-36.0, 9.0, 9001)
    return grid, np.array([log(0.5 * erfc(-x / sqrt(2))) for x in grid.tolist()])
