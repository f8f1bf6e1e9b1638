"""How long it took until answers were good again: after the fault had ended, and while it lasted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.interval import UNMEASURED, Interval
from harness.judging.evidence import Window
from harness.judging.metrics.base import Metric, measured
from harness.judging.sample import Sample
from harness.judging.scoring.band import band, hold
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    from harness.judging.result import Measured
    from harness.judging.scoring.recovery import Recovery


class RecoveryTime(Metric):
    """Seconds from the end of the last fault until answers were good again and stayed so; censored when the run ended first."""

    name: ClassVar[str] = "recovery_time_s"
    unit: ClassVar[str] = "s"
    phased: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        recovery = self.estimate(sample)
        return recovery.interval if recovery else UNMEASURED

    def estimate(self, sample: Sample) -> Recovery | None:
        """The whole estimate; None when the fault never began or never ended."""
        recovery: Recovery | None = sample.once(self.name, lambda: _recovery(sample))
        return recovery

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return _too_short(
            expectation, plan.total_s - plan.fault_end_s, _hold(plan), "after the fault (phases.recovery)"
        )

    def also(self, whole: Sample) -> dict[str, Measured]:
        recovery = self.estimate(whole)
        if recovery is None:
            return {}
        relapses, n = float(recovery.relapses), recovery.interval.n
        return {
            "relapses": measured(Interval(relapses, relapses, relapses, n)),
            # Good requests lost after the fault, in seconds of full outage.
            "lost_s": measured(Interval(recovery.area_s, n=n)),
        }


class FailoverTime(Metric):
    """Seconds from the start of the fault until answers were good while it lasted; censored when it ended first."""

    name: ClassVar[str] = "failover_time_s"
    unit: ClassVar[str] = "s"
    phased: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: _failover(sample))
        return interval

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return _too_short(expectation, plan.fault_end_s - plan.fault_start_s, _hold(plan), "of fault (phases.fault)")


def _recovery(sample: Sample) -> Recovery | None:
    from harness.judging.scoring.recovery import recovery_time

    window, rows, until_s = _window(sample), sample.run.requests, sample.run.observed_until_s
    if window is None or rows.empty or until_s <= window.end_s:
        return None
    return recovery_time(
        rows["due_s"].to_numpy(),
        rows["good"].to_numpy(),
        fault_start_s=window.start_s,
        fault_end_s=window.end_s,
        observed_until_s=until_s,
        band=_band(sample),
        hold_s=_hold(sample.run.plan),
        end_uncertainty_s=window.end_uncertainty_s,
    )


def _failover(sample: Sample) -> Interval:
    from harness.judging.scoring.recovery import failover_time

    window, rows = _window(sample), sample.run.requests
    if window is None or rows.empty:
        return UNMEASURED
    return failover_time(
        rows["due_s"].to_numpy(),
        rows["good"].to_numpy(),
        fault_start_s=window.start_s,
        fault_end_s=window.end_s,
        band=_band(sample),
        hold_s=_hold(sample.run.plan),
    ).interval


def _window(sample: Sample) -> Window | None:
    return sample.windows[0] if sample.windows else None


def _band(sample: Sample) -> float:
    baseline = sample.baseline["good"]
    return band(int(baseline.sum()), len(baseline), sample.run.plan.scenario.good.ratio)


def _hold(plan: Plan) -> float:
    return hold(plan.scenario.load.rate_per_s, plan.scenario.good.within)


def _too_short(expectation: Expectation, available_s: float, hold_s: float, where: str) -> str | None:
    if round(expectation.limit + hold_s - available_s, 9) <= 0:
        return None
    return f"{available_s:g} s {where} can never settle it: {expectation.limit:g} s and {hold_s:g} s in which answers stay good are needed"
