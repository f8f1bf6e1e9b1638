"""Answers that are older than what their conversation has already been told."""

from __future__ import annotations

from typing import ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.base import Cause, predicted
from harness.judging.diagnoses.tries import tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.answer_consistency import MonotonicViolations
from harness.judging.result import Diagnosis
from harness.judging.sample import pick

LEAST = 3


class StaleBehindSeen(Cause):
    """Whole answers stand on an older snapshot than the newest one that their conversation had seen when they were asked for.

    Shown from 3 such answers on: the versions stand in the answers, and chance has no part in it.
    """

    id: ClassVar[str] = "stale_behind_seen"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        version, seen = (run.column("requests", name) for name in ("snapshot_version", "seen_version"))
        # A comparison with what nobody knows is false.
        older = (run.words("requests", "outcome") == "complete") & (version < seen)
        rows = np.flatnonzero(older & (run.words("requests", "phase") != "warmup"))
        counted = MonotonicViolations().measure(pick(run)).value or 0
        if rows.size < LEAST or counted < LEAST:
            return None
        where = run.words("requests", "entry")[rows].unique()
        metric = MonotonicViolations()
        return self.document(
            run,
            "Conversations are told an older snapshot than they have seen",
            [
                f"{rows.size} answers stand on an older snapshot than their conversation had seen, at {', '.join(where)}",
                f"the first says version {version[rows[0]]:.0f} after {seen[rows[0]]:.0f}",
            ],
            rows,
            int(tries(run).made_for(rows).sum()),
            "Pass on the newest version that a conversation has seen, and answer from no older one: read from another store, or say that "
            "there is no answer (Redis: WAIT and a read from the primary; Cosmos DB: session tokens).",
            [
                predicted(
                    run,
                    metric,
                    None,
                    Interval(0.0, 0.0, 0.0, rows.size),
                    "no answer from behind what the conversation has seen",
                )
            ],
        )
