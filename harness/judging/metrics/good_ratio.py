"""The share of requests that got a good answer: complete, valid and in time."""

from __future__ import annotations

from typing import ClassVar

from harness.interval import Interval
from harness.judging.metrics.base import Metric, best_case
from harness.judging.sample import Sample
from harness.judging.scoring.shares import wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation


class GoodRatio(Metric):
    """Share of requests due in the phase whose answer was complete, valid and in time; Wilson's interval."""

    name: ClassVar[str] = "good_ratio"
    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        return wilson(int(sample.requests["good"].sum()), len(sample.requests))

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_case(plan, expectation, lambda n: wilson(0 if expectation.wants_low else n, n))
