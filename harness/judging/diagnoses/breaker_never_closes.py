"""A circuit breaker that never closes: what was lost is left alone long after it is whole again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.by_time import due
from harness.judging.diagnoses.base import ENOUGH, Cause, predicted
from harness.judging.diagnoses.tries import Tries, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.fallback_ratio import FallbackRatio
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis, Prediction
from harness.judging.sample import before_faults, before_faults_s
from harness.judging.serving import elsewhere, providers, usual
from harness.planning.windows import Window

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SETTLED_S, LEAST_S = 5.0, 8.0
HICCUP_S = 3.0
"""What lasts no longer is a hiccup; see `hiccup_taken_for_outage`."""
ALONE = 0.1


class BreakerNeverCloses(Cause):
    """A provider that was lost gets hardly any attempt any more although it is whole, and those who usually go there go elsewhere or fail.

    Shown where from 5 s after a fault of more than 3 s had ended to the end of the run, for 8 s or longer, its link got at most a tenth of
    its attempts a second of the baseline, and half of the requests to entries that it usually serves, 10 or more, went bad or were served
    elsewhere.
    """

    id: ClassVar[str] = "breaker_never_closes"

    def find(self, run: Evidence) -> Diagnosis | None:
        found = tries(run)
        for window in run.windows():
            if window.end_s - window.start_s <= HICCUP_S or window.next_s < run.observed_until_s:
                continue
            for alone in left_alone(found, window, window.end_s + SETTLED_S, run.observed_until_s):
                if alone.until_s - alone.from_s < LEAST_S:
                    continue
                return self.document(
                    run,
                    f"{alone.link} is left alone long after it is whole again: its breaker never closes",
                    [
                        f"from {alone.from_s:.1f} s to {alone.until_s:.1f} s of the run {alone.attempts} attempts were made there "
                        f"({alone.usual_per_s:.1f} a second in the baseline)",
                        f"{alone.rows.size} requests that it usually serves went bad or were served elsewhere meanwhile",
                    ],
                    alone.rows,
                    alone.attempts,
                    f"Let one try through every second or two, and close the breaker of {alone.link} when it goes well (LiteLLM: "
                    "cooldown_time; Envoy: base_ejection_time, max_ejection_percent).",
                    [_back(run, alone)],
                )
        return None


@dataclass(frozen=True, slots=True)
class Alone:
    """A *link* that is hardly asked from *from_s* to *until_s*, and the *rows* of requests that it usually serves, and did not."""

    link: str
    from_s: float
    until_s: float
    attempts: int
    usual_per_s: float
    rows: npt.NDArray[np.intp]
    bad: int


def left_alone(found: Tries, window: Window, from_s: float, until_s: float) -> Iterator[Alone]:
    """Each provider under a fault of *window* that is hardly asked between these instants, though requests for it are due."""
    run = found.run
    good = run.column("requests", "good").astype(bool, copy=False)
    hit = {one for d in run.faults_of(window) for one in d.links}
    for name in providers(run.plan):
        entries = [entry for entry, serving in usual(run).items() if name in serving]
        if name not in hit or not entries or until_s <= from_s or not (usually := _usually_per_s(found, name)):
            continue
        made = found.between(from_s, until_s, name).size
        asked = due(run).places(from_s, until_s)
        asked = asked[run.words("requests", "entry")[asked].isin(entries)]
        rows = asked[~good[asked] | elsewhere(run)[asked]]
        if made <= ALONE * usually * (until_s - from_s) and rows.size >= max(ENOUGH, asked.size / 2):
            yield Alone(name, from_s, until_s, made, usually, rows, int((~good[rows]).sum()))


def _usually_per_s(found: Tries, link: str) -> float:
    """How many attempts a second there were on *link* in the baseline."""

    def made() -> int:
        return int(((found.words("link") == link) & before_faults(found.run)[found.row]).sum())

    usual: int = found.run.once(("attempts of the baseline on", link), made)
    return usual / max(before_faults_s(found.run), 1e-9)


def _back(run: Evidence, alone: Alone) -> Prediction | None:
    """What comes of it where the link is used again once it is whole: good answers where those were missing, else its own ones."""
    last = run.plan.phases[-1]
    late = min(1.0, max(0.0, alone.from_s - last.start_s) / (last.end_s - last.start_s))
    supposes = "a breaker that tries again every 2 s at least"
    if alone.bad >= alone.rows.size / 2:
        return predicted(run, GoodRatio(), last.name, Interval(1 - late / 4, 1 - late, 1.0, alone.rows.size), supposes)
    return predicted(run, FallbackRatio(), last.name, Interval(late / 4, 0.0, late, alone.rows.size), supposes)
