"""The rows of a run that a selection picks: all that a metric is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import inf
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Literal

from harness.judging.by_time import due
from harness.judging.joining import CLIENT, made_for_requests
from harness.judging.marks import NO_MARK, distinct, marks, number_in
from harness.planning.disturbance import Phase
from harness.planning.plan import Plan
from harness.planning.schedule import count
from harness.planning.windows import Window
from harness.reading.expectation import WHOLE, Selection
from harness.reading.shapes import RATE_MOST
from harness.reading.target import Target
from harness.record.kept import CHEAP, DEAR, USUAL

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools
    from harness.record.columns import Words

Labels = tuple[tuple[str, str], ...]
"""Names of `LABELS`, each with the value that it has."""

UNDISTURBED = "undisturbed"
"""Of a selection's *among*, beside what an expectation can say: no fault can have met them."""
LAYERS = ("first", CLIENT, "sdk", "repeat", "failover")


def layers_of(plan: Plan) -> tuple[str, ...]:
    """The layers that attempts of a run of *plan* can be of: that of the clients only where they ask again."""
    return LAYERS if plan.pressing is not None else tuple(layer for layer in LAYERS if layer != CLIENT)


@dataclass(frozen=True, slots=True)
class Label:
    """Something by which rows are told apart: which values it has in a target, and of what it says something."""

    values: Callable[[Target], Collection[str]]
    of: Literal["entry", "attempt"]


LABELS: Mapping[str, Label] = {
    "region": Label(
        lambda target: dict.fromkeys(e.region for e in target.entries_by_name.values() if e.region), "entry"
    ),
    "entry": Label(lambda target: list(target.entries_by_name), "entry"),
    "link": Label(lambda target: [name for name, link in target.links.items() if link.carries == "http"], "attempt"),
    "layer": Label(lambda _: LAYERS, "attempt"),
}
"""What can stand in the braces of an expectation; a metric says which of them it takes."""


