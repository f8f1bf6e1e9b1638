"""How long it took until what had been broken served again what it usually serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.recovery_and_failover import Settling, by_either, on_two_clocks, too_little_after, troubles
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, before_faults
from harness.judging.scoring.band import SLACK, band, hold
from harness.judging.serving import servers, usual
from harness.planning.plan import Plan
from harness.planning.windows import Window
from harness.reading.expectation import Expectation
from harness.record.kept import CHEAP

if TYPE_CHECKING:
    from harness.judging.scoring.clumps import Clumps
    from harness.judging.scoring.distributions import Bools, Floats
    from harness.judging.scoring.recovery import Recovery


class FailbackTime(Settling):
    """Seconds from the end of a fault until the links that it lay on served their usual share again; censored when the run ended first.

    It is about the requests to entries that those links usually serve, and the usual share is that of the baseline.
    """

    name: ClassVar[str] = "failback_time_s"
    title: ClassVar[str] = "Failback time"
    about: ClassVar[str] = "from the end of the fault until what it had broken served its usual share again"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    counts_attempts: ClassVar[bool] = True
    broken_first: ClassVar[int] = 62
    held_first: ClassVar[int] = 62
    settled: ClassVar[str] = "failed back"

    def estimates(self, sample: Sample) -> list[tuple[Window, Recovery | None]]:
        found: list[tuple[Window, Recovery | None]] = sample.once(
            self.name, lambda: [(trouble, _failback(sample, trouble)) for trouble in troubles(sample)]
        )
        return found

    def remark(self, sample: Sample, part: str | None = None) -> str:
        found = [one for _, one in self.estimates(sample)]
        if None in found:
            return "no entry is usually served by what the fault lay on"
        return super().remark(sample) if all(one and one.state == "recovered" for one in found) else ""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return no_http(plan) or too_little_after(plan, expectation)

    def broken(self, said: Said) -> str:
        limited = f"{said.where}; the limit is {said.limit}"
        if said.censored:
            return f"{said.value} after {said.fault} had ended, what it had broken did still not serve its usual share{limited}"
        return f"after {said.fault} had ended, it took {said.value} until what it had broken served its usual share again{limited}"

    def held(self, said: Said) -> str:
        return f"what {said.fault} had broken served its usual share again{said.where} {said.value} after its end"


@dataclass(frozen=True, slots=True)
class _Home:
    """Requests that some links usually serve, by when they were due, and which of them those did serve; *well* of *n* in the baseline."""

    due_s: Floats
    served: Bools
    well: int
    n: int
    own: Clumps
    """How those that they did not serve come together in the baseline."""


def _failback(sample: Sample, window: Window) -> Recovery | None:
    """None where no picked request is usually served by what was broken in *window*, or nothing was watched after it."""
    from harness.judging.scoring.recovery import recovery_time

    run = sample.run
    broken = {link for d in run.plan.disturbances if d.id in window.faults for link in d.broken}
    home: _Home = sample.once(f"home on {', '.join(sorted(broken))}", lambda: _home(sample, broken), CHEAP)
    until_s = min(run.observed_until_s, window.next_s)
    if not home.n or until_s <= window.end_s:
        return None
    good, part = run.plan.scenario.good, home.due_s.size / int(sample.picked.sum())
    rows = slice(*home.due_s.searchsorted((window.start_s, window.next_s)).tolist())

    def by(least: float) -> Recovery:
        return recovery_time(
            home.due_s[rows],
            home.served[rows],
            fault_start_s=window.start_s,
            fault_end_s=window.end_s,
            observed_until_s=until_s,
            band=least,
            hold_s=hold(sample.rate_per_s * float(part), good.within),
            own=home.own,
            end_uncertainty_s=window.end_uncertainty_s,
        )

    usual_share = home.well / home.n
    found = by_either(by, band(home.well, home.n, 0.0), max(0.0, usual_share - SLACK), home.n, good.ratio)
    return on_two_clocks(found, sample)


def _home(sample: Sample, links: set[str]) -> _Home:
    """Which of the picked requests *links* usually serve, and what became of those."""
    from harness.judging.scoring.recovery import own_clumps
    from harness.judging.scoring.settling import in_order

    due_s, served = sample.run.column("requests", "due_s"), _served_by(sample, links)
    mine = sample.picked & _usually_on(sample, links)
    before = mine & before_faults(sample.run)
    own = own_clumps(due_s[before], served[before])
    return _Home(*in_order(due_s[mine], served[mine]), int(served[before].sum()), int(before.sum()), own)


def _usually_on(sample: Sample, links: set[str]) -> Bools:
    """Which requests go to an entry that any of *links* usually serves."""
    entries = [entry for entry, serving in usual(sample.run).items() if serving & links]
    there: Bools = sample.run.words("requests", "entry").isin(entries)
    return there


def _served_by(sample: Sample, links: set[str]) -> Bools:
    return servers(sample.run).isin(links)
