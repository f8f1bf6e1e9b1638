"""How many answers came without asking a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.judging.grounds import ANSWERED, SAYS_CACHED, Ground
from harness.judging.metrics.attempts import hidden, unwatched
from harness.judging.metrics.ratios import Ratio, no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, spans
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools


class CacheHitRatio(Ratio):
    """Share of complete answers that came from a cache: marked so (`ask.reply.cached`), or else without any attempt."""

    name: ClassVar[str] = "cache_hit_ratio"
    rests_on: ClassVar[tuple[Ground, ...]] = (
        SAYS_CACHED,
        ANSWERED,
    )
    title: ClassVar[str] = "Answers from a cache"
    about: ClassVar[str] = "of answers came from a cache"
    broken_first: ClassVar[int] = 52
    held_first: ClassVar[int] = 52

    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        plan, answered = sample.run.plan, sample.words("outcome") == "complete"
        marked = _is_marked(plan)
        if not marked and (hidden(plan, sample.spans) or unwatched(sample.whole)):
            return None
        hit: Bools = sample.column("cached").astype(bool) if marked else sample.column("attempts") == 0
        return sample.column("due_s")[answered], hit[answered]

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if _is_marked(plan):
            return super().unsettled(plan, expectation)
        if (why := no_http(plan)) is not None:
            return f"{why}, and no mark is known of an answer from a cache (ask.reply.cached)"
        if names := hidden(plan, spans(plan, expectation.selection)):
            return f"{', '.join(names)} leaves nobody listening, so an answer without attempts says nothing; name a mark (ask.reply.cached)"
        return super().unsettled(plan, expectation)

    def broken(self, said: Said) -> str:
        only, way = ("", "less") if said.wants_low else ("only ", "more")
        return f"{only}{said.share} of answers came from a cache{said.where}; it should be {said.limit_share} or {way}"

    def held(self, said: Said) -> str:
        return f"{said.share} of answers came from a cache{said.where}"


def _is_marked(plan: Plan) -> bool:
    # Of a closed load nobody reads the answers.
    return plan.target.ask.reply.cached is not None and not plan.closed
