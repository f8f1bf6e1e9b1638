"""A stated wait (Retry-After) that is not waited for: ignored, capped, or read in another unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness.judging.diagnoses.base import ENOUGH, Cause, none_left, predicted
from harness.judging.diagnoses.tries import Tries, phases_of, tries, troubled
from harness.judging.evidence import Evidence
from harness.judging.metrics.retry_after_obeyed import EARLY_S, WaitsIgnored
from harness.judging.result import Diagnosis
from harness.reading.quantities import plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools

SHARE = 0.2
LONG_S = 10.0
"""From a stated wait of so long on a thousandth of it can be told from no wait at all."""
Way = Literal["ignored", "capped", "misread"]


class RetryAfter(Cause):
    """Tries come earlier than the answer before them said: the wait is ignored, capped at some length, or read in another unit.

    Shown where such are a fifth of all tries that follow a stated wait of their request on their link, from 10 requests on. *Misread*:
    most of them come after about a thousandth of a wait of 10 s or more. *Capped*: most come after the same time (within 10 %), and
    shorter waits are obeyed. Else *ignored*.
    """

    id: ClassVar[str] = "retry_after"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        told, stated_s, waited_s = _waits(found)
        told &= troubled(run)[found.row]
        early = told & (waited_s < stated_s - EARLY_S)
        rows = found.requests(early)
        if rows.size < ENOUGH or early.sum() < SHARE * told.sum():
            return None
        way = _way(stated_s[early], waited_s[early], stated_s[told & ~early])
        again = "SDK" if (found.words("layer")[early] == "sdk").mean() > 0.5 else "layer around the SDK"
        typical = (
            f"{plain(float(np.median(waited_s[early])), 2)} s in place of {plain(float(np.median(stated_s[early])))} s"
        )
        said = {
            "ignored": ("Stated waits (Retry-After) are ignored", "wait as long as retry-after or retry-after-ms says"),
            "capped": (
                f"Stated waits (Retry-After) are cut to {plain(float(np.median(waited_s[early])), 2)} s",
                "wait as long as was stated or do not try again; a shorter wait of one's own is neither",
            ),
            "misread": (
                "Stated waits (Retry-After) are read in another unit",
                "read retry-after in seconds and retry-after-ms in milliseconds",
            ),
        }[way]
        title, what = said
        supposes = "each stated wait waited for, or another provider asked"
        return self.document(
            run,
            title,
            [
                f"{int(early.sum())} of {int(told.sum())} tries that follow a stated wait came earlier, of {rows.size} requests; "
                f"in the middle after {typical}",
                f"most of the early ones are made by the {again}",
            ],
            rows,
            int(early.sum()),
            f"In the {again}, {what}, or ask another provider meanwhile (OpenAI's SDK waits by itself; a loop around it has to read the "
            "response of its error).",
            [predicted(run, WaitsIgnored(), phase, none_left(run, phase), supposes) for phase in phases_of(run, rows)],
        )


def _waits(found: Tries) -> tuple[Bools, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Which tries follow a stated wait in their group, how long that was, and how long they waited."""
    import numpy as np

    wait_s = found.column("retry_after_ms") / 1000
    said_s, start_s = found.column("first_byte_s"), found.column("start_s")
    before_s, stated_s = np.r_[np.nan, said_s[:-1]], np.r_[np.nan, wait_s[:-1]]
    waited_s = start_s - before_s
    told: Bools = (found.place > 0) & (stated_s > 0) & (waited_s >= 0)
    return told, stated_s, waited_s


def _way(
    stated_s: npt.NDArray[np.float64], waited_s: npt.NDArray[np.float64], obeyed_s: npt.NDArray[np.float64]
) -> Way:
    import numpy as np

    thousandth = (stated_s >= LONG_S) & (np.abs(1000 * waited_s / stated_s - 1) <= 0.5)
    if thousandth.mean() > 0.5:
        return "misread"
    most_s = float(np.median(waited_s))
    alike = np.abs(waited_s - most_s) <= 0.1 * most_s
    if alike.mean() > 0.8 and (obeyed_s <= most_s).sum() >= ENOUGH:
        return "capped"
    return "ignored"
