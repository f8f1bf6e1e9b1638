"""Failover to what is down, too: who turns away from a lost provider is sent to another one that the same fault has taken."""

from __future__ import annotations

from typing import ClassVar

from harness.judging.diagnoses.base import ENOUGH, Cause, predicted
from harness.judging.diagnoses.failover_late import lost_and_whole, served_by
from harness.judging.diagnoses.tries import phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.serving import providers

DEAD = 0.05


class FailoverToWhatIsDown(Cause):
    """Requests that turn away from one lost provider are tried on another lost one and go bad, though a third one answers well.

    Shown from 10 such requests on, where of the attempts on the one that they turned to at most 5 % got a good answer while the fault
    lasted, and none of these requests was tried on the one that is whole, of the same API, where nine in ten of 20 attempts or more
    went well.
    """

    id: ClassVar[str] = "failover_to_what_is_down"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        link, layer = found.words("link"), found.words("layer")
        good = run.column("requests", "good").astype(bool)
        for window, broken, whole in lost_and_whole(found):
            hit = {one for d in run.faults_of(window) for one in d.links}
            for other in providers(run.plan):
                if other == broken or other not in hit:
                    continue
                there = found.between(window.start_s, window.end_s, other)
                if not there.size or found.good[there].mean() > DEAD:
                    continue
                turned = found.requests(there[layer[there] == "failover"])
                if turned.size < ENOUGH:
                    continue
                saved = found.requests(link == whole)
                rows = turned[~good[turned] & ~np.isin(turned, saved)]
                if rows.size < ENOUGH:
                    continue
                return self.document(
                    run,
                    f"Failover goes to {other}, which is down, too, while {whole} answers",
                    [
                        f"{rows.size} requests turned to {other} and went bad; of {there.size} attempts there "
                        f"{found.good[there].mean():.0%} got a good answer while {', '.join(window.faults)} lasted",
                        f"none of them was tried on {whole}, which answered well meanwhile",
                    ],
                    rows,
                    int(found.made_for(rows).sum()),
                    f"Let {whole} be the next after {broken}: a fallback that shares a region, an account or a network with what it stands "
                    "in for is none (LiteLLM: order of fallbacks; Envoy: priority and locality).",
                    [
                        predicted(
                            run,
                            GoodRatio(),
                            phase,
                            served_by(found, phase, broken, whole),
                            f"the second try goes to {whole}",
                        )
                        for phase in phases_of(run, rows, window)
                    ],
                )
        return None
