"""How many commands at its Redis stores one logical request became."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import ANSWERED_LESS, Ground
from harness.judging.metrics.base import Metric, measured
from harness.judging.on_links import hidden_on
from harness.judging.sample import Sample, pick, spans
from harness.planning.disturbance import Phase
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict
from harness.reading.quantities import plain

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.result import Breakdown


WOULD_BE_SEEN = 5.0
"""Where so many were to be expected, it is no chance that there was none: 1 in 148 (Poisson)."""
_HAIR_S = 1e-6
"""What begins when a phase ends belongs to the next."""


class StoreCommands(Metric):
    """Commands seen in front of the fault on links that carry Redis, per logical request; they belong to the phase in which they were said.

    A command carries no mark of its request, so those of one second are shared out among the requests that were due in it. Replication
    counts too, as any client does. It shows a store's client that tries again and again, which `retry_amplification` cannot see.
    """

    name: ClassVar[str] = "store_commands"
    rests_on: ClassVar[tuple[Ground, ...]] = (ANSWERED_LESS,)
    of_requests: ClassVar[bool] = False
    unit: ClassVar[str] = "commands per request"
    title: ClassVar[str] = "Commands at stores"
    about: ClassVar[str] = "commands at Redis stores for each request"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 35
    held_first: ClassVar[int] = 35
    chart: ClassVar[str] = "commands"

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: _measure(sample, redis_links(sample.run.plan)))
        # A service that has given up its stores is no service that asks them seldom.
        return interval if interval.value else UNMEASURED

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """That a service which said something to its stores in the baseline says nothing any more."""
        if _hidden(sample.run.plan, sample.spans) or not _commands_at_all(sample):
            return ""
        return _gave_up(sample) if self.measure(sample).value else "not one command was said then"

    def at_best(self, sample: Sample) -> Verdict:
        """What a service says to its stores elsewhere says nothing of a phase in which it had given them up."""
        return "inconclusive" if _gave_up(sample) else "pass"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not redis_links(plan):
            return f"target {plan.target.name!r} has no link that carries Redis, so no command can be seen"
        if names := _hidden(plan, spans(plan, expectation.selection)):
            return f"{', '.join(names)} leaves nobody listening, and a command that is not said leaves no trace: it would be unmeasured"
        return None

    def by(self, evidence: Evidence) -> Breakdown:
        from harness.judging.result import Breakdown

        whole, links = pick(evidence), redis_links(evidence.plan)
        if self.measure(whole).value is None:
            return Breakdown(phase=super().by(evidence).phase)
        return Breakdown(
            phase=super().by(evidence).phase, link={name: measured(_measure(whole, [name])) for name in links}
        )


def redis_links(plan: Plan) -> list[str]:
    """Names of the links on which commands can be seen."""
    return [name for name, link in plan.target.links.items() if link.carries == "redis"]


def _measure(sample: Sample, links: Sequence[str]) -> Interval:
    from harness.judging.scoring.amplification import retry_amplification
    from harness.judging.scoring.sharing import shared_out

    # Not one command in the whole run: nothing was watched where the target asks, and 0 would be a lie.
    if _hidden(sample.run.plan, sample.spans) or not _commands_at_all(sample):
        return UNMEASURED
    passed = sample.run.passed(links)
    commands, start_s = passed.numbers("commands"), passed.numbers("start_s")
    said = commands > 0
    if sample.spans:
        said &= (sample.spans[0].start_s <= start_s) & (start_s < sample.spans[-1].end_s)
    due_s = sample.read("due_s")
    return retry_amplification(shared_out(commands[said], start_s[said], due_s), due_s)


def _gave_up(sample: Sample) -> str:
    """That in one of several phases not one command was said, though as in the baseline there would have been; else empty."""
    if len(sample.spans) < 2 or not _commands_at_all(sample):
        return ""
    before, phases = sample.baseline, sample.words("phase")
    usual = _said(sample, before.spans) / max(1, (sample.run.words("requests", "phase") == "baseline").sum())
    for phase in sample.spans:
        due = int((phases == phase.name).sum())
        quiet = usual * due >= WOULD_BE_SEEN and not _said(sample, [phase])
        if quiet and not _hidden(sample.run.plan, [phase]):
            return f"in {phase.name} not one command was said, and {plain(usual)} for each request in the baseline"
    return ""


def _said(sample: Sample, during: Sequence[Phase]) -> int:
    """How many commands were said in these phases."""
    links = redis_links(sample.run.plan)
    return sum(
        int(sample.run.passed(links, span.start_s, span.end_s - _HAIR_S).numbers("commands").sum()) for span in during
    )


def _commands_at_all(sample: Sample) -> bool:
    traffic = sample.run.traffic_table
    return traffic is not None and bool(traffic.numbers("commands").any())


def _hidden(plan: Plan, during: Sequence[Phase]) -> list[str]:
    """Ids of the faults that keep commands from being said *during* these phases."""
    return hidden_on(plan, [(span.start_s, span.end_s) for span in during], redis_links(plan))
