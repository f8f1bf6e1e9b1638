"""How old what answers stand on is, in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import ANSWERED, SNAPSHOTS, Ground
from harness.judging.metrics.base import Metric, measured_parts
from harness.judging.metrics.latency import QUANTILES, best_quantile
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import Measured


class Staleness(Metric):
    """Seconds for which a newer snapshot had been published when the request was due, over complete answers that name theirs: p50 to p99.

    0 where the answer stands on the newest one. A publication counts from when it was acknowledged.
    """

    name: ClassVar[str] = "staleness_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (
        SNAPSHOTS,
        ANSWERED,
    )
    needs: ClassVar[Known] = "requests"
    not_of_users: ClassVar[str] = "versions are read from answers, and nobody reads those of a locustfile's users"
    unit: ClassVar[str] = "s"
    parts: ClassVar[tuple[str, ...]] = tuple(QUANTILES)
    usual_part: ClassVar[str] = "p95"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Staleness"
    about: ClassVar[str] = "for which what an answer stands on had been outdated"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 51
    held_first: ClassVar[int] = 53

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        part = part or self.usual_part
        interval: Interval = sample.once(f"{self.name}.{part}", lambda: _quantile(sample, QUANTILES[part]))
        return interval

    def about_usual(self, part: str | None) -> bool:
        """A limit on the median says nothing of the oldest twentieth."""
        return QUANTILES[part or self.usual_part] >= QUANTILES[self.usual_part]

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if plan.target.ask.reply.snapshot_version is None:
            return f"target {plan.target.name!r} does not say where a reply names its snapshot (ask.reply.snapshot_version)"
        if plan.target.publish is None:
            return f"target {plan.target.name!r} publishes nothing (publish), so nothing can be known to be outdated"
        return best_quantile(plan, expectation, QUANTILES[expectation.part or self.usual_part])

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)

    def broken(self, said: Said) -> str:
        return f"what answers stood on{said.where} had been outdated for {said.value}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"answers stood on the newest snapshot{said.where}"
        return f"what answers stood on{said.where} had been outdated for {said.value}"


def _quantile(sample: Sample, q: float) -> Interval:
    import numpy as np

    from harness.judging.scoring.quantiles import clumped_quantile

    if not sample.run.publications():
        return UNMEASURED
    stale_s: npt.NDArray[np.float64] = sample.run.once("stale", lambda: _stale(sample.run))[sample.picked]
    known = ~np.isnan(stale_s)
    found = clumped_quantile(sample.column("due_s")[known], stale_s[known], q) if known.any() else UNMEASURED
    return found.wider(sample.run.clock_s)


def _stale(run: Evidence) -> npt.NDArray[np.float64]:
    """Of each request for how long something newer had been published when it was due; NaN where nobody knows."""
    import numpy as np

    due_s = run.column("requests", "due_s")
    complete = run.words("requests", "outcome") == "complete"
    version = run.column("requests", "snapshot_version")
    stale_s = np.where(complete & ~np.isnan(version), 0.0, np.nan)
    # The earliest of the newer ones outdated it: later ones add nothing.
    for number, _, acknowledged_s in run.publications():
        stale_s = np.where(number > version, np.maximum(stale_s, due_s - acknowledged_s), stale_s)
    return stale_s