def values_of(plan: Plan, label: str) -> Collection[str]:
    """The values of a *label* that rows of a run of *plan* can have."""
    return layers_of(plan) if label == "layer" else LABELS[label].values(plan.target)


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of *run* by what they are for; the columns of its tables are those that `evidence` describes.

    *picked* says of each request of the run whether it was picked, and *spans* are the phases in which those are due. *windows* are the
    stretches in which a fault was in force, as they happened; none when one never began or never ended.
    """

    run: Evidence
    picked: Bools
    spans: tuple[Phase, ...]
    windows: tuple[Window, ...]
    _of: Selection
    _known_by: Hashable
    """What selections have in common that pick the same."""

    def column(self, name: str) -> np.ndarray[Any, Any]:
        """One column of the *requests* as an array: quicker by far than to cut all columns out of the run's table for it."""
        values = self.read(name)
        # Who measures may change what is its own.
        return values if values.flags.writeable else values.copy()

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """As `column`, for who changes nothing: where the requests follow one another it is a part of the run's own."""
        values: np.ndarray[Any, Any] = self.run.column("requests", name)[self._rows()]
        return values

    def words(self, name: str) -> Words:
        """One column of text of the *requests*."""
        return self.run.words("requests", name)[self._rows()]

    def _rows(self) -> slice | npt.NDArray[np.intp]:
        """Where the rows are, in a form by which a column is cut much quicker than by a mark on each row."""

        rows: slice | npt.NDArray[np.intp] = self.once("rows", lambda: following(self.picked), CHEAP)
        return rows

    @property
    def requests(self) -> pd.DataFrame:
        """The requests that were picked, with all their columns: `column` and `words` are quicker by far."""
        return self._once("requests", lambda: self.run.requests[self.picked])

    @property
    def is_whole(self) -> bool:
        """Whether all that is scored was picked, of whatever kind."""
        return self._of == WHOLE

    @property
    def labels(self) -> tuple[str, ...]:
        """By what the rows were picked, beside where they are due: names of `LABELS`."""
        return self._of.names

    @property
    def baseline(self) -> Sample:
        """What was due in the baseline, of the kind that was picked, and so early that nothing which was broken later could meet it."""
        return baseline(self.run, self._of.labels)

    def in_phase(self, name: str) -> Sample:
        """What was due in the phase of that name, of the kind that was picked."""
        return pick(self.run, replace(self._of, phase=name))

    @property
    def rate_per_s(self) -> float:
        """How many requests of the kind that was picked are due a second."""
        return rate_per_s(self.run.plan, self._of)

    @property
    def whole(self) -> Sample:
        """All that is scored of the kind that was picked."""
        return pick(self.run, Selection(labels=self._of.labels))

    @property
    def warmup(self) -> Sample:
        """What was due in the warm-up, of the kind that was picked."""
        return pick(self.run, Selection("warmup", self._of.labels))

    @property
    def attempts(self) -> pd.DataFrame:
        """Attempts of the kind that was picked which are joined to one of the *requests*."""
        return self._once("attempts", lambda: self.run.attempts[self.joined_mask])

    @property
    def arrivals(self) -> pd.DataFrame:
        """Arrivals of the kind that was picked which carry the nonce of one of the *requests*."""
        return self._once("arrivals", lambda: self.run.arrivals[self._arrived()])

    @property
    def link(self) -> str | None:
        """The link that was picked; None where none was."""
        return dict(self._of.labels).get("link")

    def tries(self) -> np.ndarray[Any, Any]:
        """How many of the *attempts* each of the *requests* became, in their order."""
        tries: np.ndarray[Any, Any] = _tries(self.run, _of_attempts(self._of))[self._rows()]
        return tries

    def tries_of(self, name: str, which: Bools) -> np.ndarray[Any, Any]:
        """How many of the *attempts* that are *which* of the run's each of the *requests* became; they are known by *name*."""
        labels = _of_attempts(self._of)
        tries: np.ndarray[Any, Any] = _counted(self.run, (name, labels), which & _tried(self.run, labels))[self._rows()]
        return tries

    def arrived(self) -> np.ndarray[Any, Any]:
        """How many of the *arrivals* each of the *requests* became, in their order."""
        import numpy as np

        return self.of_arrivals("arrived", lambda: np.ones(len(self.run.arrival_table))).astype(np.int64)

    def arrived_mask(self) -> Bools:
        """Which of the run's arrivals the *arrivals* are."""
        mask: Bools = self.once("arrived", self._arrived)
        return mask

    def of_arrivals(self, what: str, worth: Callable[[], np.ndarray[Any, Any]]) -> npt.NDArray[np.float64]:
        """What the *arrivals* of each of the *requests* are *worth* together, in their order; that is of each arrival of the run.

        It is worked out once for all requests; they are known by *what*.
        """

        def made() -> npt.NDArray[np.float64]:
            import numpy as np

            requests, arrivals = nonces(self.run)
            came = arrivals >= 0
            if self.link:
                came &= self.run.words("arrivals", "link") == self.link
            of_nonce = np.bincount(arrivals[came], worth()[came], minlength=int(requests.max(initial=0)) + 2)
            # The last one is of no nonce.
            of_requests: npt.NDArray[np.float64] = of_nonce[requests]
            return of_requests

        totals: npt.NDArray[np.float64] = self.run.once(("worth", what, self.link), made)
        return totals[self._rows()]

    def seen(self) -> int:
        """How many attempts the run has on the link that was picked, or on any where none was."""
        return int(_tried(self.run, self._of_link()).sum())

    def unjoined(self) -> bool:
        """Whether none of those that were `seen` is joined to a request."""
        joined = self.run.column("attempts", "request") >= 0
        return not (joined & _tried(self.run, self._of_link())).any()

    def begun(self) -> Bools:
        """Which of the run's attempts began in the phases that were picked, on the link that was, whatever they were made for."""
        from harness.judging.scoring.spans import within

        start_s = self.run.column("attempts", "start_s")
        during = within(start_s, ((span.start_s, span.end_s) for span in self.spans))
        return during & _tried(self.run, self._of_link())

    def stray(self) -> Bools:
        """Which of the run's attempts are joined to no request, and may have been made for one."""
        return _strays(self.run)

    def strays(self) -> int:
        """How many attempts are joined to no request and may have been made for one that was picked."""
        if not self.spans:
            return 0
        mine = _strays(self.run) & _tried(self.run, self._of_link())
        start_s = self.run.column("attempts", "start_s")[mine]
        late_s = self.spans[-1].end_s + self.run.plan.scenario.load.deadline
        return int(((self.spans[0].start_s <= start_s) & (start_s <= late_s)).sum())

    def once(self, what: str, make: Callable[[], Any], dear: float = USUAL) -> Any:
        """What *make* returns, made the first time that *what* is asked for of these rows."""
        return self.run.once((self._known_by, what), make, dear)

    def lately(self, kind: str, what: str, make: Callable[[], Any]) -> Any:
        """As `once`, of what is large and asked for several times running: of its *kind* only the last is kept."""
        return self.run.lately(kind, (self._known_by, what), make)

    def _once(self, what: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        rows: pd.DataFrame = self.once(what, make)
        return rows

    def _of_link(self) -> Labels:
        """The link that was picked, as a label; nothing where none was."""
        return tuple((name, value) for name, value in self._of.labels if name == "link")

    @property
    def joined_mask(self) -> Bools:
        """Which of the run's attempts are of the kind that was picked, and joined to one of the requests."""
        import numpy as np

        rows = self.run.request_rows()
        joined: Bools = (rows >= 0) & np.append(self.picked, False)[rows] & _tried(self.run, _of_attempts(self._of))
        return joined

    def _arrived(self) -> Bools:
        """Which of the run's arrivals are of the kind that was picked, and carry the nonce of one of the requests."""
        import numpy as np

        requests, arrivals = nonces(self.run)
        wanted = np.zeros(int(requests.max(initial=0)) + 2, np.bool_)
        wanted[requests[self.picked]] = True
        wanted[-1] = False  # of what carries no nonce
        mine: Bools = wanted[arrivals]
        link = dict(self._of.labels).get("link")
        return mine & (self.run.words("arrivals", "link") == link) if link else mine


def following(which: Bools) -> slice | npt.NDArray[np.intp]:
    """Where *which* is true: as a slice where that follows one another."""
    import numpy as np

    if (many := np.count_nonzero(which)) > 0:
        first, end = int(which.argmax()), which.size - int(which[::-1].argmax())
        if end - first == many:
            return slice(first, end)
    return np.flatnonzero(which)


def nonces(run: Evidence) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]]:
    """The nonce of each request of *run*, and that of each arrival, as a small number; -1: it has none, or one of no request."""

    from harness.record.columns import narrow

    def made() -> tuple[npt.NDArray[np.integer[Any]], ...]:
        of_requests, of_arrivals = marks(run.request_table), marks(run.arrival_table)
        known = distinct(of_requests[of_requests != NO_MARK])
        return tuple(narrow(number_in(known, of_table), known.size) for of_table in (of_requests, of_arrivals))

    numbers: tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]] = run.once("nonces", made, DEAR)
    return numbers


