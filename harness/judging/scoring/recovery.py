"""How long a service took to be well again, from the outcomes of its requests by when they were due.

The recovery is the first entry into the band that is held. What a service shows of itself when nobody touches it is no trouble of the
fault's: how long its own clumps of failures last decides what breaks a hold and what is a relapse. Since a baseline is short, the two
answers to "was it the service's own?" are both worked out, and where they differ the interval holds both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, nan
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.climbs import climb
from harness.judging.scoring.clumps import LONGEST_S, NONE_SEEN, Clumps, clumps
from harness.judging.scoring.design_effect import rows_a_clump
from harness.judging.scoring.distributions import Bools, Floats
from harness.judging.scoring.settling import Level, Moment, change, crossing, in_order, levels, standing, surely_below

State = Literal["recovered", "not_recovered", "unclear"]
Weight = Literal["blip", "possible", "certain"]

TOLD_S = 2.0
"""A stretch outside the band that is longer is no blip, unless the baseline had one as long."""
TOGETHER = 1.5  # times what one stretch may last: what all of them may within the hold
LEAST_BAD = 3  # failures that a stretch has to have
JOIN_S, JOIN_LENGTHS = 1.0, 2.0  # stretches less far apart than either are one trouble
SUBSTANTIAL = 0.75  # of TOLD_S: a clump as long is outside the band whatever the rows around it say
CLIMBS = 0.0  # log units by which a climb has to explain the rows better than a step before its interval counts
CLIMBS_SURELY = 4.0  # and before its value does
FEW_PER_S = 10.0
LATER_S = (
    6.0  # what the interval is wider by, since a climb looks like a step, where fewer than `FEW_PER_S` requests come
)


@dataclass(frozen=True, slots=True)
class Relapse:
    """The band was left *at_s* seconds after the clock had started, for *length_s*.

    *weight*: a ``blip`` is no longer than what is told and no more; ``certain`` is what the service's own noise hardly ever does;
    ``possible`` lies between the two.
    """

    at_s: float
    length_s: float
    weight: Weight


@dataclass(frozen=True, slots=True)
class Recovery:
    """*interval*: seconds until the first time inside the band that was held; 0 when it was never left.

    *state*: ``recovered`` when it was held; ``not_recovered`` when it was not: *interval* is then censored, and its value is how long was
    observed; ``unclear`` when the evidence allows both, and *interval* holds both. *relapses*: when the band was left after that, blips
    among them. *area_s*: the lost good requests, in seconds of full outage; NaN when nothing was due.
    """

    interval: Interval
    relapses: tuple[Relapse, ...]
    area_s: float
    state: State

    def or_as(self, stricter: Recovery) -> Recovery:
        """All that this and a *stricter* reading of the same rows allow, where nobody knows which of both bands is the right one."""
        if self.interval.value is None or stricter.interval.value is None:
            return self
        low, high = min(self.interval.low, stricter.interval.low), max(self.interval.high, stricter.interval.high)
        # What only the stricter reading takes for a relapse is none for certain.
        possible = tuple(replace(one, weight="possible") for one in stricter.relapses if one.weight == "certain")
        return Recovery(
            replace(self.interval, low=low, high=high),
            self.relapses or possible,
            self.area_s,
            self.state if self.state == stricter.state else "unclear",
        )

    @property
    def settled(self) -> float:
        """Seconds until the band was entered to be held; infinite when it was not."""
        return self.interval.value if self.state == "recovered" and self.interval.value is not None else inf


def recovery_time(
    due_s: npt.ArrayLike,
    good: npt.ArrayLike,
    *,
    fault_start_s: float,
    fault_end_s: float,
    observed_until_s: float,
    band: float,
    hold_s: float,
    own: Clumps = NONE_SEEN,
    end_uncertainty_s: float = 0.0,
) -> Recovery:
    """Seconds from the end of the fault until the good ratio was first back in *band* and stayed there for *hold_s*.

    *fault_end_s* is when the fault's end was acknowledged; it may have ended up to *end_uncertainty_s* before.
    Rows of the fault itself say what the bad level was, so they are needed too. *own*: the clumps of failures of the baseline.
    """
    window = _Window(due_s, good, fault_start_s, fault_end_s, observed_until_s, band, hold_s, own)
    return window.recovery(end_uncertainty_s)


def failover_time(
    due_s: npt.ArrayLike,
    good: npt.ArrayLike,
    *,
    fault_start_s: float,
    fault_end_s: float,
    band: float,
    hold_s: float,
    own: Clumps = NONE_SEEN,
) -> Recovery:
    """Seconds from the start of the fault until the good ratio was first back in *band* to stay, while the fault went on."""
    due, outcome = in_order(due_s, good)
    during = due < fault_end_s  # what is due as the fault ends already has the fault's end to thank
    window = _Window(due[during], outcome[during], fault_start_s, fault_start_s, fault_end_s, band, hold_s, own)
    return window.recovery(0.0)


def own_clumps(due_s: npt.ArrayLike, good: npt.ArrayLike) -> Clumps:
    """The clumps of failures of a baseline with these rows."""
    return clumps(*in_order(due_s, good))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Levels *first* to *last*, all outside the band: from the row before it to the row after it."""

    first: int
    last: int
    start_s: float
    end_s: float
    from_before: bool
    """Whether it had begun when the clock started."""

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class _Entry:
    """The band was entered at *moment*, and *row* is the first one after that; *later*: what came after it was held."""

    moment: Moment
    row: int
    later: tuple[_Stretch, ...]


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
        own: Clumps,
    ) -> None:
        due, outcome = in_order(due_s, good)
        inside = (due >= start_s) & (due <= until_s)
        self.due: Floats = due[inside]
        self.good: Bools = outcome[inside]
        self.start_s, self.zero_s, self.until_s = float(start_s), float(zero_s), float(until_s)
        self.band, self.hold_s, self.own = band, hold_s, own
        self.zero = int(np.searchsorted(self.due, zero_s))  # the first row that is judged
        self.levels = levels(self.due, self.good)
        self._moments: dict[tuple[int, int], Moment] = {}
        self.per_s = self.due.size / (until_s - start_s) if until_s > start_s else 0.0
        # What the service may do of itself: as far as is told, and as far as its baseline makes likely.
        self.told_s = max(TOLD_S, own.longest_s)
        self.noise_s = max(self.told_s, own.exceeded_by_chance_s(until_s - zero_s, self._short_since()))

    def recovery(self, end_uncertainty_s: float) -> Recovery:
        if self.zero == self.due.size:
            return Recovery(UNMEASURED, (), nan, "unclear")
        standings = [standing(level.good, level.n, self.band) for level in self.levels]
        is_in = [standing == "in" for standing in standings]
        at_best = self._entry([standing != "out" for standing in standings], self.noise_s)
        likely, strictly = self._entry(is_in, self.noise_s), self._entry(is_in, self.told_s)
        interval, state = self._interval(at_best, likely, strictly, end_uncertainty_s)
        return Recovery(interval, self._relapses(likely), self._area(), state)

    def _interval(
        self, at_best: _Entry | None, likely: _Entry | None, strictly: _Entry | None, end_uncertainty_s: float
    ) -> tuple[Interval, State]:
        """All that the evidence allows: from the best that it may mean on."""
        n, observed_s = self.due.size - self.zero, self.until_s - self.zero_s
        if at_best is None:
            return Interval(observed_s, observed_s, inf, n, censored=True), "not_recovered"
        low = min(self._since_zero(entry.moment.low_s) for entry in (at_best, likely, strictly) if entry)
        if likely is None:
            return Interval(observed_s, low, inf, n, censored=True), "unclear"
        value = max(low, self._since_zero(likely.moment.value_s))
        last = strictly or likely
        held = strictly is not None and self.until_s - last.moment.value_s >= self.hold_s
        if not held or not self._stays(last):
            return Interval(value, low, inf, n, censored=not held), "unclear"
        high = max(self._since_zero(entry.moment.high_s) for entry in (likely, last))
        high = max(high, self._first_good()) + end_uncertainty_s
        return Interval(min(value, high), low, high, n), "recovered"

    # The entry

    def _entry(self, is_in: list[bool], bearable_s: float) -> _Entry | None:
        """The first entry that was held, if *is_in* says which levels are in the band; None when there was none.

        Held means: left for no more than *bearable_s* at once, nor for more than `TOGETHER` times that in all, within the hold.
        """
        later = self._stretches(is_in)
        before = later.pop(0) if later and later[0].from_before else None
        if before is not None and bearable_s > self.told_s and not self._outside(before, self.levels[before.last].end):
            before = None  # as far as anybody can tell, the service does so of itself
        while (broken := self._broken(before, later, bearable_s)) is not None:
            before, later = later[broken], later[broken + 1 :]
        if before is None:
            return _Entry(self._at_zero(is_in), self.zero, tuple(later))
        if before.last == len(self.levels) - 1:
            return None
        return _Entry(self._moment(before), self.levels[before.last].end, tuple(later))

    def _at_zero(self, is_in: list[bool]) -> Moment:
        """The start of the clock, when the band was not left then; it was entered later, if so shortly before that it may have been."""
        out = [i for i, level in enumerate(self.levels) if level.end <= self.zero and not is_in[i]]
        over = self._stretch(out[-1], out[-1]) if out else None
        until_s = self._moment(over).high_s if over and over.last + 1 < len(self.levels) else self.zero_s
        return Moment(self.zero_s, self.zero_s, max(self.zero_s, until_s))

    def _broken(self, before: _Stretch | None, later: list[_Stretch], bearable_s: float) -> int | None:
        """Which of *later* breaks the hold that begins after *before*."""
        entered_s, row = (self.zero_s, self.zero) if before is None else (before.end_s, self.levels[before.last].end)
        together_s = 0.0
        for i, stretch in enumerate(later):
            if stretch.start_s >= entered_s + self.hold_s:
                return None
            together_s += stretch.length_s
            too_long = stretch.length_s > bearable_s or together_s > TOGETHER * bearable_s
            if too_long and self._outside(stretch, row):
                return i
        return None

    def _moment(self, stretch: _Stretch) -> Moment:
        """When *stretch* gave way to the level after it; looked for once, whichever entry ends with it."""
        which = stretch.first, stretch.last
        if which not in self._moments:
            self._moments[which] = self._looked_for(stretch)
        return self._moments[which]

    def _looked_for(self, stretch: _Stretch) -> Moment:
        ends = [i for i in range(stretch.first, stretch.last) if self._standing(self.levels[i]) == "in"]
        out = self.levels[(ends[-1] + 1 if ends else stretch.first) : stretch.last + 1]  # since it was last well
        after = self.levels[stretch.last + 1]
        risen = [level for level in out if level.end > self.zero]
        rows = slice((risen or out[-1:])[0].start, self._well_until(stretch.last + 1))
        due, good = self.due[rows], self.good[rows]
        climbed = climb(due, good, self.band)
        if len(risen) > 1 and all(a.ratio < b.ratio for a, b in pairwise(risen)):
            found = crossing(due, good, self.band)
        elif climbed.gain <= CLIMBS:
            found = self._stepped(out[-1], after)
        else:
            found = _either(self._stepped(out[-1], after), crossing(due, good, self.band), climbed.gain > CLIMBS_SURELY)
        if self.per_s >= FEW_PER_S:
            return found
        return replace(found, high_s=max(found.high_s, min(climbed.reached_by_s, self.until_s)) + LATER_S)

    def _stepped(self, out: Level, after: Level) -> Moment:
        rows = slice(out.start, after.end)
        start_s = self.start_s if out.start == 0 else float(self.due[out.start])
        return change(self.due[rows], self.good[rows], start_s, self._starts(after.end))

    def _well_until(self, level: int) -> int:
        """The row behind the last level that is not outside the band, from *level* on."""
        while level + 1 < len(self.levels) and self._standing(self.levels[level + 1]) != "out":
            level += 1
        return self.levels[level].end

    # Stretches outside the band

    def _stretches(self, is_in: list[bool]) -> list[_Stretch]:
        """Each trouble, in order; those that were over when the clock started are none."""
        edges = np.flatnonzero(np.diff(np.r_[False, np.logical_not(is_in), False]))
        troubles: list[_Stretch] = []
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            stretch = self._stretch(first, end - 1)
            if stretch is None:
                continue
            if troubles and _one_trouble(troubles[-1], stretch, self.hold_s):
                troubles[-1] = replace(troubles[-1], last=stretch.last, end_s=stretch.end_s)
            else:
                troubles.append(stretch)
        last = len(self.levels) - 1
        return [trouble for trouble in troubles if self.levels[trouble.last].end > self.zero or trouble.last == last]

    def _stretch(self, first: int, last: int) -> _Stretch | None:
        """None where it has too few failures to be one."""
        start, end = self.levels[first].start, self.levels[last].end
        from_before = start <= self.zero
        if not from_before and sum(level.bad for level in self.levels[first : last + 1]) < LEAST_BAD:
            return None
        start_s = self.start_s if start == 0 else float(self.due[start - 1])
        return _Stretch(first, last, start_s, self._starts(end), from_before)

    def _rows(self, stretch: _Stretch) -> slice:
        return slice(self.levels[stretch.first].start, self.levels[stretch.last].end)

    def _starts(self, row: int) -> float:
        return self.until_s if row >= self.due.size else float(self.due[row])

    def _outside(self, stretch: _Stretch, row: int) -> bool:
        """Whether *stretch* is outside the band even when its failures come in clumps as they do elsewhere, from *row* on."""
        rows = self._rows(stretch)
        if clumps(self.due[rows], self.good[rows]).longest_s >= SUBSTANTIAL * TOLD_S:
            return True
        # The trouble itself is among them, and must not explain itself away by its length.
        worth = self._worth(row, LONGEST_S)
        good = self.good[rows]
        return surely_below(float(good.sum()), good.size, self.band, worth)

    def _relapses(self, entry: _Entry | None) -> tuple[Relapse, ...]:
        if entry is None:
            return ()
        return tuple(self._relapse(stretch, entry.row) for stretch in entry.later)

    def _relapse(self, stretch: _Stretch, row: int) -> Relapse:
        """Told from its first bad row on."""
        began_s = float(self.due[self._rows(stretch).start])
        return Relapse(began_s - self.zero_s, stretch.end_s - began_s, self._weight(stretch, row))

    def _weight(self, stretch: _Stretch, row: int) -> Weight:
        cut_off = stretch.last == len(self.levels) - 1
        if stretch.length_s < (self.told_s / 2 if cut_off else self.told_s) or not self._outside(stretch, row):
            return "blip"
        return "certain" if stretch.length_s > self.noise_s else "possible"

    # Numbers

    def _short_since(self) -> Floats:
        """The short clumps since the window was first well: long ones may be what is asked about."""
        well = next(
            (level.start for level in self.levels if level.end > self.zero and self._standing(level) == "in"), None
        )
        if well is None:
            return np.empty(0)
        row = max(well, self.zero)
        return clumps(self.due[row:], self.good[row:]).short.lengths_s

    def _standing(self, level: Level) -> str:
        return standing(level.good, level.n, self.band)

    def _stays(self, entry: _Entry) -> bool:
        """Whether what follows *entry*, but for relapses that are told as such, may be inside the band as a whole."""
        rest = np.arange(self.due.size) >= entry.row
        for stretch in entry.later:
            if self._weight(stretch, entry.row) != "blip":
                rest[self._rows(stretch)] = False
        worth = self._worth(entry.row, inf)
        return not surely_below(float(self.good[rest].sum()), float(rest.sum()), self.band, worth)

    def _worth(self, row: int, most_s: float) -> float:
        """How many rows are worth one that fails by itself: as the clumps of the baseline and of what follows *row* have it."""
        lengths_s = np.r_[self.own.lengths_s, clumps(self.due[row:], self.good[row:]).lengths_s]
        return rows_a_clump(np.minimum(lengths_s, most_s), self.per_s)

    def _since_zero(self, at_s: float) -> float:
        return max(0.0, at_s - self.zero_s)

    def _first_good(self) -> float:
        """How late the first good outcome came: the service may have been away until then, if only just."""
        good = self.due[self.zero :][self.good[self.zero :]]
        return float(good[0]) - self.zero_s if good.size else inf

    def _area(self) -> float:
        return (1.0 - float(self.good[self.zero :].mean())) * (self.until_s - self.zero_s)


def _either(stepped: Moment, risen: Moment, climbed: bool) -> Moment:
    """An interval that holds both, around the one that is likelier."""
    low_s, high_s = min(stepped.low_s, risen.low_s), max(stepped.high_s, risen.high_s)
    return Moment(min(max((risen if climbed else stepped).value_s, low_s), high_s), low_s, high_s)


def _one_trouble(earlier: _Stretch, later: _Stretch, hold_s: float) -> bool:
    """Whether *later* follows so soon that it is a flap of *earlier*, and not the graver of the two; not where the hold lies between."""
    soon = later.start_s - earlier.end_s < min(hold_s, max(JOIN_S, JOIN_LENGTHS * later.length_s))
    return soon and (earlier.from_before or 2 * earlier.length_s >= later.length_s)
