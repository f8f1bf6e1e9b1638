"""What one rate came to: whether a service kept up with it, by the answers of a stretch in which nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.interval import UNMEASURED, Interval
from harness.judging.capacity.search import CameTo
from harness.judging.result import Result
from harness.reading.quantities import plain, share

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Answered = tuple[npt.ArrayLike, npt.ArrayLike]
    """When requests were due, and how many seconds each took."""

PHASE = "even"
"""The phase of a run in which the rate is the one that is tried."""
HOLD_S = 60.0
"""For so long a rate has to be kept up with."""
OF_THE_RATE = frozenset({"load", "busy_machine"})
"""Doubts that a lower rate would mend: the harness, or its machine, was at its end."""
_OF_THE_SERVICE = frozenset({"unsteady_baseline"})
"""Doubts that say of the service what is asked here anyway: it is overloaded before the rate is reached."""
_WAITED_FOR = ("timed_out", "unfinished", "stalled")


@dataclass(frozen=True, slots=True)
class Objective:
    """What is asked of answers: that a share of *ratio* is good, which are those that come within *within_s*; clients wait *deadline_s*."""

    ratio: float
    within_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What a rate *came to* and *why*: the share of *good* answers, and within how many seconds they would come *later*, after `HOLD_S`."""

    came_to: CameTo
    why: str
    good: Interval = UNMEASURED
    later: Interval = UNMEASURED


def of_no_rate(result: Result) -> list[str]:
    """Doubts of a run that another rate would not mend."""
    return [doubt.said for doubt in result.doubts if doubt.kind not in OF_THE_RATE | _OF_THE_SERVICE]


def shown(result: Result, requests: pd.DataFrame, asked: Objective) -> Shown:
    """What the run in which a rate was tried says of it; *requests* is its table of requests."""
    of_the_rate = [doubt.said for doubt in result.doubts if doubt.kind in OF_THE_RATE]
    if of_the_rate:
        return Shown("untrusted", of_the_rate[0])
    rows = requests[requests["phase"] == PHASE]
    return judged(_answered(rows, asked.deadline_s), rows["due_s"].to_numpy(), rows["good"].to_numpy(), asked)


def judged(answered: Answered, due_s: npt.ArrayLike, good: npt.ArrayLike, asked: Objective) -> Shown:
    """What requests say of their rate that were due at *due_s*, of which some were *good*; of those that were *answered*, how late."""
    from harness.judging.capacity.backlog import after
    from harness.judging.scoring.good_ratio import good_ratio

    well, later = good_ratio(due_s, good), after(*answered, HOLD_S, asked.ratio)
    if well.value is None:
        return Shown("unclear", "nothing was due")
    said = f"{share(well.value, asked.ratio)} of answers were good"
    if well.high < asked.ratio:
        return Shown("fell behind", said, well, later)
    if later.value is not None and later.low > asked.within_s:
        grows = f"{said}, but each took longer than the one before: after a minute of it they would take {plain(later.value, 2)} s"
        return Shown("fell behind", grows, well, later)
    if well.low >= asked.ratio and later.value is not None and later.high <= asked.within_s:
        return Shown("kept up", said, well, later)
    open_ = "so few tell nothing" if later.value is None else "which may be the service, or chance"
    return Shown("unclear", f"{said}, {open_}", well, later)


def _answered(rows: pd.DataFrame, deadline_s: float) -> Answered:
    """When those were due that got a whole answer or waited for one to the end, and how long that took; a quick refusal is no wait."""
    whole, waited = rows["outcome"] == "complete", rows["outcome"].isin(_WAITED_FOR)
    took = (rows["end_s"] - rows["due_s"]).where(whole, deadline_s).clip(upper=deadline_s)
    picked = whole | waited
    return rows["due_s"][picked].to_numpy(), took[picked].to_numpy()
