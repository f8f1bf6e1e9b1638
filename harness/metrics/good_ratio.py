"""The share of requests that got a good answer: complete, valid and in time."""

from __future__ import annotations

from typing import ClassVar

from harness.evidence import Evidence
from harness.expectation import Expectation
from harness.metrics.base import Metric, best_case
from harness.plan import Plan
from harness.scoring.interval import Interval
from harness.scoring.shares import wilson


class GoodRatio(Metric):
    """Share of requests due in the phase whose answer was complete, valid and in time; Wilson's interval."""

    name: ClassVar[str] = "good_ratio"
    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def measure(self, evidence: Evidence, phase: str | None = None, part: str | None = None) -> Interval:
        rows = evidence.requests_in(phase)
        return wilson(int(rows["good"].sum()), len(rows))

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_case(plan, expectation, lambda n: wilson(0 if expectation.wants_low else n, n))
