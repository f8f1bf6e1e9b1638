"""One entry, or one region, carries all of it: others that do the same job are well meanwhile."""

from __future__ import annotations

from typing import ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.base import ENOUGH, Cause, of_next_run, predicted
from harness.judging.diagnoses.refusals_meant import meant
from harness.judging.diagnoses.tries import tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults
from harness.judging.scoring.shares import wilson

ALL, WELL, BAD = 0.95, 0.9, 0.3
LEAST = 30


class OneEntry(Cause):
    """In one phase almost all bad answers are one entry's, while the others, asked as much, are well.

    Shown where 95 % of a phase's bad requests, 10 or more, are those of one entry that are three in ten of its own or more, all other
    entries together had 30 requests or more and nine in ten good, and in the baseline that entry had nine in ten good, too. What is
    refused because it may be (`refusals_meant`) does not count.
    """

    id: ClassVar[str] = "one_entry"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        phase, entry = run.words("requests", "phase"), run.words("requests", "entry")
        good = run.column("requests", "good").astype(bool)
        names = run.plan.target.entries_by_name
        for span in run.plan.phases[1:] if len(names) > 1 else ():
            mine = (phase == span.name) & ~meant(run)
            bad = mine & ~good
            for name, one in names.items():
                here, there = mine & (entry == name), mine & (entry != name)
                before = before_faults(run) & (entry == name)
                rows = np.flatnonzero(bad & here)
                if span.name == "baseline" or rows.size < ENOUGH or there.sum() < LEAST or not before.any():
                    continue
                all_of_it = rows.size >= ALL * bad.sum() and rows.size >= BAD * here.sum()
                if not all_of_it or good[there].mean() < WELL or good[before].mean() < WELL:
                    continue
                region = f" (region {one.region})" if one.region and one.region != name else ""
                well, n = float(good[there].mean()), int(mine.sum())
                around = of_next_run(wilson(round(well * n), n))
                return self.document(
                    run,
                    f"Entry {name}{region} carries all of it",
                    [
                        f"{rows.size} of {int(bad.sum())} bad requests in {span.name} were {name}'s, which is {rows.size / here.sum():.0%} "
                        f"of its own; of those of the other entries {well:.0%} were good",
                    ],
                    rows,
                    int(tries(run).made_for(rows).sum()),
                    f"Take {name} out while it is unwell and send its users to another entry (a health check of the load balancer that "
                    "asks for a whole answer), or let it use what the others use.",
                    [
                        predicted(
                            run,
                            GoodRatio(),
                            span.name,
                            Interval(well, around.low - LATE_SHARE, around.high, n),
                            f"the users of {name} are served as those of the others",
                        )
                    ],
                )
        return None


LATE_SHARE = 0.05
"""So many of a phase's requests may be lost before it is noticed."""
