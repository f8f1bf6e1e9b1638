"""A service that keeps itself down when nothing is broken any more, by its own retries."""

from __future__ import annotations

from typing import ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.base import Cause, predicted
from harness.judging.diagnoses.tries import tries
from harness.judging.evidence import Evidence
from harness.judging.metastable import DOWN, SETTLED_S, metastable
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults


class KeepsItselfDown(Cause):
    """The trouble outlives what started it (metastable), since its retries leave no room for answers.

    Shown where `judging.metastable` says so: from 5 s after the last fault to the end of the run far fewer answers are good than
    before, while each request costs 1.2 times as many attempts, or more, as in the baseline.
    """

    id: ClassVar[str] = "keeps_itself_down"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        said = list(metastable(run))
        if not said:
            return None
        due_s, good = run.column("requests", "due_s"), run.column("requests", "good").astype(bool)
        from_s = max(window.end_s for window in run.in_force()) + SETTLED_S
        rows = np.flatnonzero((due_s >= from_s) & ~good)
        before = float(good[before_faults(run)].mean())
        # The last phase of the whole load in which it was down.
        shed, phases = run.plan.shed, run.plan.phases
        last = phases[phases.index(shed) - 1] if shed and from_s < shed.start_s else phases[-1]
        # What is due before it has settled may still be lost, and no more.
        lost = min(1.0, max(0.0, from_s - last.start_s) / (last.end_s - last.start_s))
        foreseen = Interval(before - lost / 2 * before, max(0.0, before - lost) * DOWN, 1.0, rows.size)
        return self.document(
            run,
            "It keeps itself down: retries fill what its providers can do",
            said,
            rows,
            int(found.made_for(rows).sum()) if (found := tries(run)).row.size else 0,
            "Bound retries by a budget: one for ten good answers, and none when it is spent (Envoy: retry_budget; "
            "AWS SDKs: retry mode standard).",
            [predicted(run, GoodRatio(), last.name, foreseen, "retries that cost a tenth of the load at most")],
        )
