"""Breakers that open everywhere on a partial fault: a provider that refuses some requests is treated as one that answers none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.by_time import due
from harness.judging.delivery import delivery
from harness.judging.diagnoses.base import ENOUGH, Cause, of_next_run, predicted
from harness.judging.diagnoses.tries import phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults
from harness.judging.scoring.shares import wilson
from harness.judging.serving import providers

if TYPE_CHECKING:
    from harness.planning.windows import Window

SHARE, SELDOM = 0.1, 0.01
SOME, MOST = 0.25, 0.95
TRIES = 3
DRAWN = 0.8


class BreakerOpensEverywhere(Cause):
    """While every provider answers a part of what it is asked, requests are turned away without a single try.

    Shown where, under faults that lie on every provider, 25 to 95 % of the attempts get a good answer, a tenth of the requests, 10 or
    more, go bad with no attempt made for them, and hardly any (1 %) did in the baseline. The faults have to refuse by lot (share below
    1), with no wait stated in four of five refusals: to turn away who would exceed a limit or a capacity is right.
    """

    id: ClassVar[str] = "breaker_opens_everywhere"

    def find(self, run: Evidence) -> Diagnosis | None:
        found = tries(run)
        untried = (run.column("requests", "attempts") == 0) & ~run.column("requests", "good").astype(bool)
        before = before_faults(run)
        if run.plan.hiding or not before.any() or untried[before].mean() > SELDOM:
            return None
        for window in run.windows():
            here = due(run).places(window.start_s, window.end_s)
            rows = here[untried[here]]
            if not _everywhere(run, window) or rows.size < max(ENOUGH, SHARE * here.size):
                continue
            mine = found.of_due(window.start_s, window.end_s)
            if not mine.size:
                continue
            good = float(found.good[mine].mean())
            bad = mine[~found.good[mine]]
            refused = (found.column("status")[bad] > 0) & (found.stated_wait_s[bad] == 0)
            lots = refused.sum() >= DRAWN * bad.size and _drawn(run, window)
            if not SOME <= good <= MOST or not lots:
                continue
            return self.document(
                run,
                "Breakers open everywhere on a partial fault",
                [
                    f"{rows.size} of {here.size} requests that were due while {', '.join(window.faults)} lasted went bad with no "
                    f"attempt made for them, while {good:.0%} of the attempts got a good answer",
                ],
                rows,
                0,
                "Open a breaker on a share of failures over a while and not on a few in a row, count what is refused at once for less than "
                "what hangs, and try another time in place of turning away (Envoy: max_ejection_percent, failure_percentage_threshold).",
                [
                    predicted(
                        run,
                        GoodRatio(),
                        phase,
                        _tried(run, phase, good),
                        f"{TRIES} tries of each request, and none turned away",
                    )
                    for phase in phases_of(run, rows, window)
                ],
            )
        return None


def _drawn(run: Evidence, window: Window) -> bool:
    """Whether what is refused is drawn by lot: who asks less of a provider that has too little room, or counts, does right."""
    found = [delivery(run, d) for d in run.faults_of(window)]
    return all(one is not None and one.asked < 1 for one in found)


def _everywhere(run: Evidence, window: Window) -> bool:
    hit = {one for d in run.faults_of(window) for one in d.links}
    return set(providers(run.plan)) <= hit


def _tried(run: Evidence, phase: str, good: float) -> Interval:
    """The share of good answers where each try goes well with the chance that *good* is: at least with two tries, at most all."""
    n = int((run.words("requests", "phase") == phase).sum())
    value, least = 1 - (1 - good) ** TRIES, 1 - (1 - good) ** (TRIES - 1)
    return Interval(value, of_next_run(wilson(round(least * n), n)).low, 1.0, n)
