"""How long a service sticks to a provider that does not answer before it asks another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import Interval
from harness.judging.metrics.attempts import CountsAttempts, each_of, several
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.judging.serving import for_words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence


class AttemptsBeforeFailover(CountsAttempts):
    """Attempts on the link that a request was first tried on, before it was tried on another; over the requests that failed over.

    Of attempts that ask for an answer in words, on links that serve. Where none failed over, nothing was measured.
    """

    name: ClassVar[str] = "attempts_before_failover"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Attempts before failover"
    about: ClassVar[str] = "attempts on one link before a request was tried on another"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    broken_first: ClassVar[int] = 39
    held_first: ClassVar[int] = 39
    least: ClassVar[float] = 1.0

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        def made() -> Interval:
            before: npt.NDArray[np.int64] = sample.run.once(self.name, lambda: _before(sample.run))
            mine = before[sample.picked]
            return each_of(sample, mine, mine > 0)

        interval: Interval = sample.once(self.name, made)
        return interval

    def broken(self, said: Said) -> str:
        return f"{self.held(said)}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"a request was tried {said.counted('time')} on one link before it was tried on another{said.where}"


def _before(run: Evidence) -> npt.NDArray[np.int64]:
    """Of each request the attempts before the first on another link than the very first one; 0 where there is none."""
    import numpy as np

    from harness.record.columns import ordered

    before = np.zeros(len(run.request_table), np.int64)
    rows = run.request_rows()
    joined = several(np.where(for_words(run), rows, -1))
    if not joined.size:
        return before
    step = run.column("attempts", "step")
    order = joined[ordered(rows[joined], step[joined], run.column("attempts", "start_s")[joined])]
    mine, link = rows[order], run.words("attempts", "link").codes[order]
    begins = np.flatnonzero(np.r_[True, (mine[1:] != mine[:-1]) | (step[order][1:] != step[order][:-1])])
    sizes = np.diff(np.r_[begins, mine.size])
    place = np.arange(mine.size) - np.repeat(begins, sizes)
    moved = link != np.repeat(link[begins], sizes)
    first = np.minimum.reduceat(np.where(moved, place, mine.size), begins)
    # Of a request of several steps the one that it stuck to longest.
    np.maximum.at(before, mine[begins], np.where(first < mine.size, first, 0))
    return before
