"""How long it took until answers were good again: after the fault had ended, and while it lasted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.interval import UNMEASURED, Interval
from harness.judging.evidence import Window
from harness.judging.metrics.base import Metric, measured
from harness.judging.sample import Sample
from harness.judging.scoring.band import band, hold
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict

if TYPE_CHECKING:
    from harness.judging.result import Measured
    from harness.judging.scoring.clumps import Clumps
    from harness.judging.scoring.recovery import Recovery, Relapse


class RecoveryTime(Metric):
    """Seconds from the end of the last fault until answers were first good again and stayed so; censored when they never did."""

    name: ClassVar[str] = "recovery_time_s"
    unit: ClassVar[str] = "s"
    phased: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        found = recovery(sample)
        return found.interval if found else UNMEASURED

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return _too_seldom(plan, expectation) or _too_short(
            expectation, plan.total_s - plan.fault_end_s, _hold(plan), "after the fault (phases.recovery)"
        )

    def also(self, whole: Sample) -> dict[str, Measured]:
        found = recovery(whole)
        if found is None:
            return {}
        return {
            "relapses": measured(counted(found)),
            # Good requests lost after the fault, in seconds of full outage.
            "lost_s": measured(Interval(found.area_s, n=found.interval.n)),
        }

    def remark(self, sample: Sample, part: str | None = None) -> str:
        return _story(recovery(sample), "recovered")

    def at_best(self, sample: Sample) -> Verdict:
        return _at_best(recovery(sample))


class FailoverTime(Metric):
    """Seconds from the start of the fault until answers were good while it lasted; censored when it ended first."""

    name: ClassVar[str] = "failover_time_s"
    unit: ClassVar[str] = "s"
    phased: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        found = failover(sample)
        return found.interval if found else UNMEASURED

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return _too_seldom(plan, expectation) or _too_short(
            expectation, plan.fault_end_s - plan.fault_start_s, _hold(plan), "of fault (phases.fault)"
        )

    def remark(self, sample: Sample, part: str | None = None) -> str:
        return _story(failover(sample), "failed over")

    def at_best(self, sample: Sample) -> Verdict:
        return _at_best(failover(sample))


class Relapses(Metric):
    """How often answers went bad once more after they had recovered, for longer than the baseline explains."""

    name: ClassVar[str] = "relapses"
    phased: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        found = recovery(sample)
        return counted(found) if found else UNMEASURED

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        after_s, hold_s = plan.total_s - plan.fault_end_s, _hold(plan)
        if after_s > hold_s:
            return None
        return f"{after_s:g} s after the fault (phases.recovery) can never settle it: only what is good for {hold_s:g} s can relapse"

    def remark(self, sample: Sample, part: str | None = None) -> str:
        return _story(recovery(sample), "recovered")


def recovery(sample: Sample) -> Recovery | None:
    """The whole estimate; None when the fault never began or never ended."""
    found: Recovery | None = sample.once("recovery", lambda: _recovery(sample))
    return found


def failover(sample: Sample) -> Recovery | None:
    """The same of the fault itself; None when it never began or never ended."""
    found: Recovery | None = sample.once("failover", lambda: _failover(sample))
    return found


def counted(found: Recovery) -> Interval:
    """How many relapses there were: at least those that are certain. Before a recovery there is none to be counted."""
    if found.state != "recovered":
        return UNMEASURED
    certain = sum(relapse.weight == "certain" for relapse in found.relapses)
    possible = sum(relapse.weight == "possible" for relapse in found.relapses)
    return Interval(float(certain + possible), float(certain), float(certain + possible), found.interval.n)


def _at_best(found: Recovery | None) -> Verdict:
    """A relapse spoils a pass, one that may be the service's own leaves it open, and a blip is only told."""
    weights = {relapse.weight for relapse in found.relapses} if found else set()
    return "fail" if "certain" in weights else "inconclusive" if "possible" in weights else "pass"


def _story(found: Recovery | None, verb: str) -> str:
    """``recovered after 1.0 s, relapsed at 11.0 s for 4.0 s``; nothing where the number says it all."""
    if found is None or found.interval.value is None or found.state == "not_recovered":
        return ""
    again = [_told(relapse) for relapse in found.relapses]
    if found.state == "unclear":
        return ", ".join([_why_unclear(found), *again])
    began = f"{verb} after {found.interval.value:.1f} s" if found.interval.value else f"{verb} at once"
    return ", ".join([began, *again]) if again else ""


def _why_unclear(found: Recovery) -> str:
    if found.interval.censored:
        return f"answers may have been good again from {found.interval.low:.1f} s on, and were not seen to stay so"
    return "answers were hardly as good as the band asks for"


def _told(relapse: Relapse) -> str:
    when = f"at {relapse.at_s:.1f} s for {relapse.length_s:.1f} s"
    match relapse.weight:
        case "certain":
            return f"relapsed {when}"
        case "possible":
            return f"bad again {when}, which the service may be of itself"
        case _:
            return f"a blip {when}"


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
        own=_own(sample),
        end_uncertainty_s=window.end_uncertainty_s,
    )


def _failover(sample: Sample) -> Recovery | None:
    from harness.judging.scoring.recovery import failover_time

    window, rows = _window(sample), sample.run.requests
    if window is None or rows.empty:
        return None
    return failover_time(
        rows["due_s"].to_numpy(),
        rows["good"].to_numpy(),
        fault_start_s=window.start_s,
        fault_end_s=window.end_s,
        band=_band(sample),
        hold_s=_hold(sample.run.plan),
        own=_own(sample),
    )


def _window(sample: Sample) -> Window | None:
    return sample.windows[0] if sample.windows else None


def _band(sample: Sample) -> float:
    baseline = sample.baseline["good"]
    return band(int(baseline.sum()), len(baseline), sample.run.plan.scenario.good.ratio)


def _own(sample: Sample) -> Clumps:
    """The clumps in which the service fails when nothing is broken."""
    from harness.judging.scoring.recovery import own_clumps

    return own_clumps(sample.baseline["due_s"].to_numpy(), sample.baseline["good"].to_numpy())


def _hold(plan: Plan) -> float:
    return hold(plan.scenario.load.rate_per_s, plan.scenario.good.within)


def _too_seldom(plan: Plan, expectation: Expectation) -> str | None:
    """Between two requests nobody can know that answers were good."""
    gap_s = 1 / plan.scenario.load.rate_per_s
    if not expectation.wants_low or expectation.limit > gap_s:
        return None
    return f"one request in {gap_s:g} s can never settle it: no time shorter than that can be seen"


def _too_short(expectation: Expectation, available_s: float, hold_s: float, where: str) -> str | None:
    if round(expectation.limit + hold_s - available_s, 9) <= 0:
        return None
    return f"{available_s:g} s {where} can never settle it: {expectation.limit:g} s and {hold_s:g} s in which answers stay good are needed"
