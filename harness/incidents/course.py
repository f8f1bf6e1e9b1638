"""An incident's course in a scenario: how long each phase lasts there, and when each request is due, shortened where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import TYPE_CHECKING

from harness.incidents.calls import Calls
from harness.incidents.phases import Phase

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

WARMUP_S = 3.0
BASELINE_S = 12.0
RECOVERY_S = 35.0
PHASE_S = 3.0
"""So long each lasts at least: a baseline has to show what is usual, a recovery that it is held, and a fault that it took hold."""
FEWEST = 4
"""So many requests a baseline and a recovery have at least where some of them is made up: of none nothing is known."""
_PER_S = 1000
_SHORTENED = 0.999
"""A phase that is this much as long as it was, or more, is not shortened, but rounded."""
_KNUTH = 2_654_435_761
"""A multiplicative hash (Knuth, "The art of computer programming", 6.4) puts places evenly and in no order."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase as the scenario has it: of *logged*, *span_s* long, *made_up_s* of it not logged; *left_out_s* at its end are not in it."""

    logged: Phase
    span_s: float
    made_up_s: float = 0.0
    left_out_s: float = 0.0

    @property
    def times(self) -> float:
        """So many times as long as it was. A phase that is made longer keeps its gaps, and a blip is spread."""
        logged_s = self.logged.span_s
        times = (self.span_s + self.left_out_s - self.made_up_s) / logged_s if logged_s > 0 else 1.0
        return times if times < _SHORTENED or logged_s < PHASE_S else 1.0

    def moved(self, at_s: Floats, start_s: float) -> Floats:
        """When what was logged at *at_s*, in this phase, is due in a scenario in which the phase begins at *start_s*."""
        before_s = self.made_up_s if self.logged.name == "baseline" else 0.0
        return start_s + before_s + (at_s - self.logged.start_s) * self.times


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """All of it: the *stretches*, and for each request when it is *due_s* and which *row* it is; -1: it is made up."""

    stretches: tuple[Stretch, ...]
    due_s: Floats
    row: Ints

    @property
    def length_s(self) -> float:
        return sum(stretch.span_s for stretch in self.stretches)

    def placed(self) -> Iterator[tuple[Stretch, float]]:
        """Each of the *stretches* with when it begins."""
        start_s = 0.0
        for stretch in self.stretches:
            yield stretch, start_s
            start_s += stretch.span_s


def course(phases: Sequence[Phase], requests: Calls, compress: float) -> Course:
    """*phases* with their *requests*; each is *compress* times as short, at the same rate, but not below what it needs."""
    import numpy as np

    stretches = tuple(_stretches(phases, compress))
    rate = usual_rate(phases, requests)
    due, rows, start_s = [], [], 0.0
    for stretch in stretches:
        taken, at = _placed(stretch, requests, start_s)
        many = max(round(stretch.made_up_s * rate), FEWEST - taken.size) if stretch.made_up_s else 0
        made = np.arange(many) * (stretch.made_up_s / max(1, many))
        first = start_s if stretch.logged.name == "baseline" else start_s + stretch.span_s - stretch.made_up_s
        due += [first + made, at]
        rows += [np.full(made.size, -1), taken]
        start_s += stretch.span_s
    due_s, row = np.concatenate(due), np.concatenate(rows)
    order = np.argsort(due_s, kind="stable")
    return Course(_no_longer_than(stretches, due_s[order]), due_s[order], row[order])


def _no_longer_than(stretches: tuple[Stretch, ...], due_s: Floats) -> tuple[Stretch, ...]:
    """*stretches* whose last one ends no later than a trace of *due_s* does, which may be silent at its end as long as within it."""
    import numpy as np

    if not due_s.size:
        return stretches
    *others, last = stretches
    ends_s = float(due_s[-1]) + float(np.diff(due_s).max(initial=0.0))
    most_s = floor(_PER_S * (ends_s - sum(one.span_s for one in others)) - 1e-6) / _PER_S
    span_s = max(1.0, min(last.span_s, most_s))
    return (*others, replace(last, span_s=span_s, left_out_s=last.span_s - span_s))


def _stretches(phases: Sequence[Phase], compress: float) -> Iterator[Stretch]:
    needed = {"baseline": WARMUP_S + BASELINE_S, "recovery": RECOVERY_S}
    first, last = phases[0], phases[-1]
    if first.name != "baseline":
        yield Stretch(Phase("baseline", first.start_s, first.start_s), needed["baseline"], needed["baseline"])
    for phase in phases:
        least = needed.get(phase.name, PHASE_S)
        whole_s = max(phase.span_s / compress, min(least, phase.span_s))
        missing_s = max(0.0, least - whole_s) if phase.name in needed else 0.0
        span_s = _in_ms(max(whole_s + missing_s, least))
        yield Stretch(phase, span_s, missing_s)
    if last.name != "recovery":
        yield Stretch(Phase("recovery", last.end_s, last.end_s), RECOVERY_S, RECOVERY_S)


def _in_ms(span_s: float) -> float:
    return ceil(round(span_s * _PER_S, 6)) / _PER_S


def usual_rate(phases: Sequence[Phase], requests: Calls) -> float:
    """Requests a second while all was well, else over all of it."""
    quiet = [phase for phase in phases if phase.quiet and phase.span_s > 0] or list(phases)
    span_s = sum(phase.span_s for phase in quiet)
    return (
        sum(requests.between(phase.start_s, phase.end_s).size for phase in quiet) / max(1.0, span_s)
        if span_s > 0
        else 1.0
    )


def _placed(stretch: Stretch, requests: Calls, start_s: float) -> tuple[Ints, Floats]:
    """Which requests of a phase are sent, and when: at the rate that they had, so fewer where it is shorter."""
    import numpy as np

    phase = stretch.logged
    first, last = np.searchsorted(requests.at_s, (phase.start_s, phase.end_s))
    rows = np.arange(first, last)
    if not rows.size or phase.span_s <= 0:
        return rows, np.zeros(rows.size)
    if stretch.times < _SHORTENED:
        rows = rows[(rows * _KNUTH) % (1 << 32) < stretch.times * (1 << 32)]
    return rows, stretch.moved(requests.at_s[rows], start_s)
