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
from harness.judging.scoring.shares import ENOUGH_EQUAL, TAIL, dearer_missed, wilson
from harness.planning.disturbance import Phase
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.result import Measured

PER_REQUEST = "per_request"


class RetryAmplification(Metric):
    """Attempts in front of the fault per request that made any, joined by nonce; .per_request: per request, those that made none included.

    A request counts where it was due. One that was answered from a cache, or refused outright, made no attempt, and must not hide how
    often the others tried. Where none made one, nothing was measured. Attempts that cannot be joined are no part of the value, and raise
    the interval's upper end.
    """

    name: ClassVar[str] = "retry_amplification"
    unit: ClassVar[str] = "attempts per request"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link", "layer")
    among_exposed: ClassVar[bool] = True
    title: ClassVar[str] = "Retry amplification"
    about: ClassVar[str] = "attempts at providers for each request that made any"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 30
    held_first: ClassVar[int] = 30
    chart: ClassVar[str] = "amplification"
    in_tables: ClassVar[bool] = True
    counts_attempts: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = (PER_REQUEST,)
    needs_part: ClassVar[bool] = False

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        every = part == PER_REQUEST
        interval: Interval = sample.once(f"{self.name} {every}", lambda: _measure(sample, every=every))
        return interval

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many requests made an attempt, where not all did; and what equal counts cannot have shown."""
        tries = sample.column("attempts")
        if not tries.size or hidden(sample.run.plan, sample.spans):
            return ""
        if sample.unjoined():
            return f"{sample.seen()} attempts were seen, and none could be joined to a request" if sample.seen() else ""
        if gave_up := _gave_up(sample):
            return gave_up
        if not (tries > 0).all():
            return _tried(tries, sample.baseline.column("attempts"))
        return _equal(sample.tries())

    def at_best(self, sample: Sample) -> Verdict:
        """What a service tried elsewhere says nothing of a phase in which it had given up."""
        return "inconclusive" if _gave_up(sample) else "pass"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not any(link.carries == "http" for link in plan.target.links.values()):
            return f"target {plan.target.name!r} has no HTTP link, so no attempt can be seen"
        if names := hidden(plan, spans(plan, expectation.selection)):
            return f"{', '.join(names)} leaves nobody listening, and an attempt that is refused leaves no trace: it would be unmeasured"
        if not expectation.wants_low:
            return None
        # So many equal counts are exact; fewer leave this much room for one more attempt: Poisson's upper bound for none seen.
        return best_case(
            plan, expectation, lambda n: Interval(1.0, 1.0, 1.0 if n >= ENOUGH_EQUAL else 1.0 - log(TAIL) / n, n)
        )

    def unseen(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.carries != "http"]

    def also(self, whole: Sample) -> dict[str, Measured]:
        """*arrived*: attempts per tried request that came out of the fault at the providers; what is missing, it ate."""
        if self.measure(whole).value is None:
            return {}
        tried = _asked(whole)
        return {
            "arrived": measured(_amplification(whole, whole.arrived(), tried)),
            PER_REQUEST: measured(self.measure(whole, PER_REQUEST)),
            # The share of requests that made an attempt.
            "tried": measured(wilson(int(tried.sum()), tried.size)),
        }

    def broken(self, said: Said) -> str:
        return f"every request became {_bare(said.value)} attempts at the providers{said.where}; the limit is {_bare(said.limit)}"

    def held(self, said: Said) -> str:
        outlived = f", but {_bare(said.exposed)} of those that lived wholly inside {said.fault}" if said.exposed else ""
        return f"a request became {_bare(said.value)} attempts at the providers{said.where}{outlived}"


def _bare(text: str) -> str:
    """A number of attempts without the sign of a factor."""
    return text.removesuffix(" ×")


def _measure(sample: Sample, *, every: bool) -> Interval:
    tried = _asked(sample)
    # Not one attempt in the whole run that is known to be a request's: nothing was watched where the target asks, and 0 would be a
    # lie. None in this part of it: a service that has given up asking is no service that asks seldom.
    if hidden(sample.run.plan, sample.spans) or not tried.any() or sample.unjoined():
        return UNMEASURED
    joined = _amplification(sample, sample.tries(), tried | every)
    # A retry that drops the nonce is a retry all the same: for all that can be told, the strays belong to these requests.
    return replace(joined, high=joined.high + sample.strays() / joined.n)


def _asked(sample: Sample) -> npt.NDArray[np.bool_]:
    """Which requests made an attempt, on whichever link."""
    asked: npt.NDArray[np.bool_] = sample.column("attempts") > 0
    return asked


def _tried(tries: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64]) -> str:
    """``68 of 100 requests made an attempt``, and where it was otherwise in the baseline, how many did there."""
    mine, before = wilson(int((tries > 0).sum()), tries.size), wilson(int((baseline > 0).sum()), baseline.size)
    said = f"{int((tries > 0).sum()) or 'none'} of {tries.size} requests made an attempt"
    apart = baseline.size and (mine.high < before.low or before.high < mine.low)
    return f"{said}, and {int((baseline > 0).sum())} of {baseline.size} did in the baseline" if apart else said


def _gave_up(sample: Sample) -> str:
    """That requests of the baseline made attempts, and none of one of several phases; empty where there is no such phase."""
    before, phases = sample.baseline.column("attempts"), sample.column("phase")
    for phase in sample.spans if len(sample.spans) > 1 else ():
        tries = sample.column("attempts")[phases == phase.name]
        apart = (
            tries.size and before.size and wilson(0, tries.size).high < wilson(int((before > 0).sum()), before.size).low
        )
        if apart and not tries.any() and not hidden(sample.run.plan, [phase]):
            return f"in {phase.name} {_tried(tries, before)}"
    return ""


def _equal(tries: npt.NDArray[np.int64]) -> str:
    if tries.min() != tries.max() or not tries[0]:
        return ""
    made = f"each of {tries.size} requests made {tries[0]} attempt{'s' if tries[0] > 1 else ''}"
    return f"{made}; of dearer ones, {100 * dearer_missed(tries.size):.2g} % could have been missed"


def hidden(plan: Plan, during: Iterable[Phase]) -> list[str]:
    """Ids of the faults that hide attempts of requests due *during* these phases."""
    return [
        d.id
        for d in plan.disturbances
        if d.fault.hides_attempts() and any(d.start_s < span.end_s and span.start_s < d.end_s for span in during)
    ]


def _amplification(sample: Sample, attempts: npt.NDArray[Any], among: npt.NDArray[np.bool_]) -> Interval:
    from harness.judging.scoring.amplification import retry_amplification

    due_s = sample.column("due_s")[among]
    return retry_amplification(attempts[among], due_s, _settled(sample, due_s))


def _settled(sample: Sample, due_s: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which requests were due when the service had had time to take in that a fault, each of several, had begun or ended."""
    import numpy as np

    edges_s = [edge_s for window in sample.run.in_force() for edge_s in (window.start_s, window.end_s)]
    settled: npt.NDArray[np.bool_] = ~np.isnan(due_s)
    for edge_s in edges_s:
        settled &= (due_s < edge_s) | (due_s >= edge_s + sample.run.plan.scenario.good.within)
    return settled
