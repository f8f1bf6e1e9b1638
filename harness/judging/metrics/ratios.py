"""What metrics have in common that are shares: how one is measured, and when a plan can never settle one."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.base import Metric, best_case
from harness.judging.sample import Sample, rate_per_s
from harness.judging.scoring.shares import spotless, wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools


class Ratio(Metric):
    """The share of some rows of which something is so."""

    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    seldom: ClassVar[bool] = False
    """Whether it is so of few rows while nothing is broken: those come in clumps then, and not the others."""

    @abstractmethod
    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        """When each row was due, and of which it is so; None where nobody can know."""

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        def made() -> Interval:
            rows = self.rows(sample)
            return UNMEASURED if rows is None else share(*rows, seldom=self.seldom)

        interval: Interval = sample.once(self.name, made)
        return interval

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_share(plan, expectation)


def share(due_s: npt.NDArray[Any], so: Bools, *, seldom: bool) -> Interval:
    """The share of rows that are *so*. What comes in clumps is what is so, where that is had *seldom*, and else what is not."""
    from harness.judging.scoring.good_ratio import good_ratio

    if not seldom:
        return good_ratio(due_s, so)
    others = good_ratio(due_s, ~so)
    return others if others.value is None else Interval(float(so.mean()), 1 - others.high, 1 - others.low, others.n)


def best_share(plan: Plan, expectation: Expectation) -> str | None:
    """Why not even the best share that *plan* can show would pass."""
    if expectation.wants_low:
        return best_case(plan, expectation, lambda n: wilson(0, n))
    per_s = rate_per_s(plan, expectation.selection)
    return best_case(plan, expectation, lambda n: spotless(n, per_s))


def no_http(plan: Plan) -> str | None:
    """Why attempts can not be seen at all; None where they can."""
    if any(link.carries == "http" for link in plan.target.links.values()):
        return None
    return f"target {plan.target.name!r} has no HTTP link, so no attempt can be seen"
