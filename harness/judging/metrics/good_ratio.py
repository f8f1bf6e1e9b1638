"""The share of requests that got a good answer: complete, valid and in time."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.interval import Interval
from harness.judging.metrics.base import Metric, best_case
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.judging.scoring.shares import wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation


class GoodRatio(Metric):
    """Share of requests due in the phase whose answer was complete, valid and in time; Wilson's interval."""

    name: ClassVar[str] = "good_ratio"
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

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        return wilson(int(sample.requests["good"].sum()), len(sample.requests))

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_case(plan, expectation, lambda n: wilson(0 if expectation.wants_low else n, n))

    def broken(self, said: Said) -> str:
        if said.wants_low:
            return super().broken(said)
        share = "not one request" if said.number == 0 else f"only {said.share} of requests"
        return f"{share} got a good answer{said.where}; it should be {said.limit_share} or more"

    def held(self, said: Said) -> str:
        share = "every request" if said.number == 1 else f"{said.share} of requests"
        return f"{share} got a good answer{said.where}"
