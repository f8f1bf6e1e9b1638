"""What passes on links a second, how much of it fails and how long it takes, whoever it is for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import BEGUN, BEGUN_LESS, SAID, Ground
from harness.judging.metrics.base import Metric, measured, measured_parts
from harness.judging.metrics.latency import QUANTILES
from harness.judging.metrics.ratios import Ratio, no_http
from harness.judging.metrics.telling import Said
from harness.judging.on_links import a_second, answered, began, hidden_on, known, observed
from harness.judging.sample import Sample, pick, spans
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict
from harness.reading.quantities import plain
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import Breakdown, Measured
    from harness.judging.scoring.distributions import Bools, Floats


class OnLinks(Metric):
    """A number of what passes on links by itself; it counts in the phase in which it began."""

    needs: ClassVar[Known] = "attempts"
    of_requests: ClassVar[bool] = False
    labels: ClassVar[tuple[str, ...]] = ("link",)
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True

    def there(self, plan: Plan) -> bool:
        """Where requests are known they tell more, so that it is there for whom asks for it."""
        asked = any(expected.metric == self.name for expected in plan.expectations)
        return asked or "joined" not in plan.known

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        link = dict(expectation.selection.labels).get("link")
        return no_http(plan) or untraced(plan, expectation, [link] if link else self.counting(plan))

    def counting(self, plan: Plan) -> list[str]:
        """Names of the links on which it is counted: attempts on those that carry HTTP."""
        return [name for name, link in plan.target.links.items() if link.carries == "http"]

    def unseen(self, plan: Plan) -> list[str]:
        return [name for name in plan.target.links if name not in self.counting(plan)]

    def watched(self, sample: Sample) -> bool:
        """Whether attempts on the link that was picked, or on any, would have been seen in the phases that were picked, and ever were."""
        links = [sample.link] if sample.link else self.counting(sample.run.plan)
        return len(sample.run.attempt_table) > 0 and not hidden_on(sample.run.plan, observed(sample), links)


def untraced(plan: Plan, expectation: Expectation, links: Collection[str]) -> str | None:
    """Which faults leave no trace on *links* of what *expectation* is about; None where none does."""
    during = [(span.start_s, span.end_s) for span in spans(plan, expectation.selection)]
    names = ", ".join(hidden_on(plan, during, links))
    return (
        f"{names} leaves nobody listening, and who is refused leaves no trace: it would be unmeasured"
        if names
        else None
    )


class Rate(OnLinks):
    """How much passes a second. Where some did in the baseline, none is no merit: who gives up asks for nothing."""

    may_cease: ClassVar[bool] = False
    """Whether none of it may be as well as any."""
    least: ClassVar[float] = 1.0
    """What one of it is worth at the least."""

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """In which phase there was none of it, though by the baseline there would have been some."""
        return self._ceased(sample)

    def at_best(self, sample: Sample) -> Verdict:
        """What a service asks for that has given up says nothing of how much it would ask for."""
        return "inconclusive" if self._ceased(sample) else "pass"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return super().unsettled(plan, expectation) or self._too_short(plan, expectation)

    def _too_short(self, plan: Plan, expectation: Expectation) -> str | None:
        """Why not even a time in which there is none shows that it is seldom enough; None where it does."""
        from harness.judging.scoring.counts import rate_a_second

        lasts_s = sum(span.end_s - span.start_s for span in spans(plan, expectation.selection))
        if not (expectation.wants_low and lasts_s and self.least):
            return None
        best = rate_a_second([], [0.0], lasts_s, self.least)
        if expectation.judge(best) == "pass":
            return None
        limit = expectation.limit
        longer = f"at least {ceil(best.high * lasts_s / limit)} s are needed" if limit > 0 else "no time could"
        return f"{lasts_s:g} s can never settle it, since {plain(best.high)} {self.unit} may be usual even where there are none; {longer}"

    def _ceased(self, sample: Sample) -> str:
        usual = self.measure(sample.baseline)
        if self.may_cease or not usual.value:
            return ""
        for phase in sample.spans:
            found = self.measure(sample.in_phase(phase.name))
            if found.value == 0 and found.high < usual.low:
                return f"in {phase.name} there were none, and {plain(usual.value)} {self.unit} in the baseline"
        return ""


class AttemptsPerS(Rate):
    """Attempts at providers a second that began in the phase, whoever they were made for."""

    name: ClassVar[str] = "attempts_per_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (BEGUN_LESS,)
    unit: ClassVar[str] = "attempts per second"
    title: ClassVar[str] = "Rate of attempts"
    about: ClassVar[str] = "attempts at providers a second"
    chart: ClassVar[str] = "load"
    broken_first: ClassVar[int] = 43
    held_first: ClassVar[int] = 63

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        if not self.watched(sample):
            return UNMEASURED
        interval: Interval = sample.once(self.name, lambda: of_rows(sample, "attempts"))
        return interval

    def broken(self, said: Said) -> str:
        return f"providers were asked {said.value}{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"providers were asked {said.value}{said.where}"


class AttemptErrorRatio(OnLinks, Ratio):
    """Share of attempts at providers that were answered with an error (a status of 400 or more), or not to the end."""

    name: ClassVar[str] = "attempt_error_ratio"
    rests_on: ClassVar[tuple[Ground, ...]] = (BEGUN,)
    seldom: ClassVar[bool] = True
    foreseen: ClassVar[bool] = True
    title: ClassVar[str] = "Failed attempts"
    about: ClassVar[str] = "of attempts at providers failed"
    chart: ClassVar[str] = "load"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    broken_first: ClassVar[int] = 31
    held_first: ClassVar[int] = 31

    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        run = sample.run
        mine = began(sample, "attempts") & known(run)
        if not self.watched(sample) or not mine.any():
            return None
        return run.column("attempts", "start_s")[mine], ~answered(run)[mine]

    def broken(self, said: Said) -> str:
        return f"{said.share} of attempts at providers failed{said.where}; it should be {said.limit_share} or {_side(said)}"

    def held(self, said: Said) -> str:
        share = "no attempt" if said.number == 0 else f"{said.share} of attempts"
        return f"{share} at providers failed{said.where}"


class AttemptLatency(OnLinks):
    """Milliseconds from the beginning of an attempt to the end of its answer: p50, p90, p95 or p99.

    One that failed counts as longer than any that was answered: who was refused at once was not served fast.
    """

    name: ClassVar[str] = "attempt_latency_ms"
    rests_on: ClassVar[tuple[Ground, ...]] = (BEGUN,)
    unit: ClassVar[str] = "ms"
    parts: ClassVar[tuple[str, ...]] = tuple(QUANTILES)
    usual_part: ClassVar[str] = "p95"
    foreseen: ClassVar[bool] = True
    title: ClassVar[str] = "Latency of attempts"
    about: ClassVar[str] = "from the beginning of an attempt to the end of its answer"
    chart: ClassVar[str] = "attempt_latency"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    broken_first: ClassVar[int] = 32
    held_first: ClassVar[int] = 32

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        from harness.judging.scoring.quantiles import clumped_quantile

        def made() -> Interval:
            start_s, took_ms, well = _lasted(sample)
            return clumped_quantile(start_s, took_ms, QUANTILES[part or self.usual_part], answered=well)

        interval: Interval = sample.once(f"{self.name} {part}", made) if self.watched(sample) else UNMEASURED
        return interval

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many attempts failed, and what they count as."""
        _, _, well = _lasted(sample)
        failed = int((~well).sum())
        return (
            f"{failed} of {well.size} attempts failed and count as longer than any that was answered" if failed else ""
        )

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)


