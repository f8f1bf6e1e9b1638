"""Whether anybody met a fault under which nobody listens: who is refused leaves no trace, so that what came without it has to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from harness.faults.effects import TapMode
from harness.judging.evidence import Evidence
from harness.planning.disturbance import Disturbance
from harness.planning.windows import Window
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
    """That nothing shows who met a fault: *came* of what it keeps from coming in *without_s*, so *expected* under it.

    It is about these *links*: the *whole* of those that the fault lies on, or some of them alone, where others show that it was met.
    """

    links: tuple[str, ...]
    came: int
    without_s: float
    expected: float
    spares_open: bool
    asked: bool = True
    """Whether the harness asked anything, so that it would be known that requests fared worse."""
    whole: bool = True

    def __str__(self) -> str:
        what, go_on = (
            ("new connection", f"; what was open went on{', and nothing became worse' if self.asked else ''}")
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
    known = evidence.plan.target.links
    windows = [window for part in parts if (window := evidence.window_of(part))]
    links = tuple(dict.fromkeys(name for part in parts for name in part.links if not known[name].idle))
    effects = [effect for part in parts for effect in part.effects]
    if evidence.traffic_table is None or not links or not windows or not effects:
        return None
    spares_open = all(isinstance(effect, TapMode) and effect.mode == "no_new" for effect in effects)
    passing = _Passing(evidence, tuple(windows), tuple(_without(evidence)), spares_open)
    if not passing.without_s:
        return None
    fails = _fails_more(evidence, windows, passing.without)
    if not fails and (said := passing.unseen(links)):
        return said
    # Each for itself: that another one was met, or that requests fail for want of another one, shows nothing of a link.
    alone = [said for link in links if len(links) > 1 and (said := passing.unseen([link])) and said.expected < LIKELY]
    return _together(alone) if alone else None


def became_worse(evidence: Evidence, under: Sequence[Window]) -> bool:
    """Whether requests that were due in these windows failed, and more of them than of those that were due when nothing was broken."""
    return _fails_more(evidence, under, list(_without(evidence)))


def _together(each: Sequence[Unseen]) -> Unseen:
    links = tuple(link for one in each for link in one.links)
    came, expected = sum(one.came for one in each), sum(one.expected for one in each)
    return replace(each[0], links=links, came=came, expected=expected, whole=False)


@dataclass(frozen=True, slots=True)
class _Passing:
    """What passed on links *under* a fault, and *without* it."""

    evidence: Evidence
    under: tuple[Window, ...]
    without: tuple[Window, ...]
    spares_open: bool

    @property
    def without_s(self) -> float:
        return sum(window.lasted_s for window in self.without)

    def unseen(self, links: Sequence[str]) -> Unseen | None:
        """What there is to say of these *links* together, where what passed on them does not show that somebody met it."""
        under_s = sum(window.lasted_s for window in self.under)
        here = self.evidence.passed(links)
        before, under = (_within(here.numbers("start_s"), spans, SLICE_S) for spans in (self.without, self.under))
        if self.spares_open:
            passed = here.numbers("bytes_out") + here.numbers("bytes_in")
            if passed[under].sum() / under_s * _WORSE < passed[before].sum() / self.without_s:
                return None
        came = int((here.numbers("connections")[before].sum()) if self.spares_open else before.sum())
        expected = came / self.without_s * under_s
        found = Unseen(tuple(links), came, self.without_s, expected, self.spares_open, self.evidence.plan.asks)
        return None if expected >= SURE else found


def _without(evidence: Evidence) -> list[Window]:
    """When nothing was broken: the baseline, and what came after the last fault."""
    ended_s = max((window.end_s for d in evidence.plan.disturbances if (window := evidence.window_of(d))), default=inf)
    spans = [(evidence.plan.phase("baseline").start_s, evidence.broken_from_s), (ended_s, evidence.observed_until_s)]
    return [Window(start_s, end_s) for start_s, end_s in spans if start_s < end_s < inf]


def _fails_more(evidence: Evidence, under: Sequence[Window], without: Sequence[Window]) -> bool:
    """Whether requests that were due under the fault failed, and more of them than of the others."""
    due_s, bad = evidence.column("requests", "due_s"), ~evidence.column("requests", "good")
    here, there = bad[_within(due_s, under)], bad[_within(due_s, without)]
    return bool(here.any()) and (not there.size or float(here.mean()) >= _WORSE * float(there.mean()))


def _within(at_s: Floats, windows: Sequence[Window], before_s: float = 0.0) -> Bools:
    """Which of these instants lie in one of *windows*, or begin a stretch of *before_s* that reaches into it."""
    from harness.judging.scoring.spans import within

    return within(at_s, ((window.start_s - before_s, window.end_s) for window in windows))
