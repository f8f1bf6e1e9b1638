"""How much of what is answered comes from somewhere else than usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.judging.grounds import SERVED, Ground
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


class FallbackRatio(Ratio):
    """Share of the answered requests that another link served than they were tried on first, or than usually serves their entry.

    Usual is what served a tenth or more of an entry's requests in the baseline. Only answers count of which it was seen who gave them.
    To fall back is right while something is broken, so no side is the better one unless a limit says so.
    """

    name: ClassVar[str] = "fallback_ratio"
    rests_on: ClassVar[tuple[Ground, ...]] = (SERVED,)
    title: ClassVar[str] = "Fallback answers"
    about: ClassVar[str] = "of answers came from a fallback"
    seldom: ClassVar[bool] = True
    counts_attempts: ClassVar[bool] = True
    broken_first: ClassVar[int] = 44
    held_first: ClassVar[int] = 44

    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        served = sample.picked & (servers(sample.run) != "")
        if not served.any():
            return None
        return sample.run.column("requests", "due_s")[served], elsewhere(sample.run)[served]

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many answers nobody was seen to give, such as those from a cache."""
        answered = sample.words("outcome") == "complete"
        unseen = answered & (servers(sample.run)[sample.picked] == "")
        return (
            f"of {int(unseen.sum())} of {int(answered.sum())} answers it was not seen who gave them"
            if unseen.any()
            else ""
        )

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return no_http(plan) or super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        if not said.wants_low:
            return super().broken(said)
        return f"{said.share} of answers came from a fallback{said.where}; it should be {said.limit_share} or less"

    def held(self, said: Said) -> str:
        share = "no answer" if said.number == 0 else f"{said.share} of answers"
        return f"{share} came from a fallback{said.where}"
