"""Probes with real users: whether a lost provider is back is found out by requests of users, who pay for it."""

from __future__ import annotations

from typing import ClassVar

from harness.judging.diagnoses.base import ENOUGH, Cause, predicted, were_good
from harness.judging.diagnoses.breaker_never_opens import lost, usual_per_s
from harness.judging.diagnoses.tries import phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis

FEW, MOST, WELL = 0.5, 0.5, 0.9


class ProbesWithUsers(Cause):
    """A breaker keeps most requests from a lost provider, and those that it lets through to find out whether it is back go bad.

    Shown where, as for `breaker_never_opens`, a link answers nothing, at most half as many requests as usual are tried there, half of
    those, 10 or more, go bad, and of the others that are due meanwhile nine in ten are good: somebody else could have served them.
    """

    id: ClassVar[str] = "probes_with_users"

    def find(self, run: Evidence) -> Diagnosis | None:

        found = tries(run)
        good, due_s = run.column("requests", "good").astype(bool), run.column("requests", "due_s")
        if run.plan.hiding:
            return None
        for one in (one for d in run.plan.disturbances for one in lost(found, d)):
            rows = one.asked[~good[one.asked]]
            others = (due_s >= one.from_s) & (due_s < one.until_s)
            others[one.asked] = False
            seldom = one.asked.size / one.lasted_s <= FEW * usual_per_s(found, one.link)
            if (
                not seldom
                or rows.size < max(ENOUGH, MOST * one.asked.size)
                or not others.any()
                or good[others].mean() < WELL
            ):
                continue
            return self.document(
                run,
                f"Users are the probes of {one.link} while it is lost",
                [
                    f"{one.asked.size} requests were tried on {one.link} from {one.from_s:.1f} s to {one.until_s:.1f} s of the run, while "
                    f"it answered nothing, and {rows.size} of them went bad",
                    f"of the others in that time {good[others].mean():.0%} were good",
                ],
                rows,
                int(found.made_for(rows).sum()),
                f"Find out with a call of your own whether {one.link} is back (a health check: Envoy health_checks, LiteLLM "
                "background_health_checks), or turn elsewhere with the same request when its probe fails.",
                [
                    predicted(run, GoodRatio(), phase, were_good(run, phase, rows), "probes that no user waits for")
                    for phase in phases_of(run, rows)
                ],
            )
        return None
