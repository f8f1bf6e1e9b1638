"""What metrics that count attempts at providers share: when there is anything to count, and how the count is measured."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from math import log
from operator import and_
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import Ground
from harness.judging.marks import NO_MARK, marks
from harness.judging.metrics.base import Metric, best_case
from harness.judging.sample import LABELS, Sample, spans
from harness.judging.scoring.shares import ENOUGH_EQUAL, TAIL
from harness.planning.disturbance import Phase
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.record.kept import DEAR

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools


def _tried(sample: Sample) -> tuple[int, int]:
    """How many of the requests that were sent made an attempt; of none where attempts could not be seen."""
    if hidden(sample.run.plan, sample.spans):
        return 0, 0
    sent = sample.words("outcome") != "not_sent"
    return int((tried(sample) & sent).sum()), int(sent.sum())


TRIED = Ground(_tried, "requests made an attempt", merit=True)
"""Who opens a circuit tries less, and rightly so: that is told, and settles nothing."""


class CountsAttempts(Metric):
    """A number of attempts at providers for each logical request, joined by nonce; a request counts where it was due."""

    rests_on: ClassVar[tuple[Ground, ...]] = (TRIED,)

    unit: ClassVar[str] = "attempts per request"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link")
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    shown_in_fault: ClassVar[bool] = True
    counts_attempts: ClassVar[bool] = True
    least: ClassVar[float] = 0.0
    """The fewest that there are of any request that counts, on all links together."""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not any(link.carries == "http" for link in plan.target.links.values()):
            return f"target {plan.target.name!r} has no HTTP link, so no attempt can be seen"
        if names := hidden(plan, spans(plan, expectation.selection)):
            return f"{', '.join(names)} leaves nobody listening, and an attempt that is refused leaves no trace: it would be unmeasured"
        if not expectation.wants_low:
            return None
        return fewest_case(plan, expectation, self.range_of(expectation.part, expectation.selection.names)[0])

    def range_of(self, part: str | None, labels: Iterable[str] = ()) -> tuple[float, float]:
        """No fewer than the fewest, but where attempts themselves are picked: a request need not have made one on a certain link."""
        picked = part is not None or any(LABELS[label].of == "attempt" for label in labels)
        return (self.bounds[0] if picked else self.least), self.bounds[1]

    def unseen(self, plan: Plan) -> list[str]:
        return [name for name, link in plan.target.links.items() if link.carries != "http"]


def fewest_case(plan: Plan, expectation: Expectation, least: float) -> str | None:
    """Why *expectation* could never be settled, were each count the *least*; None where it could.

    So many equal counts are exact; fewer leave this much room for one more: Poisson's upper bound for none seen.
    """
    return best_case(
        plan, expectation, lambda n: Interval(least, least, least if n >= ENOUGH_EQUAL else least - log(TAIL) / n, n)
    )


class OfSomeKind(CountsAttempts):
    """How many attempts of one kind there are for each request that made any attempt."""

    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"

    @abstractmethod
    def kind(self, run: Evidence) -> Bools:
        """Which attempts of *run* are of that kind; of those that are joined to no request it is not asked."""

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: self._measured(sample))
        return interval

    def _measured(self, sample: Sample) -> Interval:
        run = sample.run
        which: Bools = run.once((self.name, "kind"), lambda: self.kind(run))
        return each_of(sample, sample.tries_of(self.name, which), tried(sample))


def tried(sample: Sample) -> npt.NDArray[np.bool_]:
    """Which requests made an attempt, on whichever link."""
    made: npt.NDArray[np.bool_] = sample.read("attempts") > 0
    return made


def each_of(sample: Sample, counts: npt.NDArray[Any], among: npt.NDArray[np.bool_]) -> Interval:
    """The mean of *counts* of those requests *among* the picked ones; attempts that can be joined to none raise its upper end.

    Where not one attempt of the whole run is known to be a request's, nothing was watched where the target asks, and 0 would be a lie.
    None in this part of it: a service that has given up asking is no service that asks seldom.
    """
    if unwatched(sample) or not among.any():
        return UNMEASURED
    joined = mean_of(sample, counts, among)
    # What drops the nonce may be of any kind: for all that can be told, the strays belong to these requests.
    return replace(joined, high=joined.high + sample.strays() / joined.n)


def unwatched(sample: Sample) -> bool:
    """Whether nothing is known of the attempts of the picked requests: none was joined, or a fault hides them."""
    return bool(hidden(sample.run.plan, sample.spans)) or not tried(sample).any() or sample.unjoined()


def mean_of(sample: Sample, counts: npt.NDArray[Any], among: npt.NDArray[np.bool_]) -> Interval:
    """The mean of *counts* of those requests *among* the picked ones; see `scoring.amplification`."""
    from harness.judging.scoring.amplification import retry_amplification

    due_s = sample.read("due_s") if among.all() else sample.read("due_s")[among]
    return retry_amplification(counts[among], due_s, _settled(sample, due_s))


def calls(sample: Sample) -> npt.NDArray[np.int64]:
    """Of how many calls of providers each of the picked requests was made up, such as the steps of an agent; 1 where it made none.

    Where a link is picked, of how many that were tried on it.
    """
    import numpy as np

    run, link = sample.run, sample.link
    return np.maximum(1, calls_of(run, link)[sample.picked])


def calls_of(run: Evidence, link: str | None = None) -> npt.NDArray[np.int64]:
    """Of each request of *run* how many calls it was made up of that were tried, on *link* where one is named; 1 where all were of one."""
    made: npt.NDArray[np.int64] = run.once(("calls", link), lambda: _calls(run, link))
    return made


def _calls(run: Evidence, link: str | None) -> npt.NDArray[np.int64]:
    import numpy as np

    rows, step = run.request_rows(), run.column("attempts", "step")
    if step.any():
        mine = (rows >= 0) & (run.words("attempts", "link") == link if link else True)
        pairs = np.unique(np.stack([rows[mine], step[mine]]), axis=1)[0]
        return np.bincount(pairs, minlength=len(run.request_table))
    return np.broadcast_to(np.int64(1), len(run.request_table))


def tried_again(run: Evidence) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of attempts of *run*, as their rows: one, and the next one of its step on its link with its method and path.

    Who asks a link for something else, such as a chat after an embedding, does not try again; nor does a service that is asked anew, or an
    agent that goes on with its next step.
    """

    def made() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        from harness.record.columns import ordered

        names = ("link", "method", "path")
        keys = [run.column("attempts", name) for name in ("request", "press", "step")]
        keys += [run.words("attempts", name).codes for name in names]
        mine = several(run.request_rows())
        keys = [key[mine] for key in keys]
        order = ordered(*keys, run.column("attempts", "start_s")[mine])
        before, after = order[:-1], order[1:]
        again = reduce(and_, (key[before] == key[after] for key in keys))
        return mine[before[again]], mine[after[again]]

    pairs: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] = run.once("tried again", made, DEAR)
    return pairs


