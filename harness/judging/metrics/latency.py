"""How long answers took, counted from when their request was due; one that never came took longer than anybody waited."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import Interval
from harness.judging.grounds import ANSWERED, Ground
from harness.judging.metrics.base import Metric, best_case, measured
from harness.judging.sample import Sample
from harness.judging.scoring.shares import TAIL
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    from harness.judging.result import Measured
    from harness.judging.scoring.answers import Bools
    from harness.judging.scoring.distributions import Floats
    from harness.judging.scoring.quantiles import Timed

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_COMPLETE = "_complete"


class _Quantiles(Metric):
    unit: ClassVar[str] = "ms"
    parts: ClassVar[tuple[str, ...]] = (*QUANTILES, *(f"{part}{_COMPLETE}" for part in QUANTILES))
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    usual_part: ClassVar[str] = "p95"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        q, of_all = _asked(part)
        column = self._column(sample)
        made: Interval = sample.once(f"{column} {q} {of_all}", lambda: _timed(sample, column, of_all).quantile(q))
        return made

    def _column(self, sample: Sample) -> str:
        """The column of the requests that says how long it was."""
        return self.name

    def grounds(self, part: str | None) -> tuple[Ground, ...]:
        """Who got no answer is left out of the complete ones alone, and counts as slow in the others."""
        return () if _asked(part)[1] else (ANSWERED,)

    def about_usual(self, part: str | None) -> bool:
        """A limit on the median says nothing of the slowest twentieth."""
        return _asked(part)[0] >= _asked(None)[0]

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many requests got no complete answer, and what they count as."""
        _, _, answered = _censored(sample, self._column(sample))
        if answered.all():
            return ""
        without = f"{int((~answered).sum())} of {answered.size} requests got no complete answer"
        return f"{without}{' and count as longer than anybody waited' if _asked(part)[1] else ', which are left out'}"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return best_quantile(plan, expectation, _asked(expectation.part)[0])

    def unbreakable(self, plan: Plan, expectation: Expectation) -> str | None:
        """Behind the deadline: what clients give up leaves it open."""
        deadline_s, (_, of_all) = plan.scenario.load.deadline, _asked(expectation.part)
        if plan.closed or not of_all or not expectation.wants_low or expectation.limit <= 1000 * deadline_s:
            return None
        return (
            f"clients give up after {deadline_s:g} s (load.deadline), so that no run can break it, and many time-outs leave it open; "
            "lower the limit, or have them wait longer"
        )

    def also(self, whole: Sample) -> dict[str, Measured]:
        return {part: measured(self.measure(whole, part)) for part in self.parts}


class Latency(_Quantiles):
    """Milliseconds from due to the end of the answer: p50, p90, p95 or p99; p95_complete and so on over complete answers alone.

    A request without a complete answer counts as longer than its client would wait for one, however soon it was refused.
    """

    name: ClassVar[str] = "latency_ms"
    needs: ClassVar[Known] = "requests"
    title: ClassVar[str] = "Latency"
    about: ClassVar[str] = "from when a request was due to the end of its answer"
    chart: ClassVar[str] = "latency"
    followed: ClassVar[bool] = True

    def follows(self, part: str | None) -> bool:
        """What is left out of the complete ones alone is what is worst."""
        return part in QUANTILES

    def known_after_s(self, limit: float, within_s: float) -> float:
        return limit / 1000

    def so_far(self, outcomes: Sequence[tuple[bool, float]], part: str | None = None) -> float:
        took_s = sorted(seconds for _, seconds in outcomes)
        return 1000 * took_s[min(len(took_s) - 1, int(_asked(part)[0] * len(took_s)))]


class TimeToFirstToken(_Quantiles):
    """Milliseconds from due to the first token: p50, p90, p95 or p99; p95_complete and so on over complete answers alone.

    A request without a complete answer counts as longer than its client would wait: whoever got half of one has to ask again.
    """

    name: ClassVar[str] = "ttft_ms"
    needs: ClassVar[Known] = "requests"
    not_of_users: ClassVar[str] = "nobody reads the answers of a locustfile's users, so that a first token is not seen"
    title: ClassVar[str] = "Time to first token"
    about: ClassVar[str] = "from when a request was due to its first token"

    def _column(self, sample: Sample) -> str:
        """That of the latency where no answer came in pieces: both are the same numbers then."""

        def at_once() -> bool:
            import numpy as np

            token_ms, end_ms = (sample.run.column("requests", name) for name in (self.name, Latency.name))
            return np.array_equal(token_ms, end_ms, equal_nan=True)

        return Latency.name if sample.run.once("whole at once", at_once) else self.name


def best_quantile(plan: Plan, expectation: Expectation, q: float) -> str | None:
    """Why not even the best samples that *plan* can give would settle *expectation* on quantile *q*."""

    def best(n: int) -> Interval:
        """All at once, or never: only an end that so few samples leave open can still miss the limit."""
        if expectation.wants_low:
            value = expectation.limit - 1
            return Interval(value, value, value if q**n <= TAIL else inf, n)
        value = expectation.limit + 1
        return Interval(value, value if (1 - q) ** n <= TAIL else -inf, value, n)

    return best_case(plan, expectation, best)


def _asked(part: str | None) -> tuple[float, bool]:
    """Which quantile, and whether of all requests or of complete answers alone."""
    named = part or _Quantiles.usual_part
    quantile = named.removesuffix(_COMPLETE)
    return QUANTILES[quantile], quantile == named


def _timed(sample: Sample, column: str, of_all: bool) -> Timed:
    from harness.judging.scoring.quantiles import Timed

    def made() -> Timed:
        every = Timed.of(*_censored(sample, column))
        return every if of_all else every.of_answered()

    timed: Timed = sample.lately("values in order", f"{column} {of_all}", made)
    return timed


def _censored(sample: Sample, column: str) -> tuple[Floats, Floats, Bools]:
    """When each request was due that was sent, its *column* in ms or what that would be at the least, and which of both.

    Who is refused at once was not served fast: the answer never came in the time in which the client would have taken it.
    Only what the end of the run cut off was waited for more briefly.
    """
    import numpy as np

    run, deadline_s = sample.run, sample.run.plan.scenario.load.deadline
    due_s, outcome, took_ms = sample.read("due_s"), sample.words("outcome"), sample.read(column)
    answered = outcome == "complete"
    ended_s = run.ended.at_s if run.ended else run.observed_until_s
    waited_s = np.where(outcome == "unfinished", (ended_s - due_s).clip(0, deadline_s), deadline_s)
    least_ms = np.where(answered, took_ms, 1000 * waited_s)
    # A time that cannot be is measured nowhere.
    kept = (outcome != "not_sent") & ~np.isnan(least_ms)
    return (due_s, least_ms, answered) if kept.all() else (due_s[kept], least_ms[kept], answered[kept])
