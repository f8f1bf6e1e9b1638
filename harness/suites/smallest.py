"""The smallest that still fails: of a set by delta debugging, of a number by halving; each asks about one candidate after the other.

A search is a generator: it yields what is to be tried, is sent whether that fails, and returns the smallest that it found.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from math import ceil, log2

Items = tuple[int, ...]

WITHIN = 0.1
"""A number is known well enough within a tenth of itself."""


def fewest(items: Items) -> Generator[Items, bool, Items]:
    """Of *items*, which fail together, some that do as well and of which none can be left out alone (1-minimal).

    That is `ddmin` of A. Zeller and R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE Transactions on Software
    Engineering 28 (2), 2002; nothing at all is tried first, since then the items have no part in it. What fails only with several left
    out at once need not be found.
    """
    if not items or (yield ()):
        return ()
    parts = 2
    while len(items) >= 2:
        pieces = _pieces(items, parts)
        others = [tuple(one for one in items if one not in piece) for piece in pieces] if parts > 2 else []
        for number, smaller in enumerate([*pieces, *others]):
            if (yield smaller):
                items, parts = smaller, 2 if number < len(pieces) else max(parts - 1, 2)
                break
        else:
            if parts >= len(items):
                break
            parts = min(len(items), 2 * parts)
    return items


def fewest_tries(many: int) -> int:
    """How many candidates `fewest` of so *many* items may ask about: n² + 3n at the worst, as its authors show."""
    return (0, 1, 3)[many] if many <= 2 else many * many + 3 * many


def least(low: float, high: float) -> Generator[float, bool, float]:
    """The least number from *low* to *high*, which fails, that does as well, within a tenth of it, should all that are larger fail.

    *low* is tried first. Where smaller ones fail and larger do not, it is a number that fails, and need not be the least.
    """
    if low >= high or (yield low):
        return min(low, high)
    while high - low > WITHIN * high:
        middle = _round((low + high) / 2)
        if not low < middle < high:
            break
        if (yield middle):
            high = middle
        else:
            low = middle
    return high


def least_tries(low: float, high: float) -> int:
    """How many candidates `least` may ask about; that they are rounded may cost one."""
    return 0 if low >= high else 2 + ceil(max(0.0, log2((high - low) / (WITHIN * max(low, WITHIN)))))


def _pieces(items: Items, parts: int) -> list[Items]:
    edges = [round(part * len(items) / parts) for part in range(parts + 1)]
    return [items[start:end] for start, end in pairwise(edges) if end > start]


def _round(value: float) -> float:
    """Half seconds and half requests a second are fine enough above 5, and tenths below."""
    return round(2 * value) / 2 if value >= 5 else round(value, 1)
