"""What must not be tried again is: an answer that no other try can mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.judging.diagnoses.base import ENOUGH, Cause, none_left, predicted
from harness.judging.diagnoses.tries import phases_of, tries, troubled
from harness.judging.evidence import Evidence
from harness.judging.metrics.wasted_attempts import NonRetryableRetries, final
from harness.judging.result import Diagnosis
from harness.protocols.said_error import RETRYABLE, is_final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SHARE = 0.2


class RetriedInVain(Cause):
    """Requests are tried again on a link that has answered them with an error that stays, as `non_retryable_retries` has it.

    Shown where that befalls a fifth of the requests that got such an answer since the baseline, from 10 on.
    """

    id: ClassVar[str] = "retried_in_vain"

    def find(self, run: Evidence) -> Diagnosis | None:

        found = tries(run)
        status = found.column("status")
        stays = final(run)[found.at] & troubled(run)[found.row]
        vain = NonRetryableRetries().kind(run)[found.at] & troubled(run)[found.row]
        rows, got = found.requests(vain), found.requests(stays)
        if rows.size < ENOUGH or rows.size < SHARE * got.size:
            return None
        codes = found.words("error")
        which = ", ".join(
            sorted({_called(*one) for one in zip(status[stays].tolist(), codes[stays].tolist(), strict=True)})
        )
        return self.document(
            run,
            f"What no retry can mend is tried again (status {which})",
            [
                f"{rows.size} of {got.size} requests that were answered {which} were tried again on the same link, {int(vain.sum())} times",
            ],
            rows,
            int(vain.sum()),
            f"Do not try again after {which}: pass the error on, or ask another model ({_loop(status[stays])}).",
            [
                predicted(run, NonRetryableRetries(), phase, none_left(run, phase), f"no retry after {which}")
                for phase in phases_of(run, rows)
            ],
        )


def _called(status: int, code: str) -> str:
    """The error as a person knows it; a code is said where the status alone does not show that it stays."""
    return f"{int(status)} {code}" if is_final(code) else str(int(status))


def _loop(status: npt.NDArray[np.int64]) -> str:
    """What a retry loop has to look at to leave answers with these *status* alone."""
    if any(int(one) in RETRYABLE or one >= 500 for one in status):
        return "SDKs try every 429 and 5xx again: look at the error's code and at x-should-retry, too"
    return "let the retry loop take 408, 409, 429 and 5xx alone, as OpenAI's SDK does"