def _lasted(sample: Sample) -> tuple[Floats, Floats, Bools]:
    """When each attempt began of which it is known how it ended, how many ms it took at the least, and whether it was answered."""
    import numpy as np

    run = sample.run
    start_s, end_s = (run.column("attempts", name) for name in ("start_s", "end_s"))
    mine = began(sample, "attempts") & known(run) & ~np.isnan(end_s)
    well, took_ms = answered(run)[mine], 1000 * (end_s - start_s)[mine]
    return start_s[mine], np.where(well, took_ms, took_ms.max(initial=0.0)), well


class OfTraffic(Rate):
    """How much of one kind passes a second on links, as it is counted in front of the fault."""

    labels: ClassVar[tuple[str, ...]] = ()
    column: ClassVar[str]
    hidden: ClassVar[bool] = True
    """Whether none of it is seen of a link on which a fault leaves nobody listening."""

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: self._on(sample, self.counting(sample.run.plan)))
        return interval

    def counting(self, plan: Plan) -> list[str]:
        return list(plan.target.links)

    def _on(self, sample: Sample, links: Sequence[str]) -> Interval:
        from harness.judging.scoring.counts import rate_a_second

        traffic, during = sample.run.traffic_table, observed(sample)
        hidden = self.hidden and hidden_on(sample.run.plan, during, links)
        if traffic is None or not traffic.numbers(self.column).any() or hidden:
            return UNMEASURED
        from harness.judging.scoring.spans import within

        passed = sample.run.passed(links)
        start_s, many = passed.numbers("start_s"), passed.numbers(self.column)
        mine = within(start_s, during) & (many > 0)
        one = float(many.max(initial=0.0) or 1.0)
        return rate_a_second(many[mine], a_second(during, start_s[mine]), _length_s(during), one)

    def by(self, evidence: Evidence) -> Breakdown:
        from harness.judging.result import Breakdown

        whole = pick(evidence)
        each = {name: measured(self._on(whole, [name])) for name in self.counting(evidence.plan)}
        return Breakdown(phase=super().by(evidence).phase, link=each)

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not self.counting(plan):
            return f"target {plan.target.name!r} has no link on which that is counted"
        hidden = untraced(plan, expectation, self.counting(plan)) if self.hidden else None
        return hidden or self._too_short(plan, expectation)


