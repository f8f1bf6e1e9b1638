"""How long what is answered later waits for its turn, and whether any of it is lost or done twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import ACCEPTED, Ground
from harness.judging.metrics.base import Metric, measured, measured_parts
from harness.judging.metrics.latency import QUANTILES, best_quantile
from harness.judging.metrics.telling import Said
from harness.judging.metrics.wasted_attempts import DuplicateCompletions
from harness.judging.sample import Sample
from harness.judging.scoring.shares import exact
from harness.planning.plan import Plan
from harness.protocols.jobs import GONE
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.result import Measured
    from harness.judging.scoring.distributions import Bools, Floats

LOST, DUPLICATED = "lost", "duplicated"
_OF_USERS = "the users of a locustfile submit and poll as they like, and nobody follows their jobs"


class OfJobs(Metric):
    """A metric of a service that answers later."""

    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    not_of_users: ClassVar[str] = _OF_USERS
    rests_on: ClassVar[tuple[Ground, ...]] = (ACCEPTED,)

    def no_jobs(self, plan: Plan) -> str | None:
        return None if plan.target.ask.job else f"target {plan.target.name!r} answers at once: it has no jobs (ask.job)"


class QueueTime(OfJobs):
    """Milliseconds from a job's submission until it is worked on, where its states tell that, else until its result: p50, p90, p95 or p99.

    Of the jobs that were accepted. One that nobody saw begin counts as longer than its client waited. What is told by polls is known from
    one poll to the next: the interval has room for both ends of that.
    """

    name: ClassVar[str] = "queue_time_ms"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "ms"
    parts: ClassVar[tuple[str, ...]] = tuple(QUANTILES)
    usual_part: ClassVar[str] = "p95"
    title: ClassVar[str] = "Queue time"
    about: ClassVar[str] = "from a job's submission until it was worked on"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    broken_first: ClassVar[int] = 22

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        q = QUANTILES[part or self.usual_part]
        found: Interval = sample.once(f"{self.name} {q}", lambda: _quantile(sample, q))
        return found

    def about_usual(self, part: str | None) -> bool:
        return QUANTILES[part or self.usual_part] >= QUANTILES[self.usual_part]

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many jobs nobody saw begin, and what is counted where no state tells of a beginning."""
        if sample.run.plan.target.ask.job is None:
            return ""
        begun = waits(sample).begun
        said = []
        if not begun.all():
            said.append(
                f"{int((~begun).sum())} of {begun.size} jobs never began, and count as longer than their clients waited"
            )
        if not _tells(sample.run):
            said.append("no state says that a job is worked on (ask.job.running), so the time until its result counts")
        return "; ".join(said)

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        q = QUANTILES[expectation.part or self.usual_part]
        return self.no_jobs(plan) or best_quantile(plan, expectation, q)

    def also(self, whole: Sample) -> dict[str, Measured]:
        return {part: measured(self.measure(whole, part)) for part in self.parts}


class Jobs(OfJobs):
    """Jobs that were .lost, which were accepted and came neither to a result nor to a failure, or .duplicated, whose work was done twice.

    Lost are those alone that the service had taken on: what it refuses, and what it says has failed, is none. A job is duplicated whose
    request got two whole answers of providers to one call (duplicate_completions), for whatever press of its client, or whose result was
    sent twice to its webhook. Both are counted; each attempt that is joined to no request may be one more that is duplicated.
    """

    name: ClassVar[str] = "jobs"
    unit: ClassVar[str] = "times"
    parts: ClassVar[tuple[str, ...]] = (LOST, DUPLICATED)
    part_titles: ClassVar[Mapping[str, str]] = MappingProxyType({LOST: "Jobs lost", DUPLICATED: "Jobs duplicated"})
    usual_part: ClassVar[str] = LOST
    title: ClassVar[str] = "Jobs"
    about: ClassVar[str] = "jobs that were accepted and never came to anything"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType(
        {DUPLICATED: "jobs whose work was done, or whose result was sent, twice"}
    )
    card: ClassVar[Literal["always", "not zero", "expected"]] = "not zero"
    broken_first: ClassVar[int] = 6
    held_first: ClassVar[int] = 24

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        if sample.run.plan.target.ask.job is None:
            return UNMEASURED
        found: Interval = sample.once(
            f"{self.name} {part}", lambda: _duplicated(sample) if part == DUPLICATED else _lost(sample)
        )
        return found

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if (why := self.no_jobs(plan)) is not None:
            return why
        if expectation.part == DUPLICATED and not _sees_work(plan):
            return f"target {plan.target.name!r} has no HTTP link and no webhook, so that no work can be seen that is done twice"
        return None

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)

    def broken(self, said: Said) -> str:
        may = "none may be" if said.bound == 0 else f"at most {said.limit} may be"
        return f"{said.counted('job')}{said.where} {said.were} {_part(said)}; {may}"

    def held(self, said: Said) -> str:
        many = f"{said.counted('job')} {said.were}" if said.number else "no job was"
        return f"{many} {_part(said)}{said.where}"


