"""The share of requests that got a good answer: complete, valid and in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import Interval
from harness.judging.metrics.base import Metric, best_case
from harness.judging.metrics.recovery_and_failover import FailoverTime, RecoveryTime
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, following, may_be_hit_in_flight, rate_per_s
from harness.judging.scoring.shares import spotless, wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
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
            return good_ratio(*_rows(sample.run, sample.picked), elsewhere, shown)

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
    settled: list[tuple[Bools, bool]] = whole.once("settled", lambda: _settled(whole))
    shown = [_rows(run, stretch & sample.picked) for stretch, _ in settled]
    return shown, [_rows(run, stretch & ~sample.picked) for stretch, well in settled if well]


def _rows(run: Evidence, which: Bools) -> Rows:
    rows = following(which)
    return run.column("requests", "due_s")[rows], run.column("requests", "good")[rows]


def _settled(whole: Sample) -> list[tuple[Bools, bool]]:
    """The stretches of the run without what a fault and its end did at once, and whether the service was well in them."""
    good, ratio = whole.run.column("requests", "good"), whole.run.plan.scenario.good.ratio
    return [
        (stretch, certain and wilson(int(good[stretch].sum()), int(stretch.sum())).high >= ratio)
        for stretch, certain in _stretches(whole)
    ]


def _stretches(whole: Sample) -> Iterator[tuple[Bools, bool]]:
    """Which requests are due in each stretch, and whether the fault had let go of the service by then."""
    due_s, windows = whole.run.column("requests", "due_s"), whole.windows
    if not windows:
        yield whole.picked, True
        return
    failover, recovery = FailoverTime().measure(whole), RecoveryTime().measure(whole)
    # What is in flight when a fault begins shows what the fault does, and nothing of how the service fails by itself.
    shows = whole.picked & ~may_be_hit_in_flight(whole.run)
    yield shows & (due_s < windows[0].start_s), True
    until_s = [*(window.start_s for window in windows[1:]), inf]
    for window, next_s in zip(windows, until_s, strict=True):
        for time, start_s, end_s in ((failover, window.start_s, window.end_s), (recovery, window.end_s, next_s)):
            begun_s = start_s + (inf if time.value is None else time.value)
            # A time that is said to be all that was watched is that of a service which never was well.
            well = begun_s < min(end_s, whole.run.observed_until_s) - EDGE_S
            begun_s = begun_s if well else start_s
            yield shows & (due_s >= begun_s) & (due_s < end_s), well
