"""Retries that outlive their client: work that is begun for somebody who has gone."""

from __future__ import annotations

from typing import ClassVar

from harness.judging.diagnoses.base import ENOUGH, Cause, none_left, predicted
from harness.judging.diagnoses.tries import phases_of, tries, troubled
from harness.judging.evidence import Evidence
from harness.judging.metrics.wasted_attempts import LATE_S, OrphanedAttempts
from harness.judging.presses import over
from harness.judging.result import Diagnosis

SHARE = 0.05


class OutlivedClients(Cause):
    """Tries are begun when the client of their request has given up and gone.

    Shown where those begun more than 0.25 s after it are 5 % of all attempts since the baseline, from 10 requests on. What was under way
    when a client left is not counted: to stop it takes a moment.
    """

    id: ClassVar[str] = "outlived_clients"

    def find(self, run: Evidence) -> Diagnosis | None:

        found = tries(run)
        after, press = troubled(run)[found.row], over(run)
        left_s = press.end_s[found.at]
        late = after & (press.outcome[found.at] == "timed_out") & (found.column("start_s") > left_s + LATE_S)
        rows = found.requests(late)
        if rows.size < ENOUGH or late.sum() < SHARE * after.sum():
            return None
        longest_s = float((found.column("start_s") - left_s)[late].max())
        return self.document(
            run,
            "Retries outlive their client",
            [
                f"{int(late.sum())} of {int(after.sum())} attempts since the baseline were begun when their client had gone, for "
                f"{rows.size} requests, up to {longest_s:.1f} s after it",
            ],
            rows,
            int(late.sum()),
            "End the work with its client: pass its deadline on and cancel what is under way when it leaves (aiohttp: "
            "handler_cancellation=True; Starlette: request.is_disconnected()).",
            [
                predicted(run, OrphanedAttempts(), phase, none_left(run, phase), "work that ends with its client")
                for phase in phases_of(run, rows)
            ],
        )