class CommandsPerS(OfTraffic):
    """Commands a second on links that carry Redis, whoever says them and for whom."""

    name: ClassVar[str] = "commands_per_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (SAID,)
    column: ClassVar[str] = "commands"
    unit: ClassVar[str] = "commands per second"
    title: ClassVar[str] = "Rate of commands"
    about: ClassVar[str] = "commands at Redis stores a second"
    broken_first: ClassVar[int] = 44
    held_first: ClassVar[int] = 64

    def counting(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.carries == "redis"]


class ConnectionsPerS(OfTraffic):
    """Connections a second that are opened on links, of whatever kind; one that is refused leaves no trace."""

    name: ClassVar[str] = "connections_per_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (SAID,)
    may_cease: ClassVar[bool] = True  # who keeps those that are open opens none
    column: ClassVar[str] = "connections"
    unit: ClassVar[str] = "connections per second"
    title: ClassVar[str] = "Rate of connections"
    about: ClassVar[str] = "connections opened on links a second"
    broken_first: ClassVar[int] = 45
    held_first: ClassVar[int] = 65


class LookupsPerS(OfTraffic):
    """Lookups a second of the names by which links are reached, at the run's resolver, whatever they were told."""

    name: ClassVar[str] = "lookups_per_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (SAID,)
    may_cease: ClassVar[bool] = True  # who keeps an address, or a connection, looks up none
    column: ClassVar[str] = "lookups"
    hidden: ClassVar[bool] = False  # the resolver answers, whoever listens where it leads to
    unit: ClassVar[str] = "lookups per second"
    title: ClassVar[str] = "Rate of lookups"
    about: ClassVar[str] = "lookups of the names of links a second"
    broken_first: ClassVar[int] = 46
    held_first: ClassVar[int] = 66

    def there(self, plan: Plan) -> bool:
        return bool(self.counting(plan))

    def counting(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.dns]

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not self.counting(plan):
            return f"target {plan.target.name!r} has no link that is reached by name (dns), so no lookup can be seen"
        return super().unsettled(plan, expectation)


def of_rows(sample: Sample, table: Literal["attempts", "arrivals"], worth: Floats | None = None) -> Interval:
    """How much a second the rows of *table* are *worth* that began in what was picked; each of the run's is worth 1 if nobody says."""
    import numpy as np

    from harness.judging.scoring.counts import rate_a_second

    mine, during = began(sample, table), observed(sample)
    each = np.ones(mine.size) if worth is None else worth
    came_s = sample.run.column(table, "start_s")[mine]
    one = float(each.max(initial=0.0) or 1.0)
    return rate_a_second(each[mine], a_second(during, came_s), _length_s(during), one)


def _length_s(during: Sequence[tuple[float, float]]) -> float:
    return sum(end_s - start_s for start_s, end_s in during)


def _side(said: Said) -> str:
    return "less" if said.wants_low else "more"
