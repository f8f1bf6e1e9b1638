"""Whether what has to stay in a region does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.judging.grounds import Ground
from harness.judging.metrics.attempts import TRIED, unwatched
from harness.judging.metrics.counted import Counted
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Words


class ResidencyViolations(Counted):
    """Attempts of questions that have to stay in a `region` on links of another: exactly how many in this run; .rate: how many to expect.

    An attempt counts once it has begun: what was asked has left by then. Links without a region are in none, and nothing is known of them.
    """

    name: ClassVar[str] = "residency_violations"
    rests_on: ClassVar[tuple[Ground, ...]] = (TRIED,)
    not_of_users: ClassVar[str] = (
        "questions say where they have to stay, and nobody knows what users of a locustfile ask"
    )
    asks_where: ClassVar[bool] = True
    unit: ClassVar[str] = "attempts"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link")
    title: ClassVar[str] = "Residency violations"
    about: ClassVar[str] = "attempts on links outside the region in which the question has to stay"
    never: ClassVar[str] = "nothing left the region in which it has to stay"
    broken_first: ClassVar[int] = 6
    held_first: ClassVar[int] = 56
    counts_attempts: ClassVar[bool] = True

    def events(self, sample: Sample) -> tuple[npt.NDArray[np.float64], int] | None:
        bound = sample.run.once("bound to a region", lambda: _bound(sample.run))[sample.picked]
        if unwatched(sample) or not bound.any():
            return None
        astray = sample.run.once(self.name, lambda: _outside(sample.run))
        return sample.tries_of(self.name, astray)[bound].astype(float), int(bound.sum())

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if (why := no_http(plan)) is not None:
            return why
        if not any(link.region for link in plan.target.links.values() if link.carries == "http"):
            return f"no HTTP link of target {plan.target.name!r} has a region, so nothing can be outside of one"
        return super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        may = "none may" if said.bound == 0 else f"at most {said.limit} may"
        return (
            f"{said.counted('attempt')}{said.where} left the region in which {said.their} question has to stay; {may}"
        )


def _regions(run: Evidence) -> Words:
    """Of each request the region in which its question has to stay; empty where it may go anywhere."""
    regions = {name: asked.region or "" for name, asked in run.asked.items()}
    return run.words("requests", "question").map(lambda name: regions.get(name, ""))


def _bound(run: Evidence) -> Bools:
    return _regions(run) != ""


def _outside(run: Evidence) -> Bools:
    """Which attempts of *run* were made on a link of another region than their question has to stay in."""
    import numpy as np

    of_link = {name: link.region or "" for name, link in run.plan.target.links.items()}
    there = run.words("attempts", "link").map(lambda name: of_link.get(name, ""))
    regions, rows = _regions(run), run.request_rows()
    if not regions.size:
        return np.zeros(rows.size, np.bool_)
    bound_to = regions[rows]
    return (rows >= 0) & (bound_to != "") & (there != "") & (there != bound_to)
