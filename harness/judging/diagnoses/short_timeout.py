"""A time-out of the service's own that is shorter than an answer takes while its provider is slow, and longer than one takes else."""

from __future__ import annotations

from functools import cache
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from harness.faults.effects import Delay, EdgeRule, Effect, Late, TapShape, Toxic
from harness.interval import Interval
from harness.judging.diagnoses.base import ENOUGH, Cause, of_next_run, predicted
from harness.judging.diagnoses.tries import Tries, phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults
from harness.judging.scoring.shares import wilson
from harness.planning.disturbance import Disturbance
from harness.reading.quantities import plain

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools, Floats

SHARE, ALIKE, SPREAD = 0.5, 0.8, 0.1
HAIR_S = 0.05
"""So much later than the try its client may be seen to go, and have gone first."""


class ShortTimeout(Cause):
    """The service lets go of tries that would have been answered, had it waited as long as its users do.

    Shown where a fault is known to make answers late, half of the tries on its link while it lasts were let go with no answer although
    their client still waited, four in five of those after the same time (within 10 %), that time is longer than 19 of 20 whole answers
    of the baseline took, and shorter than most of them take with what the fault adds; from 10 requests on.
    """

    id: ClassVar[str] = "short_timeout"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        link = found.words("link")

        @cache
        def usually_s(links: tuple[str, ...]) -> Floats:
            return _usual_s(found, links)

        @cache
        def let_go() -> Bools:
            return _let_go(found)

        for disturbance in run.plan.disturbances:
            window, (base_s, jitter_s) = run.window_of(disturbance), lateness(disturbance)
            if window is None or not base_s or not (usual_s := usually_s(disturbance.links)).size:
                continue
            here = found.between(window.start_s, window.end_s)
            here = here[link[here].isin(disturbance.links)]
            gone = here[let_go()[here]]
            gave_up_s = found.column("end_s")[gone] - found.column("start_s")[gone]
            rows = found.requests(gone)
            if rows.size < ENOUGH or gone.size < SHARE * here.size:
                continue
            own_s = float(np.median(gave_up_s))
            alike = np.abs(gave_up_s - own_s) <= SPREAD * own_s
            fits = float(np.quantile(usual_s, 0.95)) < own_s < float(np.median(usual_s)) + base_s
            if alike.mean() < ALIKE or not fits:
                continue
            needed_s = ceil(2 * 1.2 * (float(np.quantile(usual_s, 0.99)) + base_s + jitter_s)) / 2
            client = (
                "OpenAI's and Anthropic's SDKs: timeout"
                if (found.counted >= 0).any()
                else "httpx: timeout; LiteLLM: timeout"
            )
            return self.document(
                run,
                f"The service's own time-out of {plain(own_s, 2)} s is shorter than a slow answer takes",
                [
                    f"{gone.size} of {here.size} tries on {', '.join(disturbance.links)} during {disturbance.id} were let go "
                    f"after {plain(own_s, 2)} s, while their client still waited",
                    f"an answer usually takes {plain(float(np.median(usual_s)), 2)} s there, "
                    f"and {plain(base_s, 2)} s longer during {disturbance.id}; a user waits {run.plan.scenario.good.within:g} s",
                ],
                rows,
                gone.size,
                f"Wait {needed_s:g} s for an answer, or for its first token ({client}).",
                [
                    predicted(
                        run,
                        GoodRatio(),
                        phase,
                        _waited_for(run, phase, base_s, jitter_s),
                        f"a time-out of {needed_s:g} s or more",
                    )
                    for phase in phases_of(run, rows)[:1]
                ],
            )
        return None


def lateness(disturbance: Disturbance) -> tuple[float, float]:
    """By how much it makes answers late, and how far that is spread, in seconds; 0 where it makes none late for all that is known."""

    late: dict[str, tuple[float, float]] = {}
    for effect in disturbance.effects:
        base_s, jitter_s = _late_by(effect)
        # What lies at two places of one link comes one after the other.
        known = late.get(effect.aim, (0.0, 0.0))
        late[effect.aim] = known[0] + base_s, known[1] + jitter_s
    return max(late.values(), default=(0.0, 0.0))


def _late_by(effect: Effect) -> tuple[float, float]:
    match effect:
        case Toxic(kind="latency", attributes=said):
            return said["latency"] / 1000, said.get("jitter", 0) / 1000
        case TapShape(shape=Late(base_s=base_s, jitter_s=jitter_s), share_ratio=1.0):
            return base_s, jitter_s
        case EdgeRule(rule=Delay(base_s=base_s, jitter_s=jitter_s)):
            return base_s, jitter_s
    return 0.0, 0.0


def _let_go(found: Tries) -> Bools:
    """Which tries were ended by who made them, with no answer, while the client of their request still waited."""
    import numpy as np

    asked_until_s = found.of_request("end_s")
    waited = np.where(np.isnan(asked_until_s), np.inf, asked_until_s) > found.column("end_s") + HAIR_S
    gone: Bools = (found.words("outcome") == "client_left") & (found.column("status") == 0) & waited
    return gone


def _usual_s(found: Tries, links: tuple[str, ...]) -> Floats:
    """How long whole answers took on *links* in the baseline."""

    mine = found.good & before_faults(found.run)[found.row] & found.words("link").isin(links)
    lasted_s: Floats = (found.column("end_s") - found.column("start_s"))[mine]
    return lasted_s


def _waited_for(run: Evidence, phase: str, base_s: float, jitter_s: float) -> Interval:
    """The share of good answers, were each as late as the baseline's and what the fault adds: at its most, at least, and on average."""
    before = before_faults(run)
    n = int((run.words("requests", "phase") == phase).sum())
    took_ms, good = run.column("requests", "latency_ms")[before], run.column("requests", "good")[before]
    within_ms = 1000 * run.plan.scenario.good.within

    def share(more_s: float) -> float:
        return float((good & (took_ms + 1000 * more_s <= within_ms)).mean()) if good.size else 0.0

    least, mean, most = (share(base_s + jitter_s), share(base_s), share(base_s - jitter_s))
    # As sure as the smaller of the two samples allows.
    size = min(n, int(before.sum()))
    low, high = (of_next_run(wilson(round(one * size), size)) for one in (least, most))
    return Interval(mean, low.low, high.high, size)
