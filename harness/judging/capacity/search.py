"""Which rate to try next, so that the highest one that a service keeps up with is soon known, and where that lies by what was tried.

The search of throughput tests of the IETF: a rate is doubled until it is not kept up with, then the gap between the two is halved, on a
scale of ratios, until it is small (RFC 2544, 26.1); as in Multiple Loss Ratio Search (draft-ietf-bmwg-mlrsearch) an end counts once it was
seen twice, a rate above one that was not kept up with is not kept up with, and what nobody can tell makes the interval wider and
never shifts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal

CameTo = Literal["kept up", "fell behind", "unclear", "untrusted"]
_TWICE = 2
_VOTES_MOST = 3
"""So often a rate is tried at most: two of three decide."""

_AGAIN_MOST = {"unclear": _VOTES_MOST, "untrusted": 2}
"""So often it is tried, one time after the other, where it came to that: longer, or when others leave the machine alone."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate that was tried, and what it *came to*: untrusted where the measurement, and not the service, was at its end."""

    per_s: float
    came_to: CameTo


@dataclass(frozen=True, slots=True)
class Search:
    """Where the search begins, between which rates it stays, up to which ratio it closes in, and how many rates it may take."""

    first_per_s: float
    least_per_s: float = 0.5
    most_per_s: float = 10_000.0
    within: float = 1.1
    tries_most: int = 20

    def next_per_s(self, rates: Sequence[Rate]) -> float | None:
        """The rate to try next; None where no further one is needed, or none is left."""
        if len(rates) >= self.tries_most:
            return None
        seen = _Seen.of(rates)
        low, high = seen.low, seen.high
        if rates and seen.tried(rates[-1].per_s) < _AGAIN_MOST.get(rates[-1].came_to, 0):
            return rates[-1].per_s
        if low is None and high is None:
            return self._undecided(seen, self.first_per_s)
        if high is None:
            assert low is not None
            return self._undecided(seen, min(low * 2, self.most_per_s)) if low < self.most_per_s else seen.doubted(low)
        if low is None:
            return (
                self._undecided(seen, max(high / 2, self.least_per_s))
                if high > self.least_per_s
                else seen.doubted(high)
            )
        gap = self._gap(low, high, seen.undecided)
        return gap or seen.doubted(low) or (None if high in seen.ceilings else seen.doubted(high))

    def _undecided(self, seen: _Seen, per_s: float) -> float | None:
        """*per_s*; where that could not be decided, the rate half-way to what is known, or below it."""
        while per_s in seen.undecided:
            per_s /= 2
            if per_s < self.least_per_s:
                return None
        return per_s

    def _gap(self, low: float, high: float, undecided: Iterable[float]) -> float | None:
        """The middle of the wider of the gaps beside *low* and *high* in which nothing was tried; None once both are small."""
        tried = [low, *sorted(rate for rate in undecided if low < rate < high), high]
        gaps = [(above / below, below, above) for below, above in (*[*pairwise(tried)][:1], *[*pairwise(tried)][-1:])]
        ratio, below, above = max(gaps)
        return _rounded(sqrt(below * above), below, above) if ratio > self.within else None


@dataclass(frozen=True, slots=True)
class Found:
    """The highest rate that is kept up with lies from *low* to *high*; None: not found on that side. *sure*: both ends were seen twice."""

    low: float | None
    high: float | None
    sure: bool
    ceiling: bool = False
    """Above *low* it was the measurement that came to its end, so *high* is not known."""


def found(rates: Sequence[Rate]) -> Found:
    """What *rates* say of the highest rate that is kept up with."""
    seen = _Seen.of(rates)
    # Above a rate that could not be measured one may have been: the end of the service then lies somewhere below it.
    high = min(seen.behind, default=None)
    ends = [end for end in (seen.low, high) if end is not None]
    sure = bool(ends) and all(seen.votes(end) >= _TWICE for end in ends)
    return Found(seen.low, high, sure, ceiling=high is None and seen.high is not None)


class _Seen:
    """What is known of each rate."""

    def __init__(self, of_rate: dict[float, Counter[CameTo]]) -> None:
        self._of_rate = of_rate
        self.behind = [rate for rate in of_rate if self._leads(rate, "fell behind")]
        self.ceilings = {rate for rate, votes in of_rate.items() if votes["untrusted"] and not self._decided(rate)}
        self.high = min([*self.behind, *self.ceilings], default=None)
        kept = [rate for rate in of_rate if self._leads(rate, "kept up") and (self.high is None or rate < self.high)]
        self.low = max(kept, default=None)
        self.undecided = {rate for rate in of_rate if not self._decided(rate) and rate not in self.ceilings}

    @classmethod
    def of(cls, rates: Iterable[Rate]) -> _Seen:
        of_rate: dict[float, Counter[CameTo]] = {}
        for one in rates:
            of_rate.setdefault(one.per_s, Counter())[one.came_to] += 1
        return cls(of_rate)

    def tried(self, rate: float) -> int:
        """How often."""
        return sum(self._of_rate[rate].values())

    def votes(self, rate: float) -> int:
        """By how many more rates it was seen one way than the other."""
        votes = self._of_rate[rate]
        return abs(votes["kept up"] - votes["fell behind"])

    def doubted(self, rate: float) -> float | None:
        """*rate*, where it is to be tried once more before it counts as an end."""
        return rate if self.votes(rate) < _TWICE and self.tried(rate) < _VOTES_MOST else None

    def _leads(self, rate: float, came_to: CameTo) -> bool:
        votes = self._of_rate[rate]
        other: CameTo = "fell behind" if came_to == "kept up" else "kept up"
        return votes[came_to] > votes[other]

    def _decided(self, rate: float) -> bool:
        return self.votes(rate) > 0


def _rounded(rate: float, below: float, above: float) -> float:
    """*rate* in as few digits as still lie well between the two."""
    for digits in range(1, 12):
        short = float(f"{rate:.{digits}g}")
        if below < short < above and abs(short - rate) < 0.1 * min(rate - below, above - rate):
            return short
    return rate
