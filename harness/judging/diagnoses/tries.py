"""The attempts of a run, request by request and link by link, in the order in which they began: what most diagnoses look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from harness.judging.by_time import due, started
from harness.judging.evidence import Evidence
from harness.judging.serving import providers
from harness.judging.whereabouts import ENDINGS
from harness.planning.disturbance import Phase
from harness.planning.windows import Window
from harness.record.kept import CHEAP, DEAR

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Words

ENOUGH = 10
"""Fewer requests than this show nothing, whatever they came to."""
_TOLD_MAX = 12


@dataclass(frozen=True, slots=True)
class Tries:
    """Attempts at providers that are joined to a request, in order of request, press, step, link and start.

    Those of one step for one press of its client on a link are a group: what a client asks anew, or an agent asks next, nobody in the
    service has tried before.

    *row* is that of the request, *at* that of the attempt; *begins* says where each group begins, *group* to which one each attempt
    belongs, and *place* how many of its group were before it.
    """

    run: Evidence
    row: npt.NDArray[Any]
    at: npt.NDArray[Any]
    begins: npt.NDArray[Any]
    group: npt.NDArray[Any]
    place: npt.NDArray[Any]

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column of the attempts, in this order, which cannot be changed."""
        return self._once(name, lambda: self.run.column("attempts", name)[self.at])

    def words(self, name: str) -> Words:
        """One column of text of the attempts, in this order."""
        return self.run.words("attempts", name)[self.at]

    def of_request(self, name: str) -> npt.NDArray[Any]:
        """One column of the requests, a value an attempt, which cannot be changed."""
        return self._once(f"of the request: {name}", lambda: self.run.column("requests", name)[self.row])

    def words_of_request(self, name: str) -> Words:
        """One column of text of the requests, a value an attempt."""
        return self.run.words("requests", name)[self.row]

    def _once(self, what: str, make: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        def made() -> npt.NDArray[Any]:
            values = make()
            values.flags.writeable = False
            return values

        found: npt.NDArray[Any] = self.run.once(("of tries", what), made, CHEAP)
        return found

    def between(self, start_s: float, end_s: float, link: str | None = None) -> npt.NDArray[np.intp]:
        """The places here of those that began from *start_s* to *end_s*, on *link* where one is named."""
        import numpy as np

        def made() -> npt.NDArray[Any]:
            from harness.record.columns import narrow

            place = np.full(len(self.run.attempt_table), -1)
            place[self.at] = np.arange(self.at.size)
            return narrow(place, place.size)

        place: npt.NDArray[Any] = self.run.once(("of tries", "place of each attempt"), made, CHEAP)
        there = started(self.run).places(start_s, end_s)
        if link is not None:
            there = there[self.run.words("attempts", "link")[there] == link]
        found = place[there].astype(np.intp)
        return np.sort(found[found >= 0])

    def of_due(self, start_s: float, end_s: float) -> npt.NDArray[np.intp]:
        """The places here of those whose requests were due from *start_s* to *end_s*."""
        import numpy as np

        rows = due(self.run).rows(start_s, end_s)
        if isinstance(rows, slice):
            return np.arange(*self.row.searchsorted((rows.start, rows.stop)).tolist())
        return np.flatnonzero(self.made_for(rows))

    def requests(self, which: Bools | npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """The rows of the requests that these attempts were made for, each once."""
        import numpy as np

        rows = self.row[which]
        first = np.ones(rows.size, np.bool_)
        first[1:] = rows[1:] != rows[:-1]
        return rows[first]

    def made_for(self, rows: npt.NDArray[Any]) -> Bools:
        """Which attempts were made for the requests in *rows*."""
        import numpy as np

        wanted = np.zeros(len(self.run.request_table), np.bool_)
        wanted[rows] = True
        mine: Bools = wanted[self.row]
        return mine

    @property
    def counted(self) -> npt.NDArray[np.int64]:
        """How often an SDK says that it has tried before (``x-stainless-retry-count``); -1 where it says nothing."""
        import numpy as np

        def made() -> npt.NDArray[np.int64]:
            count = self.run.column("attempts", "retry_count")[self.at]
            return np.where(np.isnan(count), -1, count).astype(np.int64)

        return self._once("counted", made)

    @property
    def stated_wait_s(self) -> npt.NDArray[np.float64]:
        """The wait that each one's answer stated; 0 where it stated none."""
        import numpy as np

        wait_s: npt.NDArray[np.float64] = np.nan_to_num(self.column("retry_after_ms"), nan=0.0) / 1000
        return wait_s

    @property
    def good(self) -> Bools:
        """Which got a whole answer that is no error."""

        def made() -> Bools:
            status = self.run.column("attempts", "status")
            well = (self.run.words("attempts", "outcome") == "complete") & (status >= 200) & (status < 400)
            good: Bools = well[self.at]
            return good

        return self._once("good", made)

    @property
    def sizes(self) -> npt.NDArray[np.intp]:
        """How many attempts each group has."""
        import numpy as np

        return np.diff(np.append(self.begins, self.row.size))


def tries(run: Evidence) -> Tries:
    """All of *run* that can be joined."""
    # Without the run, since arrays alone can be set aside.
    return Tries(run, *run.once("tries of diagnoses", lambda: _in_groups(run), DEAR))


def _in_groups(run: Evidence) -> tuple[npt.NDArray[Any], ...]:
    """What `Tries` has beside its run, in its order."""
    import numpy as np

    from harness.record.columns import narrow, ordered

    rows, start_s = run.request_rows(), run.column("attempts", "start_s")
    link, press, step = (
        run.words("attempts", "link").codes,
        *(run.column("attempts", name) for name in ("press", "step")),
    )
    mine = np.flatnonzero((rows >= 0) & run.words("attempts", "link").isin(providers(run.plan)))
    at = mine[ordered(*(key[mine] for key in (rows, press, step, link, start_s)))]
    row = rows[at]
    new = np.ones(at.size, np.bool_)
    new[1:] = row[1:] != row[:-1]
    for key in (press[at], step[at], link[at]):
        new[1:] |= key[1:] != key[:-1]
    begins = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    places = (at, begins, group, np.arange(at.size) - begins[group])
    return row, *(narrow(of, rows.size) for of in places)


def troubled(run: Evidence) -> Bools:
    """Which requests were due when something could be wrong: neither in the warm-up nor in the baseline."""
    phase = run.words("requests", "phase")
    found: Bools = (phase != "warmup") & (phase != "baseline")
    return found


def phases_of(run: Evidence, rows: npt.NDArray[np.intp], within: Window | None = None) -> list[str]:
    """The phases in which enough of these requests were due, in their order; *within*: for most of which that window lasts.

    Of the others the faults of that window are not what is wrong.
    """
    due_in = run.words("requests", "phase")[rows]
    return [
        phase.name
        for phase in run.plan.phases
        if (due_in == phase.name).sum() >= ENOUGH and (within is None or _lasts_for_most_of(within, phase))
    ]


def _lasts_for_most_of(window: Window, phase: Phase) -> bool:
    return min(phase.end_s, window.end_s) - max(phase.start_s, window.start_s) > 0.5 * (phase.end_s - phase.start_s)


def within_faults(run: Evidence, links: Words, start_s: npt.NDArray[np.float64], *, of_the_wire: bool = False) -> Bools:
    """Which attempts began on a link while a fault lay on it; *of_the_wire*: a fault that hits all alike, however many there are."""
    import numpy as np

    from harness.judging.scoring.spans import within

    spans: dict[str, list[tuple[float, float]]] = {}
    for disturbance in run.plan.disturbances:
        window = run.window_of(disturbance)
        if window is None or (of_the_wire and not disturbance.fault.probes):
            continue
        for link in disturbance.links:
            spans.setdefault(link, []).append((window.start_s, window.end_s))
    hit = np.zeros(start_s.size, np.bool_)
    for link, of_link in spans.items():
        hit |= (links == link) & within(start_s, of_link)
    return hit


def told(run: Evidence, row: int) -> list[str]:
    """The request in *row* in a line, and each of its attempts in one."""
    import numpy as np

    names = ("index", "entry", "due_s", "end_s", "status", "outcome")
    asked = run.request_table.records(np.array([row]), names)[0]
    ended = "" if isnan(asked["end_s"]) else f" at {asked['end_s']:.2f} s"
    status = f" ({int(asked['status'])})" if asked["status"] else ""
    came = f"{str(asked['outcome']).replace('_', ' ')}{status}{ended}"
    lines = [f"request {int(asked['index'])} to {asked['entry']}, due at {asked['due_s']:.2f} s: {came}"]
    mine = np.flatnonzero(run.column("attempts", "request") == asked["index"])
    mine = mine[np.argsort(run.column("attempts", "start_s")[mine], kind="stable")]
    shown = ("link", "start_s", "end_s", "status", "outcome", "retry_count", "retry_after_ms")
    lines += list(_each(run.attempt_table.records(mine[:_TOLD_MAX], shown)))
    more = mine.size - _TOLD_MAX
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def _each(attempts: list[dict[Any, Any]]) -> Iterator[str]:
    for one in attempts:
        lasted = "" if isnan(one["end_s"]) else f"-{one['end_s']:.2f}"
        count, wait_ms = one.get("retry_count"), one.get("retry_after_ms")
        sdk = f", SDK retry {int(count)}" if count is not None and count == count and count > 0 else ""
        wait = f", told to wait {wait_ms / 1000:g} s" if wait_ms is not None and wait_ms == wait_ms else ""
        came = str(int(one["status"])) if one["status"] else ENDINGS.get(str(one["outcome"]), str(one["outcome"]))
        yield f"{one['link']} {one['start_s']:.2f}{lasted} s: {came}{wait}{sdk}"
