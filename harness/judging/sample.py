"""The rows of a run that a selection picks: all that a metric is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from harness.judging.evidence import Evidence
from harness.judging.joining import made_for_requests
from harness.planning.plan import Phase, Plan
from harness.planning.schedule import count
from harness.planning.windows import Window
from harness.reading.expectation import WHOLE, Selection
from harness.reading.target import Target

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LAYERS = ("first", "sdk", "application", "failover")


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


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of *run* by what they are for; the columns of its tables are those that `evidence` describes.

    *requests* are those that were picked, and *spans* the phases in which they were due. *windows* are the stretches in which a fault
    was in force, as they happened; none when one never began or never ended.
    """

    run: Evidence
    requests: pd.DataFrame
    spans: tuple[Phase, ...]
    windows: tuple[Window, ...]
    _of: Selection

    @property
    def baseline(self) -> pd.DataFrame:
        """Requests that were due in the baseline, of the kind that was picked."""
        return pick(self.run, Selection("baseline", self._of.labels)).requests

    @property
    def rate_per_s(self) -> float:
        """How many requests of the kind that was picked are due a second."""
        return rate_per_s(self.run.plan, self._of)

    @property
    def whole(self) -> Sample:
        """All that is scored of the kind that was picked."""
        return pick(self.run, Selection(labels=self._of.labels))

    @property
    def attempts(self) -> pd.DataFrame:
        """Attempts of the kind that was picked which are joined to one of the *requests*."""
        return self._once("attempts", self._attempts)

    @property
    def arrivals(self) -> pd.DataFrame:
        """Arrivals of the kind that was picked which carry the nonce of one of the *requests*."""
        return self._once("arrivals", self._arrivals)

    def tries(self) -> np.ndarray[Any, Any]:
        """How many of the *attempts* each of the *requests* became, in their order."""
        joined = self.attempts["request"].value_counts()
        return self.requests["index"].map(joined).fillna(0).astype("int64").to_numpy()

    def seen(self) -> bool:
        """Whether the run has any attempt on the link that was picked, or on any where none was."""
        link = dict(self._of.labels).get("link")
        tried = self.run.attempts["link"]
        return bool((tried == link).any() if link else len(tried))

    def strays(self) -> int:
        """How many attempts are joined to no request and may have been made for one that was picked."""
        if not self.spans:
            return 0
        tried = self.run.attempts[(self.run.attempts["request"] < 0) & made_for_requests(self.run.attempts)]
        link = dict(self._of.labels).get("link")
        start_s = tried.loc[tried["link"] == link, "start_s"] if link else tried["start_s"]
        late_s = self.spans[-1].end_s + self.run.plan.scenario.load.deadline
        return int(start_s.between(self.spans[0].start_s, late_s).sum())

    def once(self, what: str, make: Callable[[], Any]) -> Any:
        """What *make* returns, made the first time that *what* is asked for of these rows."""
        return self.run.once((self._of, what), make)

    def _once(self, what: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        rows: pd.DataFrame = self.once(what, make)
        return rows

    def _attempts(self) -> pd.DataFrame:
        tried = self.run.attempts
        tried = tried[tried["request"].isin(self.requests["index"])]
        for name, value in self._of.labels:
            if LABELS[name].of == "attempt":
                tried = tried[tried[name] == value]
        return tried

    def _arrivals(self) -> pd.DataFrame:
        arrived, nonces = self.run.arrivals, self.requests["nonce"]
        link = dict(self._of.labels).get("link")
        mine = arrived["nonce"].isin(nonces[nonces != ""])
        return arrived[mine & (arrived["link"] == link)] if link else arrived[mine]


def pick(run: Evidence, selection: Selection = WHOLE) -> Sample:
    """What *selection* picks of *run*."""
    requests: pd.DataFrame = run.once(("picked", selection), lambda: _requests(run, selection))
    return Sample(run, requests, spans(run.plan, selection), _windows(run, selection.after), selection)


def spans(plan: Plan, selection: Selection) -> tuple[Phase, ...]:
    """The phases of *plan* in which what *selection* picks is due."""
    wanted = selection.phase
    return tuple(phase for phase in plan.phases if (phase.name == wanted if wanted else phase.name != "warmup"))


def planned(plan: Plan, selection: Selection) -> int:
    """How many requests that *selection* would pick are planned."""
    return count(rate_per_s(plan, selection), _planned_s(plan, selection))


def rate_per_s(plan: Plan, selection: Selection) -> float:
    """How many requests of the kind that *selection* names are due a second: each turn goes to the next entry."""
    entries = plan.target.entries_by_name
    return plan.scenario.load.rate_per_s * len(_entries(plan.target, selection)) / len(entries)


def _planned_s(plan: Plan, selection: Selection) -> float:
    """Seconds in which what *selection* picks is due; of the exposed at most, were each answered at once."""
    during = spans(plan, selection)
    if selection.among is None:
        return sum(phase.end_s - phase.start_s for phase in during)
    return sum(
        max(0.0, min(phase.end_s, d.end_s) - max(phase.start_s, d.start_s))
        for phase in during
        # Without faults those that would have been exposed are asked about.
        for d in plan.disturbances or plan.windows
    )


def _entries(target: Target, selection: Selection) -> list[str]:
    labels = dict(selection.labels)
    return [
        name
        for name, entry in target.entries_by_name.items()
        if labels.get("entry") in (None, name) and labels.get("region") in (None, entry.region)
    ]


def _requests(run: Evidence, selection: Selection) -> pd.DataFrame:
    rows = run.requests_in(selection.phase)
    if any(LABELS[name].of == "entry" for name, _ in selection.labels):
        rows = rows[rows["entry"].isin(_entries(run.plan.target, selection))]
    return _exposed(run, rows) if selection.among == "exposed" else rows


def _exposed(run: Evidence, rows: pd.DataFrame) -> pd.DataFrame:
    """Of *rows*, those that were due inside a fault's window so early that even the slowest of them ended inside it.

    Picked by when they were due, never by how long they took: of those due in a window's last seconds only the quick ones end in it,
    so that whoever takes what ended there takes the requests that tried the least (length-biased sampling; D. R. Cox, "Some sampling
    problems in technology", 1969).
    """
    due_s = rows["due_s"]
    lasted_s = (rows["end_s"] - due_s).fillna(inf).clip(0, run.plan.scenario.load.deadline)
    exposed = due_s != due_s
    for window in run.in_force():
        inside = due_s.between(window.start_s, window.end_s)
        exposed |= inside & (due_s + lasted_s[inside].max() <= window.end_s)
    return rows[exposed]


def _windows(run: Evidence, after: str | None) -> tuple[Window, ...]:
    """All windows, or the one in which the fault was in force that is called *after*."""
    windows = run.windows()
    if after is None or not run.plan.disturbances:
        return windows
    aftereffects = (d for d in run.plan.disturbances if d.id == after and d.fault.aftereffect)
    alone = next(map(run.window_of, aftereffects), None)
    return (alone,) if alone else tuple(window for window in windows if after in window.faults)
