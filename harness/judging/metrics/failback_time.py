"""How long it took until what had been broken served again what it usually serves."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools
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


def _failback(sample: Sample, window: Window) -> Recovery | None:
    """None where no picked request is usually served by what was broken in *window*, or nothing was watched after it."""
    from harness.judging.scoring.recovery import own_clumps, recovery_time

    run = sample.run
    broken = {link for d in run.plan.disturbances if d.id in window.faults for link in d.broken}
    mine = sample.picked & _usually_on(sample, broken)
    due_s = run.column("requests", "due_s")
    home = _served_by(sample, broken)
    until_s = min(run.observed_until_s, window.next_s)
    watched, before = mine & (due_s < window.next_s), mine & before_faults(run)
    if not before.any() or until_s <= window.end_s:
        return None
    good, n = run.plan.scenario.good, int(before.sum())

    def by(least: float) -> Recovery:
        return recovery_time(
            due_s[watched],
            home[watched],
            fault_start_s=window.start_s,
            fault_end_s=window.end_s,
            observed_until_s=until_s,
            band=least,
            hold_s=hold(sample.rate_per_s * float(mine.sum() / sample.picked.sum()), good.within),
            own=own_clumps(due_s[before], home[before]),
            end_uncertainty_s=window.end_uncertainty_s,
        )

    usual_share = float(home[before].mean())
    found = by_either(by, band(int(home[before].sum()), n, 0.0), max(0.0, usual_share - SLACK), n, good.ratio)
    return on_two_clocks(found, sample)


def _usually_on(sample: Sample, links: set[str]) -> Bools:
    """Which requests go to an entry that any of *links* usually serves."""
    entries = [entry for entry, serving in usual(sample.run).items() if serving & links]
    there: Bools = sample.run.words("requests", "entry").isin(entries)
    return there


def _served_by(sample: Sample, links: set[str]) -> Bools:
    return servers(sample.run).isin(links)