def pick(run: Evidence, selection: Selection = WHOLE) -> Sample:
    """What *selection* picks of *run*."""
    known_by = _known_by(run.plan, selection)
    picked: Bools = run.once(("picked", known_by), lambda: _picked(run, selection))
    windows: tuple[Window, ...] = run.once(("windows", selection.after), lambda: _windows(run, selection.after))
    return Sample(run, picked, spans(run.plan, selection), windows, selection, known_by)


def _known_by(plan: Plan, selection: Selection) -> Hashable:
    """*selection* with the entries that it picks in the place of how they are called: where a region has one, both are one."""
    if all(LABELS[name].of != "entry" for name in selection.names):
        return selection
    entries = frozenset(entries_of(plan.target, selection))
    return replace(selection, labels=_of_attempts(selection)), entries


def baseline(run: Evidence, labels: Labels = ()) -> Sample:
    """What was due in the baseline, and so early that even its slowest good answer would have come before anything was broken.

    Requests that are in flight when a fault begins are hit by it, although they were due before. They are left out by when they were due,
    never by how they ended.
    """
    return pick(run, Selection("baseline", labels, UNDISTURBED))


def before_faults(run: Evidence) -> Bools:
    """Which of the requests `baseline` picks: those of which it is known that they show how the service does when nothing is broken."""
    return baseline(run).picked


def before_faults_s(run: Evidence) -> float:
    """Over how many seconds those of `before_faults` were due."""
    until_s = min(_starts_s(run), default=inf) - _slowest_good_s(run)
    return sum(max(0.0, min(p.end_s, until_s) - p.start_s) for p in run.plan.phases if p.name == "baseline")


def spans(plan: Plan, selection: Selection) -> tuple[Phase, ...]:
    """The phases of *plan* in which what *selection* picks is due."""
    wanted = selection.phase
    return tuple(phase for phase in plan.phases if (phase.name == wanted if wanted else phase.name != "warmup"))


def planned(plan: Plan, selection: Selection) -> int:
    """How many requests that *selection* would pick are planned."""
    due = sum(_due_between(plan, start_s, end_s) for start_s, end_s in _planned_spans(plan, selection))
    return count(due * _part(plan, selection))


