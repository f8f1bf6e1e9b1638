"""Retries without jitter: all wait equally long, so that who failed together comes again together."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.judging.diagnoses.base import Diagnosis
from harness.judging.diagnoses.tries import Tries, tries, troubled
from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis as Document
from harness.reading.quantities import plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ENOUGH = 30
"""Of fewer waits nobody can say that they are alike by no accident."""
SPREAD, HAIR_S = 0.05, 0.01
LEAST_S = 0.1


class NoJitter(Diagnosis):
    """The waits between tries are alike to a hair, so that all that failed at one moment is tried again at one moment.

    Shown where of 30 requests or more the wait before the same try (the second, the third, ...) on one link is 0.1 s or longer, and
    eight in ten of those waits lie within 5 % of their middle, or within 10 ms. Waits that the provider stated do not count, nor do
    those after an answer that was good. It predicts nothing: no metric counts how many tries come at one moment.
    """

    id: ClassVar[str] = "no_jitter"

    def find(self, run: Evidence) -> Document | None:
        import numpy as np

        found = tries(run)
        waited_s = _waits(found)
        known = ~np.isnan(waited_s) & troubled(run)[found.row]
        alike: list[tuple[int, float]] = []
        for place in range(1, 1 + int(found.place[known].max(initial=0))):
            here = known & (found.place == place)
            if np.unique(found.row[here]).size < ENOUGH:
                break
            tenth, middle, ninetieth = np.quantile(waited_s[here], [0.1, 0.5, 0.9])
            if middle >= LEAST_S and ninetieth - tenth <= max(2 * SPREAD * middle, 2 * HAIR_S):
                alike.append((place, float(middle)))
        if not alike:
            return None
        shown = known & np.isin(found.place, [place for place, _ in alike])
        rows = np.unique(found.row[shown])
        waits = ", ".join(f"{plain(middle)} s before try {place + 1}" for place, middle in alike[:4])
        return self.document(
            run,
            "Retries have no jitter",
            [f"{rows.size} requests waited equally long, eight in ten within 5 %: {waits}"],
            rows,
            int(shown.sum()),
            "Draw each wait anew between nothing and what it is now (full jitter; tenacity: wait_random_exponential; Envoy's back-off and "
            "OpenAI's SDK do so by themselves).",
        )


def _waits(found: Tries) -> npt.NDArray[np.float64]:
    """How long each try waited after the failed one before it; NaN for a first try, and where the provider stated a wait."""
    import numpy as np

    told = found.run.attempts["retry_after_ms"].notna().to_numpy()[found.at]
    ended_s, start_s = found.column("end_s"), found.column("start_s")
    waited_s = start_s - np.r_[np.nan, ended_s[:-1]]
    plain = (found.place > 0) & ~np.r_[False, told[:-1]] & ~np.r_[False, found.good[:-1]] & (waited_s >= 0)
    waits: npt.NDArray[np.float64] = np.where(plain, waited_s, np.nan)
    return waits
