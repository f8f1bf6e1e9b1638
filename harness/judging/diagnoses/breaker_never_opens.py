"""A circuit breaker that never opens, or that is not there: what is lost goes on being asked as if it were well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.base import ENOUGH, Cause, predicted
from harness.judging.diagnoses.short_timeout import lateness
from harness.judging.diagnoses.tries import Tries, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.probes_per_s import ProbesPerS
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults, before_faults_s
from harness.judging.serving import providers
from harness.planning.disturbance import Disturbance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


LOST, USUAL = 0.95, 0.8
LEAST_S = 5.0
PROBES_PER_S = 1.0


class BreakerNeverOpens(Cause):
    """A provider that answers nothing is asked by as many requests as ever, for as long as it is lost.

    Shown where a fault of the wire, or one that answers errors of the server in the provider's place, leaves 95 % of the attempts on a link
    without a good answer from `good.within` after it began to its end, for 5 s or longer; where requests that were due meanwhile were tried
    there at four fifths of their rate in the baseline or more; and where half of those, 10 or more, went bad. A provider that is merely
    late is not lost, and one that has too little room answers some.
    """

    id: ClassVar[str] = "breaker_never_opens"

    def find(self, run: Evidence) -> Diagnosis | None:
        found = tries(run)
        if run.plan.hiding:
            return None
        shown = next((one for d in run.plan.disturbances for one in lost(found, d) if _asked_on(found, one)), None)
        if shown is None:
            return None
        bad = ~run.column("requests", "good").astype(bool)
        rows, each = shown.asked[bad[shown.asked]], len(run.plan.target.entries_by_name)
        foreseen = Interval(each * PROBES_PER_S, 0.0, 2 * each * PROBES_PER_S, shown.here.size)
        return self.document(
            run,
            f"Nothing keeps requests from {shown.link} while it is lost: no breaker opens",
            [
                f"{int((~found.good[shown.here]).sum())} of {shown.here.size} attempts on {shown.link} came to nothing, from "
                f"{shown.from_s:.1f} s to {shown.until_s:.1f} s of the run",
                f"{shown.asked.size / shown.lasted_s:.1f} requests a second were still sent there ({usual_per_s(found, shown.link):.1f} "
                f"before), and {rows.size} of them went bad",
            ],
            rows,
            shown.here.size,
            f"Put a circuit breaker before {shown.link} that opens after a few failures and lets one try at a time find out whether it "
            "is back (LiteLLM: allowed_fails and cooldown_time; Envoy: outlier_detection).",
            [
                predicted(
                    run,
                    ProbesPerS(),
                    None,
                    foreseen,
                    f"{PROBES_PER_S:g} probe a second at most of each of {each} instances",
                )
            ],
        )


@dataclass(frozen=True, slots=True)
class Lost:
    """A *link* that answered nothing from *from_s* to *until_s*: the attempts *here*, and the rows of the requests *asked* there anew."""

    link: str
    from_s: float
    until_s: float
    here: npt.NDArray[np.intp]
    asked: npt.NDArray[np.intp]

    @property
    def lasted_s(self) -> float:
        return self.until_s - self.from_s


def lost(found: Tries, disturbance: Disturbance) -> Iterator[Lost]:
    """Each provider that *disturbance* leaves answering nothing, once there was time to notice."""

    run = found.run
    window = run.window_of(disturbance)
    if window is None or lateness(disturbance)[0]:
        return
    from_s = window.start_s + run.plan.scenario.good.within
    for name in providers(run.plan):
        if name not in disturbance.links or window.end_s - from_s < LEAST_S:
            continue
        here = found.between(from_s, window.end_s, name)
        if not here.size or found.good[here].mean() > 1 - LOST:
            continue
        if disturbance.fault.probes or _answered_for(run, disturbance, name, from_s) >= LOST * here.size:
            # Whoever has waited there since before is no sign of a door that stays open.
            asked = found.of_due(from_s, window.end_s)
            asked = found.requests(asked[run.words("attempts", "link")[found.at[asked]] == name])
            yield Lost(name, from_s, window.end_s, here, asked)


def _answered_for(run: Evidence, disturbance: Disturbance, link: str, from_s: float) -> int:
    """How many attempts on *link* the fault answered with an error of a server."""
    mine = (run.words("arrivals", "fault") == disturbance.id) & (run.words("arrivals", "link") == link)
    return int((mine & (run.column("arrivals", "status") >= 500) & (run.column("arrivals", "start_s") >= from_s)).sum())


def _asked_on(found: Tries, of: Lost) -> bool:
    """Whether requests went on being sent there, and went bad."""
    bad = ~found.run.column("requests", "good").astype(bool)
    n, usual = int(bad[of.asked].sum()), usual_per_s(found, of.link)
    often = usual > 0 and of.asked.size / of.lasted_s >= USUAL * usual
    return often and n >= ENOUGH and n >= of.asked.size / 2


def usual_per_s(found: Tries, link: str) -> float:
    """How many requests a second were tried on *link* in the baseline."""

    def made() -> int:
        return int(found.requests((found.words("link") == link) & before_faults(found.run)[found.row]).size)

    lasted_s = before_faults_s(found.run)
    usual: int = found.run.once(("usually tried on", link), made)
    return usual / lasted_s if lasted_s else 0.0
