"""How close a run came to the curve of an incident that its scenario names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.fidelity import NOT_NAMED, bins, logged, while_broken
from harness.judging.metrics.base import Metric, measured_parts
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, spans
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    from harness.judging.result import Measured

RATE, ERRORS, LATENCY = "rate", "errors", "latency"


class Fidelity(Metric):
    """Share of bins of 5 s or longer in which the run's rate, share of failures and median latency are those of the recorded curve.

    Of the time in which something is broken, or of all other time, whichever share is lower: a long log of nothing hides no outage.
    A bin is apart where one of the three differs beyond chance and beyond what nobody minds; one in which too little came says nothing, and
    is told as the uncertainty that it is. Of its parts each is one of the three alone.
    """

    name: ClassVar[str] = "fidelity"
    unit: ClassVar[str] = "ratio"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    of_requests: ClassVar[bool] = False
    parts: ClassVar[tuple[str, ...]] = (RATE, ERRORS, LATENCY)
    needs_part: ClassVar[bool] = False
    part_titles: ClassVar[Mapping[str, str]] = MappingProxyType(
        {RATE: "Fidelity of the rate", ERRORS: "Fidelity of failures", LATENCY: "Fidelity of the latency"}
    )
    title: ClassVar[str] = "Fidelity"
    about: ClassVar[str] = "of bins of time came as close to the recorded curve as chance lets them"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            RATE: "of bins of time had a rate as close to the recorded one as chance lets them",
            ERRORS: "of bins of time had a share of failures as close to the recorded one as chance lets them",
            LATENCY: "of bins of time had a median latency as close to the recorded one as chance lets them",
        }
    )
    better: ClassVar[Literal["lower", "higher"] | None] = "higher"
    broken_first: ClassVar[int] = 90
    held_first: ClassVar[int] = 60
    chart: ClassVar[str] = "beside_recorded"

    def there(self, plan: Plan) -> bool:
        return plan.logged is not None

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        from harness.judging.scoring.fidelity import agreement

        if sample.run.plan.logged is None:
            return UNMEASURED
        every = bins(sample.run)
        inside = sum((every.middle_s >= one.start_s) & (every.middle_s < one.end_s) for one in sample.spans) > 0
        broken = while_broken(sample.run.plan, every)
        states = {RATE: every.rate, ERRORS: every.errors, LATENCY: every.latency}.get(part or "", every.whole)
        if not sample.spans:
            return UNMEASURED
        found = agreement(states[inside], broken[inside])
        windows = sample.run.plan.windows
        asked = any(
            one.start_s < other.end_s and other.start_s < one.end_s for one in sample.spans for other in windows
        )
        if asked and found.value is not None and not broken[inside].any():
            # Of the time in which something is broken nothing is known.
            return replace(found, low=0.0)
        return found

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """What it is of where that is no request of a client, and why it is not measured."""
        curve = sample.run.plan.logged
        if curve is None:
            return NOT_NAMED
        if self.measure(sample, part).value is None:
            return "too little was recorded, run or answered there to say how close it came"
        return "of attempts at dependencies, since the curve is of calls" if curve.of == "calls" else ""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        from harness.judging.scoring.fidelity import BINS_FEWEST, FEWEST, width_s

        if plan.logged is None:
            return NOT_NAMED
        if plan.logged.of == "calls" and (why := no_http(plan)):
            return why
        curve = logged(plan)
        width, tells = width_s(curve), 0
        for start in range(0, curve.known.size, width):
            middle_s, inside = start + width / 2, slice(start, start + width)
            scored = any(one.start_s <= middle_s < one.end_s for one in spans(plan, expectation.selection))
            tells += scored and min(curve.came[inside].sum(), curve.per_s[inside].sum()) >= FEWEST
        if tells >= BINS_FEWEST:
            return None
        return (
            f"{plan.logged.file} has {tells} bins of {width} s there in which {FEWEST} {plan.logged.of} or more came, and of fewer than "
            f"{BINS_FEWEST} nothing is said; ask it of the whole run, or let the curve be of a longer time"
        )

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)

    def broken(self, said: Said) -> str:
        less = "at most" if said.wants_low else "at least"
        return f"{self.held(said)}; it should be {less} {said.limit_share}"

    def held(self, said: Said) -> str:
        which = said.where or " (broken or not, whichever is less)"
        return f"the run was close to the recorded curve in {said.share} of the time{which}"
