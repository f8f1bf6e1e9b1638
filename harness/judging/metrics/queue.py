"""How much waits in a queue of jobs, and for how long the oldest of it has waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.jobs import OfJobs, Waits, waits
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Floats
    from harness.planning.disturbance import Phase


class _OfQueue(OfJobs):
    """A number that a queue has at each moment; the greatest counts, over the phases that were asked for."""

    of_requests: ClassVar[bool] = False
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        if sample.run.plan.target.ask.job is None:
            return UNMEASURED
        # What waits in a phase may have been submitted before it.
        found: Waits = sample.once("waits of all", lambda: _of_all(sample))
        if not found.due_s.size or not sample.spans:
            return UNMEASURED
        import numpy as np

        # One that its service has lost, and said so, waits no longer.
        least_s, most_s = np.fmin(found.least_s, found.left_s), found.left_s
        least, likely, most = (
            max(self._most(found.sent_s, found.sent_s + wait_s, span) for span in sample.spans)
            for wait_s in (least_s, (least_s + most_s) / 2, most_s)
        )
        return Interval(likely, min(least, likely), max(likely, most), found.due_s.size)

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """That work counts as waiting where no state tells them apart."""
        job = sample.run.plan.target.ask.job
        if job is None or job.running:
            return ""
        return "no state says that a job is worked on (ask.job.running), so each counts until its result"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return self.no_jobs(plan)

    def _most(self, from_s: Floats, until_s: Floats, span: Phase) -> float:
        """The greatest number within *span*, of jobs each of which waits *from_s* *until_s*."""
        raise NotImplementedError


def _of_all(sample: Sample) -> Waits:
    """Of the jobs of the whole load, its warm-up too."""
    import numpy as np

    before, after = waits(sample.warmup), waits(sample.whole)
    return Waits._make(np.concatenate(both) for both in zip(before, after, strict=True))


class QueueDepth(_OfQueue):
    """The most jobs that waited at once, of those that the load submitted and that were accepted.

    What is told by polls is known from one poll to the next: the interval has room for both ends of that.
    """

    name: ClassVar[str] = "queue_depth"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "jobs at once"
    title: ClassVar[str] = "Queue depth"
    about: ClassVar[str] = "jobs that waited at once, at the most"
    broken_first: ClassVar[int] = 23

    def _most(self, from_s: Floats, until_s: Floats, span: Phase) -> float:
        import numpy as np

        waits_then = (from_s < span.end_s) & (until_s > span.start_s) & (until_s > from_s)
        begins, ends = from_s[waits_then], until_s[waits_then]
        at_s = np.concatenate([ends, begins.clip(span.start_s)])
        # One that ends when another begins makes room for it.
        order = np.lexsort((np.repeat([0, 1], begins.size), at_s))
        depth = np.cumsum(np.repeat([-1, 1], begins.size)[order])
        return float(depth[at_s[order] < span.end_s].max(initial=0))

    def broken(self, said: Said) -> str:
        return f"{said.counted('job')} waited at once{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"{said.counted('job')} waited at once{said.where}, at the most"


class QueueAge(_OfQueue):
    """Seconds for which the oldest job in the queue had waited, at the most; of those that the load submitted and that were accepted.

    Unlike `queue_time_ms` it does not wait for a job to begin: one that never does grows older until its client gives up.
    """

    name: ClassVar[str] = "queue_age_s"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "s"
    title: ClassVar[str] = "Queue age"
    about: ClassVar[str] = "for which the oldest job in the queue had waited, at the most"
    broken_first: ClassVar[int] = 24

    def _most(self, from_s: Floats, until_s: Floats, span: Phase) -> float:
        waits_then = (from_s < span.end_s) & (until_s > span.start_s)
        return float((until_s[waits_then].clip(max=span.end_s) - from_s[waits_then]).max(initial=0.0))

    def broken(self, said: Said) -> str:
        return f"the oldest job in the queue had waited for {said.value}{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"no job in the queue had waited for longer than {said.value}{said.where}"
