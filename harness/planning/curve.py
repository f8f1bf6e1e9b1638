"""How many requests are due a second over the time of a load: a curve of stretches, how many that makes, and when so many have been due."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

import msgspec


class Linear(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="linear"):
    """From *from_per_s* at its start the rate goes evenly to *to_per_s* at its end; *span_s* is more than 0."""

    span_s: float
    from_per_s: float
    to_per_s: float

    @property
    def most_per_s(self) -> float:
        return max(self.from_per_s, self.to_per_s)

    def part(self, start_s: float, end_s: float, times: float = 1.0) -> Linear:
        """What of it lies between the two, at so many *times* its rate."""
        return Linear(end_s - start_s, self.per_s(start_s) * times, self.per_s(end_s) * times)

    def per_s(self, after_s: float) -> float:
        """The rate so long after it begins."""
        return self.from_per_s + (self.to_per_s - self.from_per_s) * after_s / self.span_s

    def due_within(self, after_s: float) -> float:
        """How many are due in the first *after_s* of it."""
        slope = (self.to_per_s - self.from_per_s) / self.span_s
        return self.from_per_s * after_s + slope * after_s**2 / 2

    def reaches(self, number: float) -> float:
        """After how long *number* have been due; at most as many as are due in all of it."""
        slope = (self.to_per_s - self.from_per_s) / self.span_s
        if number <= 0:
            return 0.0
        if slope == 0:
            return number / self.from_per_s
        # The root of a quadratic that loses no digits where the slope is small.
        at_s = 2 * number / (self.from_per_s + math.sqrt(max(0.0, self.from_per_s**2 + 2 * slope * number)))
        return min(at_s, self.span_s)


class Sine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sine"):
    """The rate swings about *mean_per_s* by *by* (0-1) of it, once in *period_s*; it rises first, *since_s* after its rise began."""

    span_s: float
    mean_per_s: float
    by: float
    period_s: float
    since_s: float = 0.0

    @property
    def most_per_s(self) -> float:
        return self.mean_per_s * (1 + self.by)

    def part(self, start_s: float, end_s: float, times: float = 1.0) -> Sine:
        """What of it lies between the two, at so many *times* its rate."""
        return Sine(end_s - start_s, self.mean_per_s * times, self.by, self.period_s, self.since_s + start_s)

    def per_s(self, after_s: float) -> float:
        """The rate so long after it begins."""
        return self.mean_per_s * (1 + self.by * math.sin(2 * math.pi * (self.since_s + after_s) / self.period_s))

    def due_within(self, after_s: float) -> float:
        """How many are due in the first *after_s* of it."""
        return self._since_its_rise(self.since_s + after_s) - self._since_its_rise(self.since_s)

    def reaches(self, number: float) -> float:
        """After how long *number* have been due; at most as many as are due in all of it."""
        low_s, high_s = 0.0, self.span_s
        # Halved until there are no digits left between the two.
        while (middle_s := (low_s + high_s) / 2) not in (low_s, high_s):
            low_s, high_s = (middle_s, high_s) if self.due_within(middle_s) < number else (low_s, middle_s)
        return high_s

    def _since_its_rise(self, at_s: float) -> float:
        turn = 2 * math.pi / self.period_s
        return self.mean_per_s * (at_s + self.by * (1 - math.cos(turn * at_s)) / turn)


Stretch: TypeAlias = Linear | Sine
_ROUNDED = 1e-6


def due_in_all(curve: Iterable[Stretch]) -> float:
    """How many are due over the whole *curve*."""
    return sum(stretch.due_within(stretch.span_s) for stretch in curve)


def due_between(curve: Iterable[Stretch], start_s: float, end_s: float) -> float:
    """How many are due from *start_s* to *end_s* after *curve* begins."""
    number, begins_s = 0.0, 0.0
    for stretch in curve:
        from_s, to_s = (min(max(at_s - begins_s, 0.0), stretch.span_s) for at_s in (start_s, end_s))
        number += stretch.due_within(to_s) - stretch.due_within(from_s)
        begins_s += stretch.span_s
    return number


def scaled(curve: Iterable[Stretch], start_s: float, end_s: float, times: float) -> Iterator[Stretch]:
    """*curve* with so many *times* its rate from *start_s* to *end_s*."""
    begins_s = 0.0
    for stretch in curve:
        cuts = sorted(
            {0.0, *(min(max(at_s - begins_s, 0.0), stretch.span_s) for at_s in (start_s, end_s)), stretch.span_s}
        )
        for from_s, to_s in pairwise(cuts):
            inside = start_s <= begins_s + from_s and begins_s + to_s <= end_s
            yield stretch.part(from_s, to_s, times if inside else 1.0)
        begins_s += stretch.span_s


def per_s_at(curve: Iterable[Stretch], at_s: float) -> float:
    """The rate *at_s* after *curve* begins; 0 once it is over."""
    begins_s = 0.0
    for stretch in curve:
        if at_s < begins_s + stretch.span_s:
            return stretch.per_s(at_s - begins_s)
        begins_s += stretch.span_s
    return 0.0


def most_per_s(curve: Iterable[Stretch]) -> float:
    """The highest rate of *curve*."""
    return max(stretch.most_per_s for stretch in curve)


def when_due(curve: Iterable[Stretch], numbers: Iterable[float]) -> Iterator[float]:
    """When each of *numbers*, which rise, have been due, in seconds after *curve* begins; ends with the first that never are.

    Arrivals of one a second become those of the curve when each is put where the curve's sum reaches it (Cinlar, "Introduction to
    stochastic processes", 1975, section 4.7: time change of a Poisson process).
    """
    begins_s, before = 0.0, 0.0
    rest = iter(numbers)
    number = next(rest, None)
    for stretch in curve:
        within = stretch.due_within(stretch.span_s)
        # What rounding has put behind the end of all is still due at it.
        while number is not None and within and number - before <= within + _ROUNDED:
            yield begins_s + min(stretch.span_s, stretch.reaches(number - before))
            number = next(rest, None)
        begins_s, before = begins_s + stretch.span_s, before + within
