"""How long complete answers took, counted from when their request was due."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.metrics.base import Metric, best_case, measured
from harness.judging.sample import Sample
from harness.judging.scoring.shares import TAIL
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    from harness.judging.result import Measured

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class _Quantiles(Metric):
    unit: ClassVar[str] = "ms"
    parts: ClassVar[tuple[str, ...]] = tuple(_QUANTILES)

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        from harness.judging.scoring.intervals import quantile

        values = sample.once(self.name, lambda: sample.requests[self.name].dropna().sort_values().to_numpy())
        return quantile(values, _QUANTILES[part or "p95"])

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        q = _QUANTILES[expectation.part or "p95"]

        def best(n: int) -> Interval:
            """All answers at once, or never: only an end that so few samples leave open can still miss the limit."""
            if expectation.wants_low:
                value = expectation.limit - 1
                return Interval(value, value, value if q**n <= TAIL else inf, n)
            value = expectation.limit + 1
            return Interval(value, value if (1 - q) ** n <= TAIL else -inf, value, n)

        return best_case(plan, expectation, best)

    def also(self, whole: Sample) -> dict[str, Measured]:
        return {part: measured(self.measure(whole, part)) for part in self.parts}


class Latency(_Quantiles):
    """Milliseconds from due to the end of the answer, over complete answers; p50, p90, p95 or p99."""

    name: ClassVar[str] = "latency_ms"


class TimeToFirstToken(_Quantiles):
    """Milliseconds from due to the first token, over complete answers; p50, p90, p95 or p99."""

    name: ClassVar[str] = "ttft_ms"
