"""Which instants lie in any of several spans of time, in time that grows with the instants and the spans, and not with their product."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.judging.scoring.distributions import Bools, Floats

_AT_ONCE = 1 << 20
"""Instants whose places are looked for at once: a place takes many more bytes than what is told of it."""


def within(at_s: Floats, spans: Iterable[tuple[float, float]]) -> Bools:
    """Which of these instants lie in one of *spans*, which may overlap; what begins as one ends is not in that one."""
    found: Bools = np.zeros(at_s.size, np.bool_)
    ordered = sorted(spans)
    if not ordered:
        return found
    start_s = np.array([span[0] for span in ordered])
    # Until when the longest of those that have begun lasts.
    end_s = np.maximum.accumulate([span[1] for span in ordered])
    if (at_s[1:] >= at_s[:-1]).all():
        edges = at_s.searchsorted(start_s).tolist(), at_s.searchsorted(end_s).tolist()
        for first, end in zip(*edges, strict=True):
            found[first:end] = True
        return found
    until_s = np.append(-np.inf, end_s)
    for first in range(0, at_s.size, _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        found[rows] = at_s[rows] < until_s[start_s.searchsorted(at_s[rows], "right")]
    return found
