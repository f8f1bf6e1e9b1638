"""Retries without jitter: all wait equally long, so that who failed together comes again together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.base import Cause, of_next_run, predicted
from harness.judging.diagnoses.tries import ENOUGH as ENOUGH_TRIES
from harness.judging.diagnoses.tries import Tries, tries, troubled
from harness.judging.evidence import Evidence
from harness.judging.metrics.attempts import hidden, tried_again
from harness.judging.metrics.retry_burst import RetryBurst, densest_each
from harness.judging.result import Diagnosis
from harness.planning.disturbance import Phase
from harness.reading.quantities import plain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools

ENOUGH = 30
"""Of fewer waits nobody can say that they are alike by no accident."""
SPREAD, HAIR_S = 0.05, 0.01
LEAST_S = 0.1
DRAWS = 100
"""So often the waits are drawn anew: of so many the second from either end is about what 95 in 100 lie between."""
MANY, FEW_DRAWS = 1 << 16, 39
"""Of so many tries, each draw of which takes long, fewer do: one more lies between the least and the largest of 39 in 38 of 40 cases."""
SUPPOSES = "each wait drawn anew between nothing and what it was; every try ends as it did, and as long after it began"


class NoJitter(Cause):
    """The waits between tries are alike to a hair, so that all that failed at one moment is tried again at one moment.

    Shown where of 30 requests or more the wait before the same try (the second, the third, ...) on one link is 0.1 s or longer, and
    eight in ten of those waits lie within 5 % of their middle, or within 10 ms. Waits that the provider stated do not count, nor do
    those after an answer that was good. It predicts how many tries again come at one moment at the most, were each of
    those waits drawn anew between nothing and what it was: from the attempts' own times, with all else as it went.
    """

    id: ClassVar[str] = "no_jitter"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        waited_s = _waits(found)
        known = ~np.isnan(waited_s) & troubled(run)[found.row]
        alike: list[tuple[int, float]] = []
        for place in range(1, 1 + int(found.place[known].max(initial=0))):
            here = known & (found.place == place)
            if found.requests(here).size < ENOUGH:
                break
            tenth, middle, ninetieth = np.quantile(waited_s[here], [0.1, 0.5, 0.9])
            if middle >= LEAST_S and ninetieth - tenth <= max(2 * SPREAD * middle, 2 * HAIR_S):
                alike.append((place, float(middle)))
        if not alike:
            return None
        at_hand = np.isin(found.place, [place for place, _ in alike])
        shown = known & at_hand
        rows = found.requests(shown)
        waits = ", ".join(f"{plain(middle)} s before try {place + 1}" for place, middle in alike[:4])
        return self.document(
            run,
            "Retries have no jitter",
            [f"{rows.size} requests waited equally long, eight in ten within 5 %: {waits}"],
            rows,
            int(shown.sum()),
            "Draw each wait anew between nothing and what it is now (full jitter; tenacity: wait_random_exponential; Envoy's back-off and "
            "OpenAI's SDK do so by themselves).",
            [
                predicted(run, RetryBurst(), phase.name, burst, SUPPOSES)
                for phase, burst in _drawn_anew(found, np.where(at_hand, np.nan_to_num(waited_s), 0.0), shown)
            ],
        )


def _waits(found: Tries) -> npt.NDArray[np.float64]:
    """How long each try waited after the failed one before it; NaN for a first try, and where the provider stated a wait."""
    import numpy as np

    told = ~np.isnan(found.column("retry_after_ms"))
    ended_s, start_s = found.column("end_s"), found.column("start_s")
    waited_s = start_s - np.r_[np.nan, ended_s[:-1]]
    plain = (found.place > 0) & ~np.r_[False, told[:-1]] & ~np.r_[False, found.good[:-1]] & (waited_s >= 0)
    waits: npt.NDArray[np.float64] = np.where(plain, waited_s, np.nan)
    return waits


def _between(drawn: Sequence[float]) -> tuple[float, float, float]:
    """The lower end, the middle and the upper end of what 95 in 100 more would lie between, of what was *drawn*."""
    import numpy as np

    if len(drawn) <= FEW_DRAWS:
        return min(drawn), float(np.median(drawn)), max(drawn)
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975]).tolist()
    return low, middle, high


def _drawn_anew(found: Tries, waited_s: npt.NDArray[np.float64], shown: Bools) -> Iterator[tuple[Phase, Interval]]:
    """How many tries again would begin at one moment at the most, in each phase in which enough of those that are *shown* did.

    A try that comes earlier than it did has all later ones of its request come earlier by as much. Its interval is that of the next run:
    the requests are drawn anew as well (Poisson's bootstrap, which has as many or as few fail together as another run may).
    """
    import numpy as np

    from harness.record.columns import ordered

    run, start_s = found.run, found.column("start_s")
    link = found.words("link").codes
    tried = np.zeros(len(run.attempt_table), np.bool_)
    tried[tried_again(run)[1]] = True
    again = tried[found.at]
    # Who was not tried again has no part in it.
    several = np.flatnonzero(found.made_for(found.row[again]))
    order = several[ordered(found.row[several], start_s[several])]
    row, waits_s, start_s, link, again = found.row[order], waited_s[order], start_s[order], link[order], again[order]
    first = np.r_[True, row[1:] != row[:-1]]
    many = np.diff(np.append(np.flatnonzero(first), row.size))
    generator = np.random.default_rng(0)

    def moved() -> npt.NDArray[np.float64]:
        earlier_s = np.cumsum(waits_s * generator.random(row.size))
        of_others_s = np.repeat(np.r_[0.0, earlier_s[:-1]][first], many)
        at_s: npt.NDArray[np.float64] = start_s - (earlier_s - of_others_s)
        return at_s

    tries, link = np.flatnonzero(again), link[again]

    def bursts(at_s: npt.NDArray[np.float64], times: npt.NDArray[np.int64]) -> list[list[int]]:
        """The densest moment in each phase, of each try once and of each so many *times*."""
        inside = [np.flatnonzero((phase.start_s <= at_s) & (at_s < phase.end_s)) for phase in phases]
        return [densest_each(at_s[mine], link[mine], (None, times[mine])) for mine in inside]

    began_s = found.column("start_s")[shown]
    phases = [
        phase
        for phase in run.plan.phases
        if ((phase.start_s <= began_s) & (began_s < phase.end_s)).sum() >= ENOUGH_TRIES
        and not hidden(run.plan, [phase])
    ]
    of_request = (np.cumsum(first) - 1)[tries]
    # Draw by draw, since all of them together are a hundred times as much as the run.
    draws = 0 if not phases else DRAWS if row.size <= MANY else FEW_DRAWS
    drawn = [bursts(moved()[tries], generator.poisson(1.0, many.size)[of_request]) for _ in range(draws)]
    for place, phase in enumerate(phases):
        usual = float(np.median([one[place][0] for one in drawn]))
        # Some requests are drawn twice, which of itself makes the densest moment denser; how far apart the draws are is what counts.
        low, middle, high = _between([one[place][1] for one in drawn])
        spread = of_next_run(
            Interval(usual, usual - float(middle - low), usual + float(high - middle), int(again.sum()))
        )
        # A run has whole tries.
        yield phase, Interval(usual, floor(spread.low), ceil(spread.high), spread.n)
