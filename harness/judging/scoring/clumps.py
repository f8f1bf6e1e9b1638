"""What one clump of failures is: how long those of a service last that nobody touches, and how long its next ones may.

A clump is trouble that has one cause: rows that are hit within a short time of one another. Whoever asks how failures come together asks
here which of them belong together: the recovery for their lengths, `design_effect` for their sizes, and through it the shares, the
quantiles, the attempts and the baseline's steadiness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.distributions import Bools, Floats, median

JOIN_S = 0.25
JOIN_GAPS = 2.5
LONGEST_S = 1.0  # of a service that nobody touches; what lasts longer may be what is asked about
PRIOR_CLUMPS = 4.0
PRIOR_S = 2.0  # with the clumps above: before any was seen, one is taken to last 2 / (4 - 1) = 0.67 s on average
CHANCE = 0.015  # that a service which nobody touches is said to relapse while it is watched

NO_LENGTHS: Floats = np.empty(0)


@dataclass(frozen=True, slots=True)
class Clumps:
    """*lengths_s* of the clumps of failures that were seen in *watched_s* seconds."""

    lengths_s: Floats
    watched_s: float

    @property
    def longest_s(self) -> float:
        return float(self.lengths_s.max(initial=0.0))

    @property
    def short(self) -> Clumps:
        """Those of up to `LONGEST_S`, which say how long the next one may be."""
        return replace(self, lengths_s=self.lengths_s[self.lengths_s <= LONGEST_S])

    def exceeded_by_chance_s(self, ahead_s: float, besides_s: Floats = NO_LENGTHS) -> float:
        """What the longest clump of the next *ahead_s* seconds exceeds with `CHANCE`.

        *besides_s* are lengths of other clumps of the service, in seconds. Lengths are taken to be exponential with a mean that is not
        known: with an inverse gamma prior the next length has a Lomax distribution (Harris 1968, "The Pareto distribution as a queue
        service discipline"; any text on conjugate priors). Their number is that of those seen here and half a one more, over the time
        ahead.
        """
        expected = (self.lengths_s.size + 0.5) * ahead_s / self.watched_s if self.watched_s > 0 else 1.0
        known_s = np.r_[self.lengths_s, besides_s]
        each = min(1.0, CHANCE / expected) if expected > 0 else 1.0
        return float((PRIOR_S + known_s.sum()) * (each ** (-1 / (PRIOR_CLUMPS + known_s.size)) - 1))


NONE_SEEN = Clumps(NO_LENGTHS, 0.0)


def firsts(due_s: Floats, join_s: float) -> npt.NDArray[np.int64]:
    """The first of each clump of rows, all of them hit and one at least, none due more than *join_s* after the one before it."""
    return np.concatenate([[0], np.flatnonzero(np.diff(due_s) > join_s) + 1])


def clumps(due_s: Floats, good: Bools) -> Clumps:
    """The failures of these rows, of which those less than `JOIN_S` or `JOIN_GAPS` spacings apart are one clump."""
    if due_s.size < 2:
        return NONE_SEEN
    gap_s = median(np.diff(due_s))
    watched_s = float(due_s[-1] - due_s[0]) + gap_s
    bad_s = due_s[~good]
    if not bad_s.size:
        return Clumps(NO_LENGTHS, watched_s)
    first = firsts(bad_s, max(JOIN_S, JOIN_GAPS * gap_s))
    last = np.append(first[1:], bad_s.size) - 1
    return Clumps(bad_s[last] - bad_s[first] + gap_s, watched_s)
