"""The share of requests that got a good answer: complete, valid and in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import Interval
from harness.judging.by_time import due
from harness.judging.metrics.base import Metric, best_case
from harness.judging.metrics.recovery_and_failover import FailoverTime, RecoveryTime
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, following, may_be_hit_in_flight, rate_per_s
from harness.judging.scoring.shares import spotless, wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools
    from harness.judging.scoring.good_ratio import Rows


EDGE_S = 0.1  # by which a time has to be shorter than what was watched


class GoodRatio(Metric):
    """Share of requests due in the phase whose answer was complete, valid and in time; Wilson's interval.

    Failures that come in clumps are worth fewer: what the service shows while it is well, in this phase and beside it, says how much.
    """

    name: ClassVar[str] = "good_ratio"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Good answers"
    about: ClassVar[str] = "of requests got a complete answer in time"
    better: ClassVar[Literal["lower", "higher"] | None] = "higher"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 20
    held_first: ClassVar[int] = 10
    chart: ClassVar[str] = "goodput"
    in_tables: ClassVar[bool] = True
    followed: ClassVar[bool] = True

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        from harness.judging.scoring.good_ratio import good_ratio

        def made() -> Interval:
            shown, elsewhere = stretches(sample)
            return good_ratio(sample.read("due_s"), sample.read("good"), elsewhere, shown)

        interval: Interval = sample.once(self.name, made)
        return interval

    def so_far(self, outcomes: Sequence[tuple[bool, float]], part: str | None = None) -> float:
        return sum(good for good, _ in outcomes) / len(outcomes)

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if expectation.wants_low:
            return best_case(plan, expectation, lambda n: wilson(0, n))
        per_s = rate_per_s(plan, expectation.selection)
        return best_case(plan, expectation, lambda n: spotless(n, per_s))

    def broken(self, said: Said) -> str:
        if said.wants_low:
            return super().broken(said)
        share = "not one request" if said.number == 0 else f"only {said.share} of requests"
        return f"{share} got a good answer{said.where}; it should be {said.limit_share} or more"

    def held(self, said: Said) -> str:
        share = "every request" if said.number == 1 else f"{said.share} of requests"
        return f"{share} got a good answer{said.where}"


def stretches(sample: Sample) -> tuple[list[Rows], list[Rows]]:
    """What the rows of *sample* show of how failures clump, and what those do that were due elsewhere while the service was well.

    Until the service had failed over, and until it had recovered, it did what the fault made it do. Where it never did, the phase is all
    of one kind: that says something of the phase, and nothing of the others.
    """
    run, whole = sample.run, sample.whole
    settled: list[tuple[float, float, bool]] = whole.once("settled", lambda: _settled(whole))
    shows, by_due = _shows(whole), due(run)
    shown: list[Rows] = []
    elsewhere: list[Rows] = []
    for start_s, end_s, well in settled:
        rows = by_due.rows(start_s, end_s)
        here, mine = shows[rows], sample.picked[rows]
        shown.append(_rows(run, rows, here & mine))
        if well:
            elsewhere.append(_rows(run, rows, here & ~mine))
    return shown, elsewhere


def _rows(run: Evidence, rows: slice | npt.NDArray[np.intp], which: Bools) -> Rows:
    """Those of *rows* that are *which*."""
    mine = following(which)
    return run.column("requests", "due_s")[rows][mine], run.column("requests", "good")[rows][mine]


def _shows(whole: Sample) -> Bools:
    """Which requests show how the service fails by itself: what is in flight when a fault begins shows what the fault does."""
    return whole.picked & ~may_be_hit_in_flight(whole.run) if whole.windows else whole.picked


def _settled(whole: Sample) -> list[tuple[float, float, bool]]:
    """The stretches of the run without what a fault and its end did at once, and whether the service was well in them."""
    good, ratio = whole.run.column("requests", "good"), whole.run.plan.scenario.good.ratio
    shows, by_due = _shows(whole), due(whole.run)

    def well(start_s: float, end_s: float) -> bool:
        rows = by_due.rows(start_s, end_s)
        here = shows[rows]
        return wilson(int(good[rows][here].sum()), int(here.sum())).high >= ratio

    return [(start_s, end_s, certain and well(start_s, end_s)) for start_s, end_s, certain in _stretches(whole)]


def _stretches(whole: Sample) -> Iterator[tuple[float, float, bool]]:
    """From when to when each stretch lasts, and whether the fault had let go of the service by then."""
    windows = whole.windows
    if not windows:
        yield -inf, inf, True
        return
    failover, recovery = FailoverTime().measure(whole), RecoveryTime().measure(whole)
    yield -inf, windows[0].start_s, True
    until_s = [*(window.start_s for window in windows[1:]), inf]
    for window, next_s in zip(windows, until_s, strict=True):
        for time, start_s, end_s in ((failover, window.start_s, window.end_s), (recovery, window.end_s, next_s)):
            begun_s = start_s + (inf if time.value is None else time.value)
            # A time that is said to be all that was watched is that of a service which never was well.
            well = begun_s < min(end_s, whole.run.observed_until_s) - EDGE_S
            yield begun_s if well else start_s, end_s, well
