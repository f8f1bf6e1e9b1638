"""How many answers are good and yet not what they usually are: partial, or from a fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.judging.grounds import GOOD, SAYS_DEGRADED, Ground
from harness.judging.metrics.ratios import Ratio, no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.judging.serving import elsewhere, servers
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools


class DegradedRatio(Ratio):
    """Share of requests with a good answer that is marked as partial (`ask.reply.degraded`), or that a fallback gave.

    A third class beside good ones of the usual kind and those that are not good: `good_ratio` less this one is the share of the usual kind.
    """

    name: ClassVar[str] = "degraded_ratio"
    rests_on: ClassVar[tuple[Ground, ...]] = (
        SAYS_DEGRADED,
        GOOD,
    )
    not_of_users: ClassVar[str] = "marks are read from answers, and nobody reads those of a locustfile's users"
    title: ClassVar[str] = "Degraded answers"
    about: ClassVar[str] = "of requests got a good answer that was partial or from a fallback"
    seldom: ClassVar[bool] = True
    broken_first: ClassVar[int] = 43
    held_first: ClassVar[int] = 43

    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        run = sample.run
        # Neither a mark nor anybody who was seen to serve: nothing could have shown it.
        if run.plan.target.ask.reply.degraded is None and not (servers(run) != "").any():
            return None
        degraded = run.column("requests", "good") & (run.column("requests", "degraded") | elsewhere(run))
        return sample.column("due_s"), degraded[sample.picked].astype(bool)

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if plan.target.ask.reply.degraded is None and (why := no_http(plan)) is not None:
            return f"{why}, and no mark is known of a partial answer (ask.reply.degraded)"
        return super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        if not said.wants_low:
            return super().broken(said)
        return f"{said.share} of requests got a degraded answer{said.where}; it should be {said.limit_share} or less"

    def held(self, said: Said) -> str:
        share = "no request" if said.number == 0 else f"{said.share} of requests"
        return f"{share} got a degraded answer{said.where}"
