"""Whether the same question got the same answer, across replicas and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.interval import Interval
from harness.judging.answers import compared
from harness.judging.grounds import ANSWERED, SNAPSHOTS, Ground
from harness.judging.metrics.base import Metric, best_case, measured
from harness.judging.metrics.counted import RATE, MustNotHappen
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.judging.scoring.shares import wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np

    from harness.judging.evidence import Evidence
    from harness.judging.result import Measured
    from harness.judging.scoring.consistency import Consistency


class AnswerConsistency(Metric):
    """Share of answers that agree with the newest published snapshot, and where none was published with the baseline.

    One to a question that was asked once has nothing that it could agree with, unless it is known what is right, and counts for nothing.
    """

    name: ClassVar[str] = "answer_consistency"
    rests_on: ClassVar[tuple[Ground, ...]] = (ANSWERED,)
    needs: ClassVar[Known] = "requests"
    not_of_users: ClassVar[str] = (
        "answers are compared by their question, and nobody knows what users of a locustfile ask"
    )
    reads_answers: ClassVar[bool] = True
    unit: ClassVar[str] = "ratio"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    title: ClassVar[str] = "Answer consistency"
    chart: ClassVar[str] = "snapshots"
    about: ClassVar[str] = "of answers said what they should have said"
    better: ClassVar[Literal["lower", "higher"] | None] = "higher"
    broken_first: ClassVar[int] = 40
    held_first: ClassVar[int] = 40

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        share: Interval = sample.once("consistency of several", lambda: _of_several(sample))
        return share

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many answers have nothing that they could agree with."""
        counted = _counted(sample)
        alone = int((_alone(sample.run) & counted).sum())
        told = f"of {alone} of {int(counted.sum())} answers it cannot be told, since none other was given to their question"
        return told if alone else ""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_case(plan, expectation, lambda n: wilson(0 if expectation.wants_low else n, n))

    def also(self, whole: Sample) -> dict[str, Measured]:
        found = compare(whole)
        parts = {
            "monotonic_violations": found.monotonic_violations,
            "disagreements": found.disagreements,
            "disagreed_s": found.disagreed_s,
        }
        return {name: measured(interval) for name, interval in parts.items()}

    def broken(self, said: Said) -> str:
        if said.wants_low:
            return super().broken(said)
        return (
            f"only {said.share} of answers said what they should{said.where}; it should be {said.limit_share} or more"
        )

    def held(self, said: Said) -> str:
        share, who = ("every answer", "it") if said.number == 1 else (f"{said.share} of answers", "they")
        return f"{share} said what {who} should{said.where}"


class MonotonicViolations(MustNotHappen):
    """Answers from an older snapshot than their conversation had seen: exactly how many in this run; .rate: how many a run to expect."""

    name: ClassVar[str] = "monotonic_violations"
    rests_on: ClassVar[tuple[Ground, ...]] = (
        SNAPSHOTS,
        ANSWERED,
    )
    needs: ClassVar[Known] = "requests"
    not_of_users: ClassVar[str] = (
        "versions are read from answers in the order of a conversation, and nobody reads those of a locustfile's users"
    )
    unit: ClassVar[str] = "answers"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Steps back"
    chart: ClassVar[str] = "snapshots"
    about: ClassVar[str] = "answers older than what their conversation already knew"
    never: ClassVar[str] = "no conversation was told something older than it already knew"
    broken_first: ClassVar[int] = 50
    held_first: ClassVar[int] = 50

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        compared = compare(sample)
        return compared.monotonic_rate if part == RATE else compared.monotonic_violations

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if plan.target.ask.reply.snapshot_version is None:
            return f"target {plan.target.name!r} does not say where a reply names its snapshot (ask.reply.snapshot_version)"
        return super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        may = "none may" if said.bound == 0 else f"at most {said.limit} may"
        many = f"{said.counted('answer')}{said.where} {said.were}"
        return f"{many} older than what {said.their} conversation had already been told; {may}"


class Leaks(MustNotHappen):
    """Answers that were another user's: exactly how many in this run; .rate: how many a run to expect. Questions say who asks (`user`)."""

    name: ClassVar[str] = "leaks"
    rests_on: ClassVar[tuple[Ground, ...]] = (ANSWERED,)
    needs: ClassVar[Known] = "requests"
    not_of_users: ClassVar[str] = (
        "the questions file says who may be told what, and nobody knows what users of a locustfile ask"
    )
    asks_who: ClassVar[bool] = True
    unit: ClassVar[str] = "answers"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Leaks"
    chart: ClassVar[str] = "snapshots"
    about: ClassVar[str] = "answers that were another user's"
    never: ClassVar[str] = "no answer was another user's"
    broken_first: ClassVar[int] = 5
    held_first: ClassVar[int] = 55

    def broken(self, said: Said) -> str:
        may = "none may be" if said.bound == 0 else f"at most {said.limit} may be"
        return f"{said.counted('answer')}{said.where} {said.were} another user's; {may}"

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        count, rate = compared(sample.run).leaks(_counted(sample))
        return rate if part == RATE else count


def compare(sample: Sample) -> Consistency:
    """All answers of the run held against what they should have said; those of the *sample* are counted."""
    scored: Consistency = sample.once("consistency", lambda: _score(sample))
    return scored


def _of_several(sample: Sample) -> Interval:
    """The share of those answers that have another one, or something that is known, which they could agree with."""
    counted, alone = _counted(sample), _alone(sample.run)
    return compared(sample.run).ratio(counted & ~alone) if (counted & alone).any() else compare(sample).ratio


def _alone(run: Evidence) -> np.ndarray[Any, Any]:
    """Which of the complete answers of *run* have nothing that they could agree with."""
    alone: np.ndarray[Any, Any] = run.once("answers alone", lambda: compared(run).alone())
    return alone


def _score(sample: Sample) -> Consistency:
    return compared(sample.run).consistency(_counted(sample))


def _counted(sample: Sample) -> np.ndarray[Any, Any]:
    """Which of the run's complete answers the *sample* picks."""
    counted: np.ndarray[Any, Any] = sample.picked[sample.run.words("requests", "outcome") == "complete"]
    return counted