def _part(said: Said) -> str:
    return "accepted and never came to anything" if said.title.endswith(LOST) else "done twice"


def _sees_work(plan: Plan) -> bool:
    """Whether anything can be seen of work that is done, or of a result that is sent."""
    job = plan.target.ask.job
    return (job is not None and job.webhook) or any(link.carries == "http" for link in plan.target.links.values())


def _tells(run: Evidence) -> bool:
    """Whether states tell when a job begins to be worked on."""
    job = run.plan.target.ask.job
    return job is not None and bool(job.running)


def _quantile(sample: Sample, q: float) -> Interval:
    """What lies between the quantiles of the shortest and of the longest that each wait can have been."""
    from harness.judging.scoring.quantiles import clumped_quantile

    if sample.run.plan.target.ask.job is None:
        return UNMEASURED
    found = waits(sample)
    low, high = (
        clumped_quantile(found.due_s, 1000 * of, q, answered=found.begun) for of in (found.least_s, found.most_s)
    )
    if low.value is None or high.value is None:
        return UNMEASURED
    value = high.value if high.censored else (low.value + high.value) / 2
    return Interval(value, min(low.low, value), max(high.high, value), high.n, high.censored)


class Waits(NamedTuple):
    """Of each request whose job was accepted: when it was due and sent, the least and the most that it waited, and whether it began.

    *left_s*: after how long nobody waited for it any more, whatever would have become of it.
    """

    due_s: Floats
    sent_s: Floats
    least_s: Floats
    most_s: Floats
    begun: Bools
    left_s: Floats


def waits(sample: Sample) -> Waits:
    """What is known of how long the jobs of the *sample* waited until they were worked on, or as long as their clients waited."""
    import numpy as np

    held = sample.column("accepted_s")
    kept = ~np.isnan(held) & (sample.words("outcome") != "not_sent")
    due_s, end_s, running_s, waiting_s, last_s, sent_s = (
        sample.column(name)[kept] for name in ("due_s", "end_s", "running_s", "waiting_s", "last_sent_s", "sent_s")
    )
    sent_s = np.where(np.isnan(last_s) | (held[kept] < last_s), sent_s, last_s)
    ended = sample.words("job")[kept].isin(("done", "failed"))
    if not _tells(sample.run):
        running_s = np.full(running_s.size, np.nan)
    begun = ended | ~np.isnan(running_s)
    most_s = np.where(np.isnan(running_s), end_s, running_s) - sent_s
    least_s = np.where(np.isnan(waiting_s), 0.0, waiting_s - sent_s) if _tells(sample.run) else most_s
    waited_s = _waited_s(sample, sent_s, sample.words("outcome")[kept] == "unfinished")
    least_s, most_s = (np.where(begun, of, waited_s).clip(0) for of in (np.fmin(least_s, most_s), most_s))
    left_s = np.where(begun | np.isnan(end_s), most_s, np.fmin(most_s, end_s - sent_s)).clip(0)
    known = ~np.isnan(most_s)
    return Waits(due_s[known], sent_s[known], least_s[known], most_s[known], begun[known], left_s[known])


def _waited_s(sample: Sample, sent_s: Floats, cut_off: Bools) -> Floats:
    """How long a client waits for a job that never begins; what the end of the run cut off was waited for until then."""
    import numpy as np

    run, job = sample.run, sample.run.plan.target.ask.job
    most_s = min(run.plan.scenario.load.deadline, (job.deadline if job else None) or inf)
    ended_s = run.ended.at_s if run.ended else run.observed_until_s
    return np.where(cut_off, (ended_s - sent_s).clip(0, most_s), most_s)


def _lost(sample: Sample) -> Interval:
    """Of what was accepted; what the end of the run cut off may yet have come, and of what nobody could read nothing is known."""
    import numpy as np

    accepted_s, outcome = sample.column("accepted_s"), sample.words("outcome")
    known = ~np.isnan(accepted_s) & ~outcome.isin(("not_sent", "unfinished"))
    # That of an earlier press is lost as well where the last one was not accepted.
    unheard = (outcome == "timed_out") | np.isin(sample.column("status"), list(GONE))
    unheard |= accepted_s < sample.column("last_sent_s")
    lost = known & unheard & sample.words("job").isin(("waiting", "running"))
    return exact(int(lost.sum()), int(known.sum()))


def _duplicated(sample: Sample) -> Interval:
    job = sample.run.plan.target.ask.job
    sent_here = job is not None and job.webhook
    if not _sees_work(sample.run.plan) or (sample.unjoined() and (sample.seen() or not sent_here)):
        return UNMEASURED
    twice = DuplicateCompletions()
    which: Bools = sample.run.once((twice.name, "kind"), lambda: twice.kind(sample.run))
    again = (sample.tries_of(twice.name, which) > 0) | (sample.column("deliveries") > 1)
    sent = sample.words("outcome") != "not_sent"
    found = exact(int((again & sent).sum()), int(sent.sum()))
    return replace(found, high=found.high + sample.strays())