def several(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The places of those *rows*, each of a request or -1 for none, whose request has another one, too."""
    import numpy as np

    many = np.bincount(rows + 1)
    many[:1] = 0
    return np.flatnonzero(many[rows + 1] > 1)


def asked_for(run: Evidence, whole: npt.NDArray[np.intp]) -> dict[int, str]:
    """Of attempts that were answered *whole*, all of their requests, a digest of the messages that they asked with, where it is known.

    It is what the edge saw: of a request on a link the whole answers there and those here are the same ones, where they are as many.
    """
    import numpy as np

    def keys(table: Literal["attempts", "arrivals"], places: npt.NDArray[np.intp]) -> Iterator[tuple[int, str]]:
        marked = marks(run.table(table))[places].tolist()
        return zip(marked, run.words(table, "link")[places].tolist(), strict=True)

    there = np.isin(marks(run.arrival_table), marks(run.attempt_table)[whole]) & (marks(run.arrival_table) != NO_MARK)
    there &= (run.column("arrivals", "status") == 200) & (run.words("arrivals", "outcome") == "complete")
    came = np.flatnonzero(there)
    came = came[np.argsort(run.column("arrivals", "start_s")[came], kind="stable")]
    seen: dict[tuple[int, str], list[str]] = {}
    digests = run.words("arrivals", "messages_sha256")[came].tolist()
    for key, digest in zip(keys("arrivals", came), digests, strict=True):
        seen.setdefault(key, []).append(digest)
    rows: dict[tuple[int, str], list[int]] = {}
    for row, key in zip(whole.tolist(), keys("attempts", whole), strict=True):
        rows.setdefault(key, []).append(row)
    alike = ((of_key, seen.get(key, [])) for key, of_key in rows.items())
    return {
        row: one for mine, theirs in alike if len(mine) == len(theirs) for row, one in zip(mine, theirs, strict=True)
    }


def hidden(plan: Plan, during: Iterable[Phase]) -> list[str]:
    """Ids of the faults that hide attempts of requests due *during* these phases."""
    return [d.id for d in plan.hiding if any(d.start_s < span.end_s and span.start_s < d.end_s for span in during)]


def _settled(sample: Sample, due_s: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which requests were due when the service had had time to take in that a fault, each of several, had begun or ended."""
    import numpy as np

    from harness.judging.scoring.spans import within

    edges_s = [edge_s for window in sample.run.in_force() for edge_s in (window.start_s, window.end_s)]
    taken_in_s = sample.run.plan.scenario.good.within
    return ~np.isnan(due_s) & ~within(due_s, ((edge_s, edge_s + taken_in_s) for edge_s in edges_s))
