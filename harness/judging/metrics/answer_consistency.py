"""Whether the same question got the same answer, across replicas and time."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics.base import Metric, best_case, measured
from harness.judging.sample import Sample
from harness.judging.scoring.shares import TAIL, wilson
from harness.planning.plan import Plan
from harness.protocols.nonce import unmarked
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    from harness.judging.result import Measured
    from harness.judging.scoring.consistency import Compared, Consistency


class AnswerConsistency(Metric):
    """Share of answers that agree with the newest published snapshot, or where there is none with the usual answer."""

    name: ClassVar[str] = "answer_consistency"
    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        return compare(sample).ratio

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_case(plan, expectation, lambda n: wilson(0 if expectation.wants_low else n, n))

    def also(self, whole: Sample) -> dict[str, Measured]:
        compared = compare(whole)
        parts = {
            "monotonic_violations": compared.monotonic_violations,
            "disagreements": compared.disagreements,
            "disagreed_s": compared.disagreed_s,
        }
        return {name: measured(interval) for name, interval in parts.items()}


class MonotonicViolations(Metric):
    """Answers from an older snapshot than their conversation had seen: exactly how many in this run; .rate: how many a run to expect.

    The count is about this run, and known. The rate is about runs like it, and none seen in one run leaves room for 3.7.
    A metric that counts what must not happen does as this one: `shares.exact` for the count, `counts.rate_a_run` for the part ``rate``.
    """

    name: ClassVar[str] = "monotonic_violations"
    unit: ClassVar[str] = "answers"
    parts: ClassVar[tuple[str, ...]] = ("rate",)
    needs_part: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        compared = compare(sample)
        return compared.monotonic_rate if part == "rate" else compared.monotonic_violations

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if plan.target.ask.reply.snapshot_version is None:
            return f"target {plan.target.name!r} does not say where a reply names its snapshot (ask.reply.snapshot_version)"
        none_seen = Interval(0.0, 0.0, -log(TAIL))
        if expectation.part == "rate" and expectation.wants_low and expectation.judge(none_seen) != "pass":
            return (
                f"one run without any leaves room for {none_seen.high:.1f} a run; "
                f"expect {none_seen.high:.1f} or more, or leave out .rate: that is the count of this run"
            )
        return None

    def also(self, whole: Sample) -> dict[str, Measured]:
        return {"rate": measured(self.measure(whole, "rate"))}


def compare(sample: Sample) -> Consistency:
    """All answers of the run held against what they should have said; those of the *sample* are counted."""
    scored: Consistency = sample.once("consistency", lambda: _score(sample))
    return scored


def _score(sample: Sample) -> Consistency:
    run = sample.run
    compared: Compared = run.once("answers", lambda: _compare(run))
    complete = run.requests.index[run.requests["outcome"] == "complete"]
    return compared.consistency(complete.isin(sample.requests.index))


def _compare(evidence: Evidence) -> Compared:
    from harness.judging.scoring import consistency

    rows = evidence.requests[evidence.requests["outcome"] == "complete"]
    publish = evidence.plan.target.publish
    return consistency.compare(
        # A service that repeats the question repeats its nonce, which is another one every time.
        rows.assign(answer=rows["answer"].map(unmarked, na_action="ignore")),
        evidence.publications(),
        baseline=(rows["phase"] == "baseline").to_numpy(),
        replica_lag_s=publish.replica_lag if publish else 0.0,
        by=evidence.plan.target.ask.reply.compare,
    )
