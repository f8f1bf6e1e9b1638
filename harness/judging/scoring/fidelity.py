"""How close one curve of an incident is to another: rate, share of failures and latency, bin by bin, and when each of them changes.

Both are curves by second. A bin is apart where chance does not explain the difference, and the difference is more than nobody minds; of a
bin in which too little came nothing is said. Shares are held against one another by Newcombe's interval for the difference of two (R. G.
Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10), rates and
latencies by the logarithm of their ratio. Each of the three has a third of the 5 % that chance alone may put a bin apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.distributions import Bools, Floats, binomial_quantile

Ints = npt.NDArray[np.int64]

WIDTHS_S = (5, 10, 15, 30, 60)
"""A bin is as short as it can be while most of them tell something."""
FEWEST = 20
"""So many have to have come on both sides for a bin to tell something; of answers, whose latency is compared, half as many."""
BINS_FEWEST = 4
"""Of fewer bins that tell something nothing is said of the whole."""
FAILED_MORE = 0.02
"""What nobody minds: two failures in a hundred more or less,"""
TIMES = 1.1
"""and a tenth more or less of a rate or a latency."""
OF_CHANCE = 0.05
Z = 2.3940
"""Of the standard normal: beyond it on either side lies a third of `OF_CHANCE`."""
BESIDE_S = 20.0
"""So far on either side of where an edge is expected it is looked for."""
_EDGE = 3.0
"""So many times log(requests) an edge has to gain twice in log-likelihood, as in `incidents.segments`."""
_OF_MEDIAN = 1.2533
"""The standard error of a median is so many times that of a mean (sqrt(pi / 2), of a normal distribution)."""
_FEW = 1.3
"""The spread that is told by the quantiles of some ten answers is too small by about so much."""
_TO_P95 = 1.645

AGREE, APART, OPEN = 1, -1, 0


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """By second from 0 on: how many *came*, how many of those *failed*, quantiles of the latency of the others in ms (NaN: none).

    *per_s*: how many are to be expected in the other curve; *known*: of which seconds anything is known.
    """

    came: Floats
    failed: Floats
    p50_ms: Floats
    p95_ms: Floats
    per_s: Floats
    known: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One curve in bins: the counts of each, the logarithm of its median and the spread of that, NaN where nothing was answered."""

    came: Floats
    failed: Floats
    answered: Floats
    log_ms: Floats
    spread: Floats
    expected: Floats

    @property
    def failed_ratio(self) -> Floats:
        return self.failed / np.maximum(self.came, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Both curves in bins of *width_s* whose middles are *middle_s*, and of each bin whether both agree in *rate*, *errors*, *latency*."""

    width_s: int
    middle_s: Floats
    logged: Side
    run: Side
    rate: Ints
    errors: Ints
    latency: Ints

    @property
    def whole(self) -> Ints:
        """Of each bin whether both agree in all; of latency nothing need be known, since where all fails nothing is answered."""
        apart = (self.rate == APART) | (self.errors == APART) | (self.latency == APART)
        agree = (self.rate == AGREE) & (self.errors == AGREE)
        return np.where(apart, APART, np.where(agree, AGREE, OPEN))


def width_s(logged: Curve) -> int:
    """How long bins are: as short as it may be while in half of those that were recorded enough came."""
    there = np.minimum(logged.came, logged.per_s)[logged.known]
    typical = float(np.median([there[at : at + 5].mean() for at in range(0, there.size, 5)])) if there.size else 0.0
    return next((width for width in WIDTHS_S if typical * width >= 1.5 * FEWEST), WIDTHS_S[-1])


def held(logged: Curve, run: Curve) -> Bins:
    """Both curves in bins; one of which half or more was recorded and run."""
    width, known = width_s(logged), logged.known & run.known
    bins = ceil(known.size / width)
    place = np.arange(known.size) // width
    length = np.bincount(place, minlength=bins)
    enough = 2 * np.bincount(place[known], minlength=bins) >= length
    of_log, of_run = (_side(curve, known, place, bins, enough) for curve in (logged, run))
    middle: Floats = ((np.arange(bins, dtype=np.float64) + 0.5) * width)[enough]
    return Bins(
        width, middle, of_log, of_run, _rates(of_log, of_run), _errors(of_log, of_run), _latencies(of_log, of_run)
    )


def _side(curve: Curve, known: Bools, place: Ints, bins: int, enough: Bools) -> Side:
    def summed(values: Floats) -> Floats:
        total = np.bincount(place, np.where(known, np.nan_to_num(values), 0.0), minlength=bins)
        return total[enough].astype(np.float64)

    answered = np.where(np.isfinite(curve.p50_ms), curve.came - curve.failed, 0.0)
    tells = np.where(np.isfinite(curve.p95_ms) & (answered >= 3), answered, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = summed(answered * np.log(curve.p50_ms)) / summed(answered)
        spread = _FEW * summed(tells * np.log(curve.p95_ms / curve.p50_ms)) / summed(tells) / _TO_P95
    return Side(summed(curve.came), summed(curve.failed), summed(answered), logs, spread, summed(curve.per_s))


def _rates(logged: Side, run: Side) -> Ints:
    """Of each bin whether as many came as were to be expected."""
    apart = np.abs(np.log((run.came + 0.5) / (logged.expected + 0.5)))
    chance = Z * np.sqrt(1 / (run.came + 0.5) + 1 / (logged.came + 0.5))
    told = (run.came >= FEWEST) & (logged.expected >= FEWEST) & (logged.came >= FEWEST)
    return np.where(apart > log(TIMES) + chance, APART, np.where(told, AGREE, OPEN))


def _errors(logged: Side, run: Side) -> Ints:
    """Of each bin whether as large a share failed."""
    low, high = newcombe(run.failed, run.came, logged.failed, logged.came)
    there = (run.came > 0) & (logged.came > 0)
    told = (run.came >= FEWEST) & (logged.came >= FEWEST)
    apart = there & ((low > FAILED_MORE) | (high < -FAILED_MORE))
    return np.where(apart, APART, np.where(told, AGREE, OPEN))


def newcombe(k: Floats, n: Floats, j: Floats, m: Floats) -> tuple[Floats, Floats]:
    """The ends of the interval of k / n - j / m; where n or m is 0, of nothing."""
    (p, low, high), (q, least, most) = _wilson(k, n), _wilson(j, m)
    return (
        p - q - np.sqrt((p - low) ** 2 + (most - q) ** 2),
        p - q + np.sqrt((high - p) ** 2 + (q - least) ** 2),
    )


def _wilson(k: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """The share, and the ends of Wilson's interval, as in `shares.wilson_ends`."""
    n = np.maximum(n, 1e-9)
    ratio, weight = k / n, Z * Z / n
    centre = (ratio + weight / 2) / (1 + weight)
    reach = Z * np.sqrt(np.maximum(ratio * (1 - ratio), 0) / n + weight / (4 * n)) / (1 + weight)
    return ratio, np.minimum(centre - reach, ratio), np.maximum(centre + reach, ratio)


def _latencies(logged: Side, run: Side) -> Ints:
    """Of each bin whether half of the answers took as long."""
    spread = np.fmax(logged.spread, run.spread)
    known = np.isfinite(spread)  # of seconds with one or two answers nobody knows how much those vary
    spread = np.fmax(spread, 0.05)
    with np.errstate(divide="ignore"):
        chance = Z * _OF_MEDIAN * spread * np.sqrt(1 / logged.answered + 1 / run.answered)
    told = known & (logged.answered >= FEWEST / 2) & (run.answered >= FEWEST / 2)
    apart = told & (np.abs(run.log_ms - logged.log_ms) > log(TIMES) + chance)
    return np.where(apart, APART, np.where(told, AGREE, OPEN))


def agreement(states: Ints, broken: Bools) -> Interval:
    """The share of bins that agree among those that tell something: of those while something is *broken* or of the others, the lower one.

    So a long time in which all is well hides no trouble. At worst the bins of which nothing is known are apart, and at best they agree, as
    do so many of those that are apart as chance alone may have put there, 19 times of 20.
    """
    told = int((states != OPEN).sum())
    if told < BINS_FEWEST:
        return UNMEASURED
    found = [_agreement(part) for part in (states[broken], states[~broken]) if part.size]
    values = [one.value for one in found if one.value is not None]
    return Interval(min(values), min(one.low for one in found), min(one.high for one in found), told)


def _agreement(states: Ints) -> Interval:
    agree, apart = int((states == AGREE).sum()), int((states == APART).sum())
    if not agree + apart:
        return Interval(None, 0.0, 1.0)
    chance = min(apart, binomial_quantile(1 - OF_CHANCE, agree + apart, OF_CHANCE))
    value = agree / (agree + apart)
    return Interval(value, agree / states.size, max(value, 1 - (apart - chance) / states.size), agree + apart)


def edge_s(curve: Curve, between: Bools) -> float | None:
    """With which second, of those *between*, the share of failures or the latency changes; None where chance explains all of it."""
    seconds = np.flatnonzero(between & curve.known)
    if seconds.size < 2:
        return None
    came, failed = curve.came[seconds], curve.failed[seconds]
    if came.sum() <= 1:
        return None
    gain = 2 * _gain_of_shares(came, failed) + _gain_of_levels(curve, seconds)
    best = int(gain.argmax())
    return float(seconds[best + 1]) if gain[best] >= _EDGE * log(came.sum()) else None


def _gain_of_shares(came: Floats, failed: Floats) -> Floats:
    """What the log-likelihood gains where the seconds up to each place, but the last, have a share of their own."""

    def likelihood(k: Floats, n: Floats) -> Floats:
        ratio = np.clip(k / np.maximum(n, 1e-9), 1e-9, 1 - 1e-9)
        return k * np.log(ratio) + (n - k) * np.log(1 - ratio)

    k, n = failed.cumsum(), came.cumsum()
    gain: Floats = likelihood(k[:-1], n[:-1]) + likelihood(k[-1] - k[:-1], n[-1] - n[:-1]) - likelihood(k[-1:], n[-1:])
    return gain


def _gain_of_levels(curve: Curve, seconds: Ints) -> Floats:
    """Likewise of the medians' logarithms, as twice the gain; their variance is told from one second to the next."""
    answered = np.where(np.isfinite(curve.p50_ms), curve.came - curve.failed, 0.0)[seconds]
    logs = np.where(answered > 0, np.log(np.where(answered > 0, curve.p50_ms[seconds], 1.0)), 0.0)
    steps = np.diff(logs[answered > 0]) * np.sqrt(
        1 / (1 / answered[answered > 0][1:] + 1 / answered[answered > 0][:-1])
    )
    if steps.size < BINS_FEWEST:
        return np.zeros(seconds.size - 1)
    variance = max(0.05, 1.4826 * float(np.median(np.abs(steps)))) ** 2
    n, total = answered.cumsum(), (answered * logs).cumsum()
    left, right = (
        total[:-1] ** 2 / np.maximum(n[:-1], 1e-9),
        (total[-1] - total[:-1]) ** 2 / np.maximum(n[-1] - n[:-1], 1e-9),
    )
    gain: Floats = (left + right - total[-1] ** 2 / n[-1]) / variance
    return gain