def rate_per_s(plan: Plan, selection: Selection) -> float:
    """How many requests of the kind that *selection* names are due a second, on average over the phases in which they are."""
    during = spans(plan, selection)
    span_s = sum(phase.end_s - phase.start_s for phase in during)
    due = sum(_due_between(plan, phase.start_s, phase.end_s) for phase in during)
    # Where none are due, as in a phase of that name which there is not, or at an entry, nothing will rest on it.
    per_s = round(due / span_s, 9) if due else plan.scenario.load.rate_per_s
    return per_s * (_part(plan, selection) or 1.0)


def _due_between(plan: Plan, start_s: float, end_s: float) -> float:
    """How many requests are due between the two; of a closed load that nobody has seen yet as many as there can be at best."""
    if plan.closed and not plan.seen:
        return RATE_MOST * (end_s - start_s)
    return plan.schedule.due_between(start_s, end_s)


def _part(plan: Plan, selection: Selection) -> float:
    """The share of all requests that are of the kind that *selection* names: each turn goes to the next entry."""
    return len(entries_of(plan.target, selection)) / len(plan.target.entries_by_name)


def _planned_spans(plan: Plan, selection: Selection) -> Iterator[tuple[float, float]]:
    """When what *selection* picks is due; of the exposed at most, were each answered at once; of those in flight, were none."""
    during = spans(plan, selection)
    if selection.among is None:
        yield from ((phase.start_s, phase.end_s) for phase in during)
        return
    # Without faults those are asked about that would have been exposed.
    for d in plan.disturbances or plan.windows:
        start_s, end_s = _wanted(selection.among, d.start_s, d.end_s, plan)
        yield from (
            (max(phase.start_s, start_s), max(phase.start_s, start_s, min(phase.end_s, end_s))) for phase in during
        )


def _wanted(among: str, start_s: float, end_s: float, plan: Plan) -> tuple[float, float]:
    """From when to when what is *among* those of a fault from *start_s* to *end_s* can be due."""
    deadline_s = plan.scenario.load.deadline
    match among:
        case "in_flight_at_injection":
            return start_s - deadline_s, start_s
        case "in_flight_at_revert":
            return end_s - deadline_s, end_s
        case _:
            return start_s, end_s


def entries_of(target: Target, selection: Selection) -> list[str]:
    """Names of the entries of *target* at which what *selection* picks is asked."""
    labels = dict(selection.labels)
    return [
        name
        for name, entry in target.entries_by_name.items()
        if labels.get("entry") in (None, name) and labels.get("region") in (None, entry.region)
    ]


def _picked(run: Evidence, selection: Selection) -> Bools:
    """Which requests of *run* the *selection* picks."""
    phase = run.words("requests", "phase")
    picked: Bools = phase == selection.phase if selection.phase else phase != "warmup"
    if any(LABELS[name].of == "entry" for name, _ in selection.labels):
        entry = run.words("requests", "entry")
        picked = picked & reduce(or_, (entry == name for name in entries_of(run.plan.target, selection)), False)
    match selection.among:
        case "exposed":
            return picked & _exposed(run, picked)
        case "in_flight_at_injection":
            return picked & _in_flight(run, [window.start_s for window in run.in_force()])
        case "in_flight_at_revert":
            return picked & _in_flight(run, [window.end_s for window in run.in_force()])
        case "undisturbed":
            return picked & ~may_be_hit_in_flight(run)
        case _:
            return picked


def _exposed(run: Evidence, among: Bools) -> Bools:
    """Which requests were due inside a fault's window so early that even the slowest of those *among* them ended inside it.

    Picked by when they were due, never by how long they took: of those due in a window's last seconds only the quick ones end in it,
    so that whoever takes what ended there takes the requests that tried the least (length-biased sampling; D. R. Cox, "Some sampling
    problems in technology", 1969).
    """
    import numpy as np

    due_s, end_s = run.column("requests", "due_s"), run.column("requests", "end_s")
    lasted_s = np.where(np.isnan(end_s), inf, end_s - due_s).clip(0, run.plan.scenario.load.deadline)
    exposed, by_due = np.zeros(due_s.size, np.bool_), due(run)
    for window in run.in_force():
        rows = by_due.rows(window.start_s, window.end_s, end_too=True)
        inside = among[rows]
        exposed[rows] |= inside & (due_s[rows] + lasted_s[rows][inside].max(initial=0.0) <= window.end_s)
    return exposed


