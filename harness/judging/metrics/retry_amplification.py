"""How many attempts at providers one logical request became."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

from harness.interval import UNMEASURED, Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics.base import Metric, best_case, measured
from harness.judging.scoring.shares import TAIL
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np

    from harness.judging.result import Breakdown, Measured

LAYERS = ("first", "sdk", "application", "failover")


class RetryAmplification(Metric):
    """Attempts seen in front of the fault per logical request, joined by nonce; a request counts where it was due.

    Attempts that cannot be joined are no part of the value, and raise the interval's upper end.
    """

    name: ClassVar[str] = "retry_amplification"
    unit: ClassVar[str] = "attempts per request"

    def measure(self, evidence: Evidence, phase: str | None = None, part: str | None = None) -> Interval:
        interval: Interval = evidence.once((self.name, phase), lambda: _measure(evidence, phase))
        return interval

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not any(link.carries == "http" for link in plan.target.links.values()):
            return f"target {plan.target.name!r} has no HTTP link, so no attempt can be seen"
        if names := hidden(plan, expectation.phase):
            return f"{', '.join(names)} leaves nobody listening, and an attempt that is refused leaves no trace: it would be unmeasured"
        if not expectation.wants_low:
            return None
        # No excess attempt among n requests leaves this much room for some: Poisson's upper bound for none seen.
        return best_case(plan, expectation, lambda n: Interval(1.0, 1.0, 1.0 - log(TAIL) / n, n))

    def by(self, evidence: Evidence) -> Breakdown:
        from harness.judging.result import Breakdown

        if self.measure(evidence).value is None:
            return Breakdown(phase=super().by(evidence).phase)
        http = [name for name, link in evidence.plan.target.links.items() if link.carries == "http"]
        links = {name: measured(_of(evidence, "link", name)) for name in http}
        layers = {name: measured(_of(evidence, "layer", name)) for name in LAYERS}
        return Breakdown(phase=super().by(evidence).phase, link=links, layer=layers)

    def also(self, evidence: Evidence) -> dict[str, Measured]:
        """*arrived*: attempts per request that came out of the fault at the providers; what is missing, it ate."""
        if self.measure(evidence).value is None:
            return {}
        rows = evidence.requests_in(None)
        mine = evidence.arrivals["nonce"].value_counts()
        arrived = rows["nonce"].map(mine).fillna(0).to_numpy()
        return {"arrived": measured(_amplification(evidence, arrived, rows["due_s"].to_numpy()))}


def _measure(evidence: Evidence, phase: str | None) -> Interval:
    # Not one attempt in the whole run: nothing was watched where the target asks, and 0 would be a lie.
    if hidden(evidence.plan, phase) or not evidence.requests["attempts"].any():
        return UNMEASURED
    rows = evidence.requests_in(phase)
    joined = _amplification(evidence, rows["attempts"].to_numpy(), rows["due_s"].to_numpy())
    # A retry that drops the nonce is a retry all the same: for all that can be told, the strays belong to these requests.
    return replace(joined, high=joined.high + strays(evidence, phase) / joined.n) if joined.n else joined


def _of(evidence: Evidence, column: str, name: str) -> Interval:
    """Attempts whose *column* says *name*, per logical request."""
    rows = evidence.requests_in(None)
    mine = evidence.attempts.loc[evidence.attempts[column] == name, "request"].value_counts()
    return _amplification(evidence, rows["index"].map(mine).fillna(0).to_numpy(), rows["due_s"].to_numpy())


def strays(evidence: Evidence, phase: str | None) -> int:
    """How many attempts are joined to no request and may have been made for one that was due in *phase*."""
    spans = [p for p in evidence.plan.phases if (p.name == phase if phase else p.name != "warmup")]
    start_s = evidence.attempts.loc[evidence.attempts["request"] < 0, "start_s"]
    return int(start_s.between(spans[0].start_s, spans[-1].end_s + evidence.plan.scenario.load.deadline).sum())


def hidden(plan: Plan, phase: str | None) -> list[str]:
    """Ids of the faults that hide attempts of requests due in *phase*."""
    spans = [p for p in plan.phases if phase in (None, p.name)]
    return [
        d.id
        for d in plan.disturbances
        if d.fault.hides_attempts() and any(d.start_s < span.end_s and span.start_s < d.end_s for span in spans)
    ]


def _amplification(evidence: Evidence, attempts: np.ndarray[Any, Any], due_s: np.ndarray[Any, Any]) -> Interval:
    from harness.judging.scoring.amplification import retry_amplification

    return retry_amplification(attempts, due_s, seed=evidence.plan.seed)
