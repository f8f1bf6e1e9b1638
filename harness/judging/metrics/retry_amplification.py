"""How many attempts at providers one logical request became."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.base import Metric, best_case, measured
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, spans
from harness.judging.scoring.shares import TAIL
from harness.planning.plan import Phase, Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np

    from harness.judging.result import Measured


class RetryAmplification(Metric):
    """Attempts seen in front of the fault per logical request, joined by nonce; a request counts where it was due.

    Attempts that cannot be joined are no part of the value, and raise the interval's upper end.
    """

    name: ClassVar[str] = "retry_amplification"
    unit: ClassVar[str] = "attempts per request"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link", "layer")
    among_exposed: ClassVar[bool] = True
    title: ClassVar[str] = "Retry amplification"
    about: ClassVar[str] = "attempts at providers for each request"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 30
    held_first: ClassVar[int] = 30
    chart: ClassVar[str] = "amplification"
    counts_attempts: ClassVar[bool] = True

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: _measure(sample))
        return interval

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not any(link.carries == "http" for link in plan.target.links.values()):
            return f"target {plan.target.name!r} has no HTTP link, so no attempt can be seen"
        if names := hidden(plan, spans(plan, expectation.selection)):
            return f"{', '.join(names)} leaves nobody listening, and an attempt that is refused leaves no trace: it would be unmeasured"
        if not expectation.wants_low:
            return None
        # No excess attempt among n requests leaves this much room for some: Poisson's upper bound for none seen.
        return best_case(plan, expectation, lambda n: Interval(1.0, 1.0, 1.0 - log(TAIL) / n, n))

    def unseen(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.carries != "http"]

    def also(self, whole: Sample) -> dict[str, Measured]:
        """*arrived*: attempts per request that came out of the fault at the providers; what is missing, it ate."""
        if self.measure(whole).value is None:
            return {}
        mine = whole.arrivals["nonce"].value_counts()
        arrived = whole.requests["nonce"].map(mine).fillna(0).to_numpy()
        return {"arrived": measured(_amplification(whole, arrived))}

    def broken(self, said: Said) -> str:
        return f"every request became {_bare(said.value)} attempts at the providers{said.where}; the limit is {_bare(said.limit)}"

    def held(self, said: Said) -> str:
        outlived = f", but {_bare(said.exposed)} of those that lived wholly inside {said.fault}" if said.exposed else ""
        return f"a request became {_bare(said.value)} attempts at the providers{said.where}{outlived}"


def _bare(text: str) -> str:
    """A number of attempts without the sign of a factor."""
    return text.removesuffix(" ×")


def _measure(sample: Sample) -> Interval:
    # Not one attempt in the whole run: nothing was watched where the target asks, and 0 would be a lie.
    if hidden(sample.run.plan, sample.spans) or not sample.run.requests["attempts"].any():
        return UNMEASURED
    joined = _amplification(sample, sample.tries())
    # A retry that drops the nonce is a retry all the same: for all that can be told, the strays belong to these requests.
    return replace(joined, high=joined.high + sample.strays() / joined.n) if joined.n else joined


def hidden(plan: Plan, during: Iterable[Phase]) -> list[str]:
    """Ids of the faults that hide attempts of requests due *during* these phases."""
    return [
        d.id
        for d in plan.disturbances
        if d.fault.hides_attempts() and any(d.start_s < span.end_s and span.start_s < d.end_s for span in during)
    ]


def _amplification(sample: Sample, attempts: np.ndarray[Any, Any]) -> Interval:
    from harness.judging.scoring.amplification import retry_amplification

    return retry_amplification(attempts, sample.requests["due_s"].to_numpy(), seed=sample.run.plan.seed)
