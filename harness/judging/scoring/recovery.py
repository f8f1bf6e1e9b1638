"""How long a service took to be well again, from the outcomes of its requests by when they were due."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, nan
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.distributions import Floats
from harness.judging.scoring.settling import Bools, Level, Moment, change, crossing, levels, standing

State = Literal["recovered", "not_recovered", "unclear"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """*interval*: seconds until the last time outside the band; 0 when it never was.

    *state*: ``recovered`` when the band was held to the end; ``not_recovered`` when it was not: *interval* is
    then censored, and its value is how long was observed; ``unclear`` when the evidence allows both, and
    *interval* holds both. *relapses*: how often the band was left again. *area_s*: the lost good requests, in
    seconds of full outage; NaN when nothing was due.
    """

    interval: Interval
    relapses: int
    area_s: float
    state: State


def recovery_time(
    due_s: npt.ArrayLike,
    good: npt.ArrayLike,
    *,
    fault_start_s: float,
    fault_end_s: float,
    observed_until_s: float,
    band: float,
    hold_s: float,
    end_uncertainty_s: float = 0.0,
    baseline_ratio: float = 1.0,
) -> Recovery:
    """Seconds from the end of the fault until the good ratio was back in *band* to stay.

    *fault_end_s* is when the fault's end was acknowledged; it may have ended up to *end_uncertainty_s* before.
    Rows of the fault itself say what the bad level was, so they are needed too. What *baseline_ratio* would
    have failed anyhow is no lost request.
    """
    window = _Window(due_s, good, fault_start_s, fault_end_s, observed_until_s, band, hold_s)
    return window.recovery(end_uncertainty_s, baseline_ratio)


def failover_time(
    due_s: npt.ArrayLike,
    good: npt.ArrayLike,
    *,
    fault_start_s: float,
    fault_end_s: float,
    band: float,
    hold_s: float,
    baseline_ratio: float = 1.0,
) -> Recovery:
    """Seconds from the start of the fault until the good ratio was back in *band* to stay, while the fault went on."""
    due, outcome = _sorted(due_s, good)
    during = due < fault_end_s  # what is due as the fault ends already has the fault's end to thank
    window = _Window(due[during], outcome[during], fault_start_s, fault_start_s, fault_end_s, band, hold_s)
    return window.recovery(0.0, baseline_ratio)


@dataclass(frozen=True, slots=True)
class _Settled:
    """The band was entered for the last time at *moment*, and *row* is the first one after that."""

    moment: Moment
    row: int


class _Window:
    """The rows due from *start_s* to *until_s*, of which those from *zero_s* on are judged."""

    def __init__(
        self,
        due_s: npt.ArrayLike,
        good: npt.ArrayLike,
        start_s: float,
        zero_s: float,
        until_s: float,
        band: float,
        hold_s: float,
    ) -> None:
        due, outcome = _sorted(due_s, good)
        inside = (due >= start_s) & (due <= until_s)
        self.due: Floats = due[inside]
        self.good: Bools = outcome[inside]
        self.start_s, self.zero_s, self.until_s = float(start_s), float(zero_s), float(until_s)
        self.band, self.hold_s = band, hold_s
        self.zero = int(np.searchsorted(self.due, zero_s))  # the first row that is judged
        self.levels = levels(self.due, self.good)
        per_s = self.due.size / (until_s - start_s) if until_s > start_s else 0.0
        # The band is a ratio over the hold. What it tolerates there is no relapse when it comes at once.
        self.tolerated = (1 - band) * hold_s * per_s

    def recovery(self, end_uncertainty_s: float, baseline_ratio: float) -> Recovery:
        if self.zero == self.due.size:
            return Recovery(UNMEASURED, 0, nan, "unclear")
        standings = [standing(level.good, level.n, self.band) for level in self.levels]
        is_in = [standing == "in" for standing in standings]
        interval, state = self._interval(
            self._settled([standing != "out" for standing in standings]), self._settled(is_in), end_uncertainty_s
        )
        return Recovery(interval, self._relapses(is_in), self._area(baseline_ratio), state)

    def _interval(
        self, at_best: _Settled | None, likely: _Settled | None, end_uncertainty_s: float
    ) -> tuple[Interval, State]:
        """All that the evidence allows: from the best that it may mean on."""
        n, observed_s = self.due.size - self.zero, self.until_s - self.zero_s
        if at_best is None or self._standing_from(at_best.row) == "out":
            return Interval(observed_s, observed_s, inf, n, censored=True), "not_recovered"
        low = min(self._since_zero(settled.moment.low_s) for settled in (at_best, likely) if settled)
        if likely is None:
            return Interval(observed_s, low, inf, n, censored=True), "unclear"
        value = max(low, self._since_zero(likely.moment.value_s))
        held = self.until_s - likely.moment.value_s >= self.hold_s
        if not held or self._standing_from(likely.row) != "in":
            return Interval(value, low, inf, n, censored=not held), "unclear"
        high = max(self._since_zero(likely.moment.high_s), self._first_good()) + end_uncertainty_s
        return Interval(min(value, high), low, high, n), "recovered"

    def _settled(self, is_in: list[bool]) -> _Settled | None:
        """When the band was entered for the last time, if *is_in* says which levels are in it; None if it never was."""
        run = max(self._runs(is_in), default=None)
        if run is None:
            return _Settled(Moment(self.start_s, self.start_s, self.start_s), 0)
        first, last = run
        if last == len(self.levels) - 1:
            return None
        return _Settled(self._moment(self.levels[first : last + 1], self.levels[last + 1]), self.levels[last].end)

    def _moment(self, out: list[Level], after: Level) -> Moment:
        """When the last of *out* gave way to *after*."""
        climb = [level for level in out if level.end > self.zero]
        if len(climb) > 1 and all(a.ratio < b.ratio for a, b in pairwise(climb)):
            rows = slice(climb[0].start, None)
            return crossing(self.due[rows], self.good[rows], self.band)
        rows = slice(out[-1].start, after.end)
        start_s = self.start_s if out[-1].start == 0 else float(self.due[out[-1].start])
        end_s = self.until_s if after.end == self.due.size else float(self.due[after.end])
        return change(self.due[rows], self.good[rows], start_s, end_s)

    def _runs(self, is_in: list[bool]) -> list[tuple[int, int]]:
        """First and last level of each stretch outside the band that counts."""
        edges = np.flatnonzero(np.diff(np.r_[False, np.logical_not(is_in), False]))
        runs = [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]
        return [run for run in runs if self._counts(*run)]

    def _counts(self, first: int, last: int) -> bool:
        out = self.levels[first : last + 1]
        return out[0].start <= self.zero or sum(level.bad for level in out) > self.tolerated

    def _relapses(self, is_in: list[bool]) -> int:
        entered = next((i for i, level in enumerate(self.levels) if is_in[i] and level.end > self.zero), None)
        return 0 if entered is None else sum(first > entered for first, _ in self._runs(is_in))

    def _standing_from(self, row: int) -> str:
        rest = self.good[row:]
        return standing(int(rest.sum()), rest.size, self.band)

    def _since_zero(self, at_s: float) -> float:
        return max(0.0, at_s - self.zero_s)

    def _first_good(self) -> float:
        """How late the first good outcome came: the service may have been away until then, if only just."""
        good = self.due[self.zero :][self.good[self.zero :]]
        return float(good[0]) - self.zero_s if good.size else inf

    def _area(self, baseline_ratio: float) -> float:
        lost = baseline_ratio - float(self.good[self.zero :].mean())
        return max(0.0, lost * (self.until_s - self.zero_s))


def _sorted(due_s: npt.ArrayLike, good: npt.ArrayLike) -> tuple[Floats, Bools]:
    due, outcome = np.asarray(due_s, dtype=np.float64), np.asarray(good, dtype=np.bool_)
    if due.shape != outcome.shape or due.ndim != 1:
        raise ValueError(f"{due.shape} due times with {outcome.shape} outcomes; each row needs both")
    if not np.isfinite(due).all():
        raise ValueError("a due time that is not a number; every request has one")
    # By outcome too where due times are equal, so that the order in which rows come changes nothing.
    order = np.lexsort((outcome, due))
    return due[order], outcome[order]
