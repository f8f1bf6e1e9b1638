"""What a run costs of a promise made for weeks: how much of an SLO's error budget it spends, and how fast.

A service level objective of 99.9 % good answers over 30 days leaves 0.1 % of the requests of 30 days that may fail: its error budget. The
burn rate is the share that failed over the share that may; at 1 the budget lasts exactly as long as the objective is for (Google, *The Site
Reliability Workbook*, chapter 5, "Alerting on SLOs").
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.base import Metric, best_case
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, planned, rate_per_s
from harness.judging.scoring.shares import spotless, wilson
from harness.planning.plan import Plan
from harness.reading.expectation import WHOLE, Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    from harness.reading.scenario import Slo


class _OfBudget(Metric):
    """A multiple of the share of requests that got no good answer, which `good_ratio` measures."""

    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"

    def there(self, plan: Plan) -> bool:
        return plan.scenario.slo is not None

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        plan = sample.run.plan
        good = GoodRatio().measure(sample)
        if plan.scenario.slo is None or good.value is None:
            return UNMEASURED
        return _failed(good, self._of_all_failing(plan, plan.scenario.slo, int(sample.picked.sum())))

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        slo = plan.scenario.slo
        if slo is None:
            return (
                "the scenario says no slo, so there is no error budget to be spent; write slo: {good: 0.999, over: 30d}"
            )
        per_s = rate_per_s(plan, expectation.selection)
        worth = self._of_all_failing(plan, slo, planned(plan, expectation.selection))

        def best(n: int) -> Interval:
            return _failed(spotless(n, per_s) if expectation.wants_low else wilson(0, n), worth)

        return best_case(plan, expectation, best)

    @abstractmethod
    def _of_all_failing(self, plan: Plan, slo: Slo, requests: int) -> float:
        """What it comes to where all of so many *requests* fail."""


class ErrorBudgetSpent(_OfBudget):
    """Share of the error budget of the scenario's slo that the run spent, by the requests that got no good answer; 1 is all of it.

    Phases, regions and entries spend of one budget, so that their shares add up to that of the run. What a run of a minute spends is what
    an incident of a minute does; the interval is that of `good_ratio`.
    """

    name: ClassVar[str] = "error_budget_spent"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "error budgets"
    title: ClassVar[str] = "Error budget spent"
    about: ClassVar[str] = "of the error budget that the slo leaves"
    broken_first: ClassVar[int] = 21
    held_first: ClassVar[int] = 21

    def _of_all_failing(self, plan: Plan, slo: Slo, requests: int) -> float:
        per_s = slo.rate_per_s if slo.rate_per_s is not None else rate_per_s(plan, WHOLE)
        return requests / (per_s * slo.over * (1 - slo.good))

    def broken(self, said: Said) -> str:
        return f"{said.share} of the error budget was spent{said.where}; it should be {said.limit_share} or less"

    def held(self, said: Said) -> str:
        return f"{said.share if said.number else 'nothing'} of the error budget was spent{said.where}"


class BurnRate(_OfBudget):
    """How fast the error budget of the scenario's slo was spent: the share of failed requests over the share that may fail.

    At 1 the budget lasts for the time of the slo, and at 14.4 a budget of 30 days is gone in 50 hours.
    """

    name: ClassVar[str] = "burn_rate"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "times what the slo allows"
    title: ClassVar[str] = "Burn rate"
    about: ClassVar[str] = "times as many requests failed as the slo allows"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 22
    held_first: ClassVar[int] = 22

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How long the whole budget would last."""
        slo, burnt = sample.run.plan.scenario.slo, self.measure(sample).value
        if slo is None or not burnt or burnt <= 1:
            return ""
        lasts_h = slo.over / burnt / 3600
        lasts = f"{lasts_h / 24:.1f} days" if lasts_h >= 48 else f"{lasts_h:.1f} h"
        return f"at this rate the budget is gone in {lasts}"

    def _of_all_failing(self, plan: Plan, slo: Slo, requests: int) -> float:
        return 1 / (1 - slo.good)

    def broken(self, said: Said) -> str:
        return f"the error budget was spent {said.counted('time')} as fast{said.where} as the slo allows; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"the error budget was spent {said.counted('time')} as fast{said.where} as the slo allows"


def _failed(good: Interval, worth: float) -> Interval:
    """The share of those that are not *good*, times what it is *worth* where all are not."""
    if good.value is None:
        return UNMEASURED
    value, low, high = ((1 - ratio) * worth for ratio in (good.value, good.high, good.low))
    return replace(good, value=value, low=max(0.0, low), high=high)
