"""How many tries again come at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import Ground
from harness.judging.metrics.attempts import TRIED, hidden, tried_again
from harness.judging.metrics.base import Metric
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, spans
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOMENT_S = 0.1
"""Within so long they come at one moment: a provider's queue has no time to empty between them."""
_PARTS = 64  # of a moment, in which is counted before anything is put in order


class RetryBurst(Metric):
    """The most tries again of requests that began within a tenth of a second on one link; each counts in the phase in which it began.

    What failed at one moment and waits equally long comes again at one moment, which no mean of attempts shows. A try again is one on a
    link that the same press of the same request has asked for the same before. Its interval is Garwood's of the mean of a Poisson count,
    since how many were under way when they failed together is one. Attempts that can be joined to no request may all be tries again, and
    raise its upper end.
    """

    name: ClassVar[str] = "retry_burst"
    rests_on: ClassVar[tuple[Ground, ...]] = (TRIED,)
    unit: ClassVar[str] = "attempts"
    labels: ClassVar[tuple[str, ...]] = ("link",)
    of_requests: ClassVar[bool] = False
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    title: ClassVar[str] = "Retry burst"
    about: ClassVar[str] = "tries again on one link within a tenth of a second, at the most"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    counts_attempts: ClassVar[bool] = True
    broken_first: ClassVar[int] = 35
    held_first: ClassVar[int] = 35

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: _at_once(sample))
        return interval

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        from harness.judging.scoring.distributions import poisson_bounds

        if (why := no_http(plan)) is not None:
            return why
        if names := hidden(plan, spans(plan, expectation.selection)):
            return f"{', '.join(names)} leaves nobody listening, and an attempt that is refused leaves no trace: it would be unmeasured"
        least = Interval(0.0, *poisson_bounds(0))
        if expectation.wants_low and expectation.judge(least) != "pass":
            return f"where none was seen in one run, there may be {least.high:.1f} in another; no run could settle it"
        return None

    def unseen(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.carries != "http"]

    def broken(self, said: Said) -> str:
        return f"{said.counted('try', 'tries')} again came to one link within a tenth of a second{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        many = (
            "none was tried again"
            if said.number == 0
            else f"at most {said.counted('try', 'tries')} again came at one moment"
        )
        return f"{many}{said.where}"


def densest(
    start_s: npt.NDArray[np.float64], links: npt.NDArray[Any], times: npt.NDArray[np.int64] | None = None
) -> int:
    """How many of what began at *start_s* on one of *links* (a number or a name each) did so within `MOMENT_S`, at the most.

    Each counts as often as *times* says; once, where nobody says.
    """
    return densest_each(start_s, links, [times])[0]


def densest_each(
    start_s: npt.NDArray[np.float64], links: npt.NDArray[Any], each: Sequence[npt.NDArray[np.int64] | None]
) -> list[int]:
    """`densest`, where each counts as often as each of these times says."""
    import numpy as np

    if not start_s.size:
        return [0] * len(each)
    of_link = _ranks(links)
    # One link after the other on one line, so far apart that no moment holds two of them.
    apart_s = start_s.max() - start_s.min() + 2 * MOMENT_S
    line = start_s + apart_s * of_link
    part = ((line - line.min()) * (_PARTS / MOMENT_S)).astype(np.int64)
    return [_densest(line, part, times) for times in each]


def _densest(line: npt.NDArray[np.float64], part: npt.NDArray[np.int64], times: npt.NDArray[np.int64] | None) -> int:
    import numpy as np

    near = _where_densest(part, times)
    if times is None:
        line = np.sort(line[near])
        total = np.arange(line.size + 1)
    else:
        order = np.argsort(line[near])
        line, total = line[near][order], np.append(0, np.cumsum(times[near][order]))
    return int((total[line.searchsorted(line + MOMENT_S)] - total[:-1]).max())


def _ranks(links: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The place of each one's link among those that come."""
    import numpy as np

    if links.dtype.kind != "i" or links.min() < 0 or links.max() > links.size:
        return np.unique(links, return_inverse=True)[1]
    ranks: npt.NDArray[np.intp] = (np.cumsum(np.bincount(links) > 0) - 1)[links]
    return ranks


def _where_densest(part: npt.NDArray[np.int64], times: npt.NDArray[np.int64] | None) -> npt.NDArray[np.intp] | slice:
    """Which of what begins in each *part* can be within the densest moment: those in stretches in which there may be as many as elsewhere.

    They are few, and only they have to be put in order.
    """
    import numpy as np

    if part.max() > 4 * part.size:
        return slice(None)
    total = np.append(0, np.cumsum(np.bincount(part, times, minlength=int(part.max()) + 2 * _PARTS)))
    # A moment that begins in a part holds what is in those that lie in it whole, and no more than what is in those that it touches.
    within, touched = total[_PARTS - 1 :] - total[: 1 - _PARTS], total[_PARTS + 2 :] - total[: -_PARTS - 2]
    may_be = np.flatnonzero(touched >= within.max())
    near = np.zeros(total.size, np.int64)
    np.add.at(near, may_be, 1)
    np.add.at(near, may_be + _PARTS + 2, -1)
    return np.flatnonzero((np.cumsum(near) > 0)[part])


def _at_once(sample: Sample) -> Interval:
    import numpy as np

    from harness.judging.scoring.distributions import poisson_bounds

    run = sample.run
    if hidden(run.plan, sample.spans) or sample.unjoined():
        return UNMEASURED
    again = np.zeros(len(run.attempt_table), np.bool_)
    again[tried_again(run)[1]] = True
    begun = sample.begun()
    if not begun.any():
        return UNMEASURED
    start_s, link = run.column("attempts", "start_s"), run.words("attempts", "link").codes
    at_once, at_most = (
        densest(start_s[which & begun], link[which & begun]) for which in (again, again | sample.stray())
    )
    return Interval(at_once, poisson_bounds(at_once)[0], poisson_bounds(at_most)[1], int(begun.sum()))
