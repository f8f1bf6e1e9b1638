"""Whether a service that is told how long to wait waits so long before it tries again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.judging.metrics.attempts import OfSomeKind, tried_again, unwatched
from harness.judging.metrics.ratios import Ratio, no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.quantities import counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools

EARLY_S = 0.01
"""So much earlier than it is due a sleeping client may wake up and still have waited."""


class RetryAfterObeyed(Ratio):
    """Share of the tries after a stated wait (``retry-after``, ``retry-after-ms``) that came no earlier than that.

    A try follows a wait that the answer before it stated, to the same request and on the same link. It belongs to the phase in which its
    request was due.
    """

    name: ClassVar[str] = "retry_after_obeyed"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link")
    title: ClassVar[str] = "Waits obeyed"
    about: ClassVar[str] = "of tries after a stated wait waited so long"
    better: ClassVar[Literal["lower", "higher"] | None] = "higher"
    counts_attempts: ClassVar[bool] = True
    broken_first: ClassVar[int] = 34
    held_first: ClassVar[int] = 34

    def rows(self, sample: Sample) -> tuple[npt.NDArray[np.float64], Bools] | None:
        import numpy as np

        if unwatched(sample):
            return None
        after, obeyed = sample.run.once("after waits", lambda: _after_waits(sample.run))
        tries = sample.tries_of("after a wait", after)
        waited = sample.tries_of("after a wait, obeyed", obeyed)
        due_s, waited_of = np.repeat(sample.column("due_s"), tries), np.repeat(waited, tries)
        # Of the tries of one request which one waited makes no difference to a share.
        nth = np.arange(due_s.size) - np.repeat(np.cumsum(tries) - tries, tries)
        return due_s, nth < waited_of

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """How many waits were stated where nothing was tried after one."""
        if unwatched(sample) or self.measure(sample).value is not None:
            return ""
        stated = int(sample.tries_of(f"{self.name} stated", _stated(sample.run)).sum())
        return (
            f"a wait was stated {counted(stated, 'time')}, and nothing was tried on that link after one"
            if stated
            else ""
        )

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        # How many tries there will be nobody knows: more than one of each request would be many.
        return no_http(plan) or super().unsettled(plan, expectation)

    def unseen(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.carries != "http"]

    def broken(self, said: Said) -> str:
        if said.wants_low:
            return super().broken(said)
        share = "none" if said.number == 0 else f"only {said.share}"
        return f"{share} of the tries after a stated wait waited so long{said.where}; it should be {said.limit_share} or more"

    def held(self, said: Said) -> str:
        share = "every try" if said.number == 1 else f"{said.share} of the tries"
        return f"{share} after a stated wait waited so long{said.where}"


class WaitsIgnored(OfSomeKind):
    """Tries after a stated wait that came earlier than that, per request that made any attempt.

    Who turns to another link in place of waiting ignores nothing, and has 0 of them.
    """

    name: ClassVar[str] = "waits_ignored"
    title: ClassVar[str] = "Waits ignored"
    about: ClassVar[str] = "tries for each request that came earlier than it was told to wait"
    broken_first: ClassVar[int] = 35
    held_first: ClassVar[int] = 35

    def kind(self, run: Evidence) -> Bools:
        after, obeyed = run.once("after waits", lambda: _after_waits(run))
        ignored: Bools = after & ~obeyed
        return ignored

    def broken(self, said: Said) -> str:
        return f"each request was tried {said.counted('time')} earlier than it was told to wait{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"no try came earlier than it was told to wait{said.where}"
        return super().held(said)


def _stated(run: Evidence) -> Bools:
    """Which attempts of *run* were answered with a wait."""
    import numpy as np

    stated: Bools = ~np.isnan(run.column("attempts", "retry_after_ms"))
    return stated


def _after_waits(run: Evidence) -> tuple[Bools, Bools]:
    """Which attempts of *run* followed a stated wait of their request on their link, and which of them waited."""
    import numpy as np

    def column(name: str) -> npt.NDArray[Any]:
        return run.column("attempts", name)

    start_s, said_s, wait_ms = map(column, ("start_s", "first_byte_s", "retry_after_ms"))
    before, after = tried_again(run)
    # A comparison with what never came or was not stated is false.
    told = (wait_ms[before] > 0) & (said_s[before] <= start_s[after])
    waited = told & (start_s[after] - said_s[before] >= wait_ms[before] / 1000 - EARLY_S)
    both = np.zeros((2, start_s.size), np.bool_)
    both[0, after], both[1, after] = told, waited
    return both[0], both[1]
