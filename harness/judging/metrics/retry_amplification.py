"""How many attempts at providers one logical request became."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import Ground
from harness.judging.joining import CLIENT
from harness.judging.metrics.attempts import (
    CountsAttempts,
    calls,
    each_of,
    fewest_case,
    hidden,
    mean_of,
    tried,
    unwatched,
)
from harness.judging.metrics.base import measured
from harness.judging.metrics.telling import Said
from harness.judging.sample import LABELS, Sample
from harness.judging.scoring.shares import dearer_missed, wilson
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict
from harness.reading.quantities import counted, plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.result import Measured

PER_REQUEST = "per_request"
PRESSES = "presses"
STEPS = "steps"


class RetryAmplification(CountsAttempts):
    """Attempts in front of the fault per call of a request that made any, joined by nonce; .per_request: those that made none included.

    Most requests become one call of a provider. One that becomes several different ones, as an agent's steps, has tries of each, told by
    what attempts say: five steps that are each tried once are 1, not 5. .steps: how many calls a request that made any became.

    Where clients ask again (load.retries), what they add is in it, as the layer client; .presses: how often a client asked for one request,
    whatever the service made of it.

    A request counts where it was due. One that was answered from a cache, or refused outright, made no attempt, and must not hide how
    often the others tried. Where none made one, nothing was measured. Attempts that cannot be joined are no part of the value, and raise
    the interval's upper end.
    """

    name: ClassVar[str] = "retry_amplification"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link", "layer")
    among_exposed: ClassVar[bool] = True
    title: ClassVar[str] = "Retry amplification"
    about: ClassVar[str] = "attempts at providers for each request that made any"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            PER_REQUEST: "attempts at providers for each request that made any, all of its calls together",
            PRESSES: "times that clients asked for each request",
            STEPS: "different calls of providers for each request that made any",
        }
    )
    broken_first: ClassVar[int] = 30
    held_first: ClassVar[int] = 30
    chart: ClassVar[str] = "amplification"
    in_tables: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = (PER_REQUEST, PRESSES, STEPS)
    part_titles: ClassVar[Mapping[str, str]] = MappingProxyType(
        {PRESSES: "Presses per request", STEPS: "Calls per request"}
    )
    needs_part: ClassVar[bool] = False
    least: ClassVar[float] = 1.0

    def grounds(self, part: str | None) -> tuple[Ground, ...]:
        """What attempts it rests on it says in its remark, but of the calls."""
        return self.rests_on if part == STEPS else ()

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        if part == PRESSES:
            return presses(sample)
        if part == STEPS:
            return UNMEASURED if unwatched(sample) else mean_of(sample, calls(sample), tried(sample))
        every = part == PER_REQUEST
        found: Interval = sample.once(
            f"{self.name} {every}", lambda: each_of(sample, _each_call(sample, sample.tries()), tried(sample) | every)
        )
        least, _ = self.range_of(part, sample.labels)
        return found if found.value is None else replace(found, low=max(found.low, least))

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many requests made an attempt, where not all did; what equal counts cannot have shown; and how often clients asked."""
        if part in (PRESSES, STEPS):
            return ""
        return "; ".join(said for said in (self._of_attempts(sample), _asked(sample), _of_steps(sample)) if said)

    def _of_attempts(self, sample: Sample) -> str:
        tries = sample.column("attempts")
        if not tries.size or hidden(sample.run.plan, sample.spans):
            return ""
        if sample.unjoined():
            return _unjoined(sample.seen())
        if gave_up := _gave_up(sample):
            return gave_up
        if not (tries > 0).all():
            return _tried(tries, sample.baseline.column("attempts"))
        return _equal(sample.tries())

    def at_best(self, sample: Sample) -> Verdict:
        """What a service tried elsewhere says nothing of a phase in which it had given up."""
        return "inconclusive" if _gave_up(sample) else "pass"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        selection = expectation.selection
        asks_again = plan.pressing is not None
        if not asks_again and (expectation.part == PRESSES or dict(selection.labels).get("layer") == CLIENT):
            return "no client asks again: the scenario has no load.retries"
        if expectation.part == STEPS and "layer" in selection.names:
            return "how many calls a request is made up of says nothing of one layer"
        if expectation.part != PRESSES:
            return super().unsettled(plan, expectation)
        if picked := [name for name in selection.names if LABELS[name].of == "attempt"]:
            return f"how often clients ask says nothing of one {picked[0]}"
        return fewest_case(plan, expectation, 1.0) if expectation.wants_low else None

    def range_of(self, part: str | None, labels: Iterable[str] = ()) -> tuple[float, float]:
        return (1.0, self.bounds[1]) if part in (PRESSES, STEPS) else super().range_of(part, labels)

    def also(self, whole: Sample) -> dict[str, Measured]:
        """*arrived*: attempts per tried request that came out of the fault at the providers; what is missing, it ate."""
        if self.measure(whole).value is None:
            return {}
        asked = tried(whole)
        pressed = {PRESSES: measured(presses(whole))} if whole.run.plan.pressing is not None else {}
        return {
            "arrived": measured(mean_of(whole, _each_call(whole, whole.arrived()), asked)),
            PER_REQUEST: measured(self.measure(whole, PER_REQUEST)),
            # The share of requests that made an attempt.
            "tried": measured(wilson(int(asked.sum()), asked.size)),
            **pressed,
            **({STEPS: measured(self.measure(whole, STEPS))} if (calls(whole) > 1).any() else {}),
        }

    def includes(self, parts: Mapping[str, float | None]) -> str:
        many = parts.get(PRESSES) or 1.0
        return f"clients who asked again included ({plain(many)} presses per request over the run)" if many > 1 else ""

    def broken(self, said: Said) -> str:
        return f"{_became(said, 'every request')}{said.where}; the limit is {_bare(said.limit)}"

    def held(self, said: Said) -> str:
        outlived = f", but {_bare(said.exposed)} of those that lived wholly inside {said.fault}" if said.exposed else ""
        return f"{_became(said, 'a request')}{said.where}{outlived}"


