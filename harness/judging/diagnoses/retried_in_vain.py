"""What must not be tried again is: an answer that no other try can mend."""

from __future__ import annotations

from typing import ClassVar

from harness.judging.diagnoses.base import ENOUGH, Diagnosis, none_left, predicted
from harness.judging.diagnoses.tries import phases_of, tries, troubled
from harness.judging.evidence import Evidence
from harness.judging.metrics.wasted_attempts import RETRYABLE, NonRetryableRetries
from harness.judging.result import Diagnosis as Document

SHARE = 0.2


class RetriedInVain(Diagnosis):
    """Requests are tried again on a link that has answered them with a client error that stays (not 408, 409, 425 or 429).

    Shown where that befalls a fifth of the requests that got such an answer since the baseline, from 10 on.
    """

    id: ClassVar[str] = "retried_in_vain"

    def find(self, run: Evidence) -> Document | None:
        import numpy as np

        found = tries(run)
        status = found.column("status")
        final = (status >= 400) & (status < 500) & ~np.isin(status, list(RETRYABLE)) & troubled(run)[found.row]
        vain = NonRetryableRetries().kind(run)[found.at] & troubled(run)[found.row]
        rows, got = np.unique(found.row[vain]), np.unique(found.row[final])
        if rows.size < ENOUGH or rows.size < SHARE * got.size:
            return None
        which = ", ".join(str(int(one)) for one in np.unique(status[final]))
        return self.document(
            run,
            f"What no retry can mend is tried again (status {which})",
            [
                f"{rows.size} of {got.size} requests that were answered {which} were tried again on the same link, {int(vain.sum())} times",
            ],
            rows,
            int(vain.sum()),
            f"Do not try again after {which}: pass the error on, or ask another model (let the retry loop take 408, 409, 429 and 5xx "
            "alone, as OpenAI's SDK does).",
            [
                predicted(run, NonRetryableRetries(), phase, none_left(run, phase), f"no retry after {which}")
                for phase in phases_of(run, rows)
            ],
        )
