"""Whether anybody met a fault under which nobody listens: who is refused leaves no trace, so that what came without it has to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from harness.faults.effects import TapMode
from harness.judging.evidence import Evidence
from harness.planning.disturbance import Disturbance
from harness.planning.windows import Window
from harness.record.history import Injecting
from harness.record.rows import SLICE_S

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools, Floats

SURE = 3.0
"""Where so many were to be expected, nobody came once in twenty times at most (Poisson)."""
LIKELY = 1.0
"""Where fewer were, it is more likely than not, or nearly so, that nobody did."""
_WORSE = 2.0
"""So many times the share of requests that fail without it, or one of so many parts of what passed without it, shows that it was met."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """That nothing shows who met a fault: *came* of what it keeps from coming in *without_s*, so *expected* under it."""

    links: tuple[str, ...]
    came: int
    without_s: float
    expected: float
    spares_open: bool

    def __str__(self) -> str:
        what, go_on = (
            ("new connection", "; what was open went on, and nothing became worse")
            if self.spares_open
            else ("tenth of a second in which anything was said", "")
        )
        there = f"{self.came or 'no'} {what}{'s' if self.came != 1 and self.spares_open else ''}"
        return (
            f"who is refused leaves no trace, and on {', '.join(self.links)} there had been {there} in {self.without_s:.0f} s without it, "
            f"so that {self.expected:.1f} were to be expected{go_on}"
        )


def unseen(evidence: Evidence, parts: Sequence[Disturbance]) -> Unseen | None:
    """What there is to say of the fault that is *parts*, where nothing shows that somebody met it; else None.

    Shown is it by what it keeps from coming, where that came often enough without it; by what no longer passes; and by requests that fail.
    """
    traffic, known = evidence.traffic, evidence.plan.target.links
    windows = [window for part in parts if (window := evidence.window_of(part))]
    links = tuple(dict.fromkeys(name for part in parts for name in part.links if not known[name].idle))
    effects = [effect for part in parts for effect in part.effects]
    if traffic is None or not links or not windows or not effects:
        return None
    spares_open = all(isinstance(effect, TapMode) and effect.mode == "no_new" for effect in effects)
    here = traffic[traffic["link"].isin(links)]
    without, under_s = _without(evidence), sum(window.lasted_s for window in windows)
    without_s = sum(window.lasted_s for window in without)
    if not without_s or _fails_more(evidence, windows, without):
        return None
    before, under = (_within(here["start_s"].to_numpy(), spans, SLICE_S) for spans in (without, windows))
    if spares_open:
        passed = here["bytes_out"] + here["bytes_in"]
        if passed[under].sum() / under_s * _WORSE < passed[before].sum() / without_s:
            return None
    came = int((here["connections"][before].sum()) if spares_open else before.sum())
    expected = came / without_s * under_s
    return None if expected >= SURE else Unseen(links, came, without_s, expected, spares_open)


def _without(evidence: Evidence) -> list[Window]:
    """When nothing was broken: the baseline, and what came after the last fault."""
    begun_s = min((event.at_s for event in evidence.history if isinstance(event, Injecting)), default=inf)
    ended_s = max((window.end_s for d in evidence.plan.disturbances if (window := evidence.window_of(d))), default=inf)
    spans = [(evidence.plan.phase("baseline").start_s, begun_s), (ended_s, evidence.observed_until_s)]
    return [Window(start_s, end_s) for start_s, end_s in spans if start_s < end_s < inf]


def _fails_more(evidence: Evidence, under: Sequence[Window], without: Sequence[Window]) -> bool:
    """Whether requests that were due under the fault failed, and more of them than of the others."""
    due_s, bad = evidence.column("requests", "due_s"), ~evidence.column("requests", "good")
    here, there = bad[_within(due_s, under)], bad[_within(due_s, without)]
    return bool(here.any()) and (not there.size or float(here.mean()) >= _WORSE * float(there.mean()))


def _within(at_s: Floats, windows: Sequence[Window], before_s: float = 0.0) -> Bools:
    """Which of these instants lie in one of *windows*, or begin a stretch of *before_s* that reaches into it."""
    found: Bools = at_s != at_s
    for window in windows:
        found = found | ((window.start_s - before_s <= at_s) & (at_s < window.end_s))
    return found