def _each_call(sample: Sample, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """*counts* of each picked request, for each of the calls that it was made up of."""
    of = calls(sample)
    return counts / of if (of > 1).any() else counts


def _of_steps(sample: Sample) -> str:
    """Of how many calls requests are made up, where any is of several."""
    of = calls(sample)
    return (
        f"a request is made up of {plain(float(of.mean()))} calls, and tries are counted for each"
        if (of > 1).any()
        else ""
    )


def presses(sample: Sample) -> Interval:
    """How often clients asked for one request, over those that were sent at all."""
    sent = sample.words("outcome") != "not_sent"
    # Whatever a row says, who was sent asked once.
    return mean_of(sample, sample.column("presses").clip(1), sent) if sent.any() else UNMEASURED


def _asked(sample: Sample) -> str:
    """How often clients asked, where any asked again: that is in the number, too."""
    many = presses(sample).value if sample.run.plan.pressing is not None else None
    return (
        f"clients asked {plain(many)} times for each request, which is in it" if many is not None and many > 1 else ""
    )


def _became(said: Said, request: str) -> str:
    """What of the metric's parts was measured, of each *request*."""
    if said.title == RetryAmplification.part_titles[PRESSES]:
        return f"clients asked {replace(said, value=_bare(said.value)).counted('time')} for {request}"
    if said.title == RetryAmplification.part_titles[STEPS]:
        return f"{request} was made up of {replace(said, value=_bare(said.value)).counted('call')} of providers"
    return f"{request} became {_attempts(said)} at the providers"


def _attempts(said: Said) -> str:
    return replace(said, value=_bare(said.value)).counted("attempt")


def _bare(text: str) -> str:
    """A number of attempts without the sign of a factor."""
    return text.removesuffix(" ×")


def _tried(tries: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64]) -> str:
    """``68 of 100 requests made an attempt``, and where it was otherwise in the baseline, how many did there."""
    mine, before = wilson(int((tries > 0).sum()), tries.size), wilson(int((baseline > 0).sum()), baseline.size)
    said = f"{int((tries > 0).sum()) or 'none'} of {tries.size} requests made an attempt"
    apart = baseline.size and (mine.high < before.low or before.high < mine.low)
    return f"{said}, and {int((baseline > 0).sum())} of {baseline.size} did in the baseline" if apart else said


def _gave_up(sample: Sample) -> str:
    """That requests of the baseline made attempts, and none of one of several phases; empty where there is no such phase."""
    before, phases = sample.baseline.column("attempts"), sample.words("phase")
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
    made = f"each of {tries.size} requests made {counted(int(tries[0]), 'attempt')}"
    return f"{made}; of dearer ones, {100 * dearer_missed(tries.size):.2g} % could have been missed"


def _unjoined(seen: int) -> str:
    many = f"{counted(seen, 'attempt')} {'was' if seen == 1 else 'were'} seen"
    return f"{many}, and none could be joined to a request" if seen else ""
