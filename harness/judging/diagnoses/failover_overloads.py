"""Failover that overloads what it turns to: a provider that nothing is wrong with fails its own users under those of another one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.by_time import due
from harness.judging.diagnoses.base import ENOUGH, Cause, of_next_run, predicted
from harness.judging.diagnoses.tries import phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults, before_faults_s
from harness.judging.scoring.shares import wilson
from harness.judging.serving import providers, usual

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools

WELL, WORSE, MORE, OTHERS, BAD = 0.95, 0.8, 1.3, 0.2, 0.2


class FailoverOverloads(Cause):
    """A provider under no fault gets the requests of a lost one on top of its own, and fails its own.

    Shown where in the baseline 95 % of the attempts on it got a good answer, and at most 80 % while the fault lasted; where it was
    asked 1.3 times as often then, a fifth of it or more for entries that it does not usually serve; and where a fifth of the requests
    to entries that it alone usually serves, 10 or more, went bad meanwhile.
    """

    id: ClassVar[str] = "failover_overloads"

    def find(self, run: Evidence) -> Diagnosis | None:

        found = tries(run)
        link, entry = found.words("link"), run.words("requests", "entry")
        good = run.column("requests", "good").astype(bool)
        baseline_s = max(before_faults_s(run), 1e-9)

        @cache
        def before_on(name: str) -> Bools:
            good_ones: Bools = found.good[(link == name) & before_faults(run)[found.row]]
            return good_ones

        for window in run.windows():
            hit = {one for d in run.faults_of(window) for one in d.links}
            for name in providers(run.plan):
                own = [one for one, serving in usual(run).items() if serving == {name}]
                if name in hit or not own or not (before := before_on(name)).size:
                    continue
                here = found.between(window.start_s, window.end_s, name)
                if not here.size:
                    continue
                often = here.size / (window.end_s - window.start_s) / (before.size / baseline_s)
                theirs = ~entry[found.row[here]].isin(own)
                asked = due(run).places(window.start_s, window.end_s)
                asked = asked[entry[asked].isin(own)]
                rows = asked[~good[asked]]
                overloaded = before.mean() >= WELL and found.good[here].mean() <= WORSE and often >= MORE
                if not overloaded or theirs.mean() < OTHERS or rows.size < max(ENOUGH, BAD * asked.size):
                    continue
                return self.document(
                    run,
                    f"Failover overloads {name}",
                    [
                        f"{name} was asked {often:.1f} times as often as in the baseline while {', '.join(window.faults)} lasted, "
                        f"{theirs.mean():.0%} of it for entries that it does not usually serve",
                        f"{found.good[here].mean():.0%} of the attempts there got a good answer ({before.mean():.0%} before), "
                        f"and {rows.size} of {asked.size} requests of its own went bad",
                    ],
                    rows,
                    int(found.made_for(rows).sum()),
                    f"Bound what turns to {name} to what it has room for, and serve its own users first (Envoy: circuit_breakers and "
                    "priority; LiteLLM: rpm and tpm of each deployment).",
                    [
                        predicted(
                            run,
                            GoodRatio(),
                            phase,
                            _own_served(run, phase, own),
                            f"no more turns to {name} than it has room for",
                        )
                        for phase in phases_of(run, rows, window)
                    ],
                )
        return None


def _own_served(run: Evidence, phase: str, own: list[str]) -> Interval:
    """The share of good answers in *phase*, were those to its *own* entries as good as in the baseline, and the others as now.

    At least half of its own that went bad are good then, however many of the others are turned away for it: work that came too late for
    anybody took their place.
    """
    its_own = run.words("requests", "entry").isin(own)
    good, named = run.column("requests", "good").astype(bool), run.words("requests", "phase")
    mine, theirs = (named == phase) & its_own, (named == phase) & ~its_own
    lost = int((mine & ~good).sum())
    before, n = float(good[before_faults(run) & its_own].mean()), int((named == phase).sum())
    now = int((named == phase)[good].sum())
    value = min(1.0, before * int(mine.sum()) / n + int((theirs & good).sum()) / n)
    least = of_next_run(wilson(round(min(n, now + lost / 2)), n)).low
    return Interval(value, min(value, least), 1.0, n)