def _in_flight(run: Evidence, at_s: Sequence[float]) -> Bools:
    """Which requests were due and had not ended at any of these instants; one that never ended was waited for until its deadline."""
    import numpy as np

    due_s, end_s = run.column("requests", "due_s"), run.column("requests", "end_s")
    until_s = np.where(np.isnan(end_s), due_s + run.plan.scenario.load.deadline, end_s)
    sent = run.words("requests", "outcome") != "not_sent"
    # Of those instants that come after it was due the first says it all.
    instants = np.append(np.sort(at_s), inf)
    flying: Bools = (until_s > instants[instants[:-1].searchsorted(due_s, "right")]) & sent
    return flying


def may_be_hit_in_flight(run: Evidence) -> Bools:
    """Which requests were due so shortly before a fault began that, as answers of the baseline went, they may still have been in flight."""
    hit: Bools = run.once("may be hit in flight", lambda: _may_be_hit_in_flight(run))
    return hit


def _may_be_hit_in_flight(run: Evidence) -> Bools:
    import numpy as np

    from harness.judging.scoring.spans import within

    flight_s = _slowest_good_s(run)
    # After that instant, and not at it.
    near = ((float(np.nextafter(at_s - flight_s, inf)), at_s) for at_s in _starts_s(run))
    return within(run.column("requests", "due_s"), near)


def _starts_s(run: Evidence) -> list[float]:
    """When each fault began that was in force."""
    return [window.start_s for window in run.in_force()] if run.plan.disturbances else []


def _slowest_good_s(run: Evidence) -> float:
    """How long the slowest good answer of the baseline took, and at most half of it: something has to be left to go by."""
    before = (run.words("requests", "phase") == "baseline") & run.column("requests", "good")
    lasted_s = (run.column("requests", "end_s") - run.column("requests", "due_s"))[before]
    span_s = sum(phase.end_s - phase.start_s for phase in run.plan.phases if phase.name == "baseline")
    return min(float(lasted_s.max(initial=0.0)), span_s / 2)


def _of_attempts(selection: Selection) -> Labels:
    """Those of its labels by which attempts are told apart."""
    return tuple((name, value) for name, value in selection.labels if LABELS[name].of == "attempt")


def _tried(run: Evidence, labels: Labels) -> Bools:
    """Which attempts of *run* have all of the *labels*."""
    import numpy as np

    every = np.ones(len(run.attempt_table), np.bool_)
    return reduce(and_, (run.words("attempts", name) == value for name, value in labels), every)


def _tries(run: Evidence, labels: Labels) -> np.ndarray[Any, Any]:
    """How many attempts with these *labels* each request of *run* became."""
    return _counted(run, labels, _tried(run, labels))


def _counted(run: Evidence, name: Hashable, which: Bools) -> np.ndarray[Any, Any]:
    """How many of the attempts that are *which* each request of *run* became; counted once for a *name*."""
    import numpy as np

    from harness.record.columns import narrow

    def made() -> np.ndarray[Any, Any]:
        rows = run.request_rows()
        many = np.bincount(rows[which & (rows >= 0)], minlength=len(run.request_table))
        counted = narrow(many, int(many.max(initial=0)))
        # A request that is there twice is joined as the first of both, and is told by its index both times.
        if run.once("each index once", each_once):
            return counted
        index = run.column("requests", "index")
        return counted[index.searchsorted(index)]

    def each_once() -> bool:
        index = run.column("requests", "index")
        return bool((index[1:] > index[:-1]).all())

    tries: np.ndarray[Any, Any] = run.once(("tries", name), made)
    return tries


def _strays(run: Evidence) -> Bools:
    """Which attempts of *run* are joined to no request and may have been made for one."""

    def made() -> Bools:
        unjoined: Bools = run.column("attempts", "request") < 0
        return unjoined & made_for_requests(run.attempt_table, run.cut_s) if unjoined.any() else unjoined

    strays: Bools = run.once("strays", made)
    return strays


def _windows(run: Evidence, after: str | None) -> tuple[Window, ...]:
    """All windows, or those in which the fault was in force that is called *after*."""
    windows = run.windows()
    if after is None or not run.plan.disturbances:
        return windows
    aftereffects = [d for d in run.plan.disturbances if after in (d.id, d.of) and d.fault.aftereffect]
    alone = [window for window in map(run.window_of, aftereffects) if window is not None]
    return tuple(alone) or tuple(window for window in windows if window.has(after))
