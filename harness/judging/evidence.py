"""Everything a stored run holds that can be judged, read from its files once and never changed.

Columns of *requests* are the fields of `records.Request`, and ``phase`` (in which it was due), ``good``, ``latency_ms`` and ``ttft_ms``
(from when it was due; NaN when it never came), ``attempts`` (joined to it). Columns of *attempts* are the fields of `records.Attempt`,
and ``request`` (index of the request it belongs to, -1 for none), ``layer`` (first, client, sdk, repeat, failover), ``phase`` (of
its request). Columns of *arrivals* are the fields of `records.Arrival`, those of *traffic* the fields of
`records.Traffic`, those of *health_checks* the fields of `records.HealthCheck`. All instants are seconds of the run's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from harness.planning.disturbance import Disturbance
from harness.planning.plan import Plan
from harness.planning.windows import Window, merged
from harness.reading.questions import Question
from harness.record.effects import Effects
from harness.record.history import (
    Begun,
    Ended,
    History,
    Injected,
    Injecting,
    OfFault,
    Preflight,
    Published,
    Reverted,
    Reverting,
)
from harness.record.instrument import Measurement
from harness.record.kept import USUAL, kept, kept_last
from harness.record.workers import Worker

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from harness.record.columns import Table, Words


Kind = TypeVar("Kind", bound=OfFault)
TableName = Literal["requests", "attempts", "arrivals"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What happened, as tables, with what was planned."""

    plan: Plan
    begun: Begun
    history: History
    request_table: Table
    attempt_table: Table
    arrival_table: Table
    accepted: Mapping[str, int] = field(default_factory=dict)
    """Requests that each simulated provider counted, by link; nothing for real ones."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Text of each question by its id."""
    earlier: int = 0
    """Attempts that were seen before the load began, which are not in the table."""
    measurements: Sequence[Measurement] = ()
    """How late the run's processes were, and what kept the machine busy; none of a run of before that was measured."""
    traffic_table: Table | None = None
    """None: the run was made before this was recorded, or in a world that does not."""
    asked: Mapping[str, Question] = field(default_factory=dict)
    """Each question as the questions file has it, by its id."""
    effects: Effects | None = None
    """What the service says that it has done for the requests; None: it was not asked."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """On which line of the scenario's file each expectation stands, as it is written out; those asked for beside it are not there."""
    workers: Sequence[Worker] = ()
    """Each of several workers that shared the load; none where one process sent it all."""
    health_checks: pd.DataFrame | None = None
    """Each look at a health URL of the target; None: its file names none."""
    _made: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, what: Hashable, make: Callable[[], Any], dear: float = USUAL) -> Any:
        """What *make* returns, made the first time that *what* is asked for: several metrics stand on the same work.

        What is large is forgotten when there is more of it than can be kept, and then made again; what is `dear` to make later than others.
        """
        return kept(self._made, what, make, self.request_table.room, dear)

    def lately(self, kind: str, what: Hashable, make: Callable[[], Any]) -> Any:
        """What *make* returns, made anew unless *what* was the last of its *kind* that was asked for: nothing else of it is kept."""
        return kept_last(self._made, kind, what, make, self.request_table.room)

    @property
    def requests(self) -> pd.DataFrame:
        """The requests with all their columns. It takes much longer to make than `column` and `words` do, and far more memory."""
        return self.request_table.frame

    @property
    def attempts(self) -> pd.DataFrame:
        """The attempts with all their columns."""
        return self.attempt_table.frame

    @property
    def arrivals(self) -> pd.DataFrame:
        """The arrivals with all their columns."""
        return self.arrival_table.frame

    @property
    def traffic(self) -> pd.DataFrame | None:
        """What passed on links with all its columns; None where that was not recorded."""
        return None if self.traffic_table is None else self.traffic_table.frame

    def passed(self, links: Collection[str], from_s: float = -inf, until_s: float = inf) -> Table:
        """What passed on any of *links* in slices that began *from_s* to *until_s*, both included; of a run that recorded it."""
        assert self.traffic_table is not None, "who asks has looked"
        traffic, start_s = self.traffic_table, self.traffic_table.numbers("start_s")
        return traffic.taken(traffic.words("link").isin(links) & (from_s <= start_s) & (start_s <= until_s), held=True)

    def table(self, name: TableName) -> Table:
        match name:
            case "requests":
                return self.request_table
            case "attempts":
                return self.attempt_table
            case "arrivals":
                return self.arrival_table

    def column(self, table: TableName, name: str) -> np.ndarray[Any, Any]:
        """One column of a *table*, a value a row, which cannot be changed: all who measure read the same one.

        What is missing among numbers is NaN. Text is quicker by far, and smaller, as `words`.
        """
        from harness.record.columns import Words

        column = self.table(table).column(name)
        if not isinstance(column, Words):
            return column
        texts = column.to_numpy()
        texts.flags.writeable = False
        return texts

    def words(self, table: TableName, name: str) -> Words:
        """One column of text of a *table*."""
        return self.table(table).words(name)

    def request_rows(self) -> np.ndarray[Any, Any]:
        """Of each attempt the row of its request in the table; -1 where it is joined to none."""

        def made() -> np.ndarray[Any, Any]:
            import numpy as np

            from harness.record.columns import narrow

            request, index = self.column("attempts", "request"), self.column("requests", "index")
            if (index == np.arange(index.size)).all():  # as they are where none is missing
                return request
            return narrow(np.where(request >= 0, index.searchsorted(request), -1), index.size)

        rows: np.ndarray[Any, Any] = self.once("request rows", made)
        return rows

    @property
    def ended(self) -> Ended | None:
        """How the run ended; None when it was killed before it could say."""
        last = self.history[-1] if self.history else None
        return last if isinstance(last, Ended) else None

    @property
    def observed_until_s(self) -> float:
        """Up to when requests were due: the plan's end, or where the run was cut short."""
        ended = self.ended
        complete = ended is not None and ended.reason == "completed"
        if complete:
            return self.plan.total_s
        return min(self.plan.total_s, ended.at_s if ended else self._last_seen_s)

    @property
    def _last_seen_s(self) -> float:
        """When the last request was due, or the last attempt began where none were sent; 0 where nothing was observed."""
        came_s = self.column("requests", "due_s") if len(self.request_table) else self.column("attempts", "start_s")
        return float(came_s.max(initial=0.0))

    @property
    def cut_s(self) -> float:
        """From when on the run ended by itself what was under way; never, of one that was killed."""
        ended = self.ended
        if ended is None:
            return inf
        return ended.at_s if ended.decided_s is None else ended.decided_s

    @property
    def broken_from_s(self) -> float:
        """When the first fault was about to be put in force; never, where none was."""
        began_s: float = self.once(
            "broken from", lambda: min((one.at_s for one in self.history if isinstance(one, Injecting)), default=inf)
        )
        return began_s

    @property
    def clock_s(self) -> float:
        """How far the clocks of requests and of all else may lie apart, where workers had clocks of their own; else 0."""
        return max((worker.uncertainty_s for worker in self.workers), default=0.0)

    def of_fault(self, fault: str, kind: type[Kind]) -> list[Kind]:
        """Events of one *kind* about one *fault*, in order."""
        return [event for event in self._by_fault().get(fault, ()) if isinstance(event, kind)]

    def _by_fault(self) -> Mapping[str, Sequence[OfFault]]:
        """All events about each fault, in order: a run may have hundreds of faults, each of which is asked about again and again."""

        def made() -> dict[str, list[OfFault]]:
            found: dict[str, list[OfFault]] = {}
            for event in self.history:
                if isinstance(event, OfFault):
                    found.setdefault(event.fault, []).append(event)
            return found

        by_fault: Mapping[str, Sequence[OfFault]] = self.once("events by fault", made)
        return by_fault

    def preflights(self) -> list[Preflight]:
        """The questions that were asked before the load; none in runs of before there were any."""
        return [event for event in self.history if isinstance(event, Preflight)]

    def window_of(self, disturbance: Disturbance) -> Window | None:
        """When one fault was in force, as it happened; None when it never began or never ended."""
        name = disturbance.id
        began = self.of_fault(name, Injected)
        gone = [event.at_s for event in self.of_fault(name, Reverted) if not event.error]
        asked = [event.at_s for event in self.of_fault(name, Reverting)]
        if not began or not gone or not asked:
            return None
        return Window(began[0].at_s, gone[-1], max(0.0, gone[-1] - asked[-1]), (name,))

    def faults_of(self, window: Window) -> list[Disturbance]:
        """The faults that were in force in *window*, in the plan's order."""

        def made() -> dict[str, tuple[int, Disturbance]]:
            return {disturbance.id: (place, disturbance) for place, disturbance in enumerate(self.plan.disturbances)}

        by_id: dict[str, tuple[int, Disturbance]] = self.once("disturbances by id", made)
        known = sorted({by_id[name][0] for name in window.faults if name in by_id})
        return [self.plan.disturbances[place] for place in known]

    def in_force(self) -> tuple[Window, ...]:
        """The stretch of each fault of which it is known when it began and ended, however close to another; see `windows`."""
        if not self.plan.disturbances:
            return self.plan.windows
        found: tuple[Window, ...] = self.once(
            "in force", lambda: tuple(window for d in self.plan.disturbances if (window := self.window_of(d)))
        )
        return found

    def windows(self) -> tuple[Window, ...]:
        """The stretches in which a trigger was in force, as it happened, in order; those that overlap or touch are one.

        As planned when nothing was to be broken; none when a trigger never began or never ended.
        """
        if not self.plan.disturbances:
            return self.plan.windows
        windows: tuple[Window, ...] = self.once("windows", self._merged)
        return windows

    def _merged(self) -> tuple[Window, ...]:
        found = [self.window_of(disturbance) for disturbance in self.plan.triggers]
        known = [window for window in found if window is not None]
        return merged(known) if len(known) == len(found) else ()

    def publications(self) -> list[tuple[int, float, float]]:
        """Each published snapshot: version, asked, acknowledged."""
        return publications(self.history)


def publications(history: History) -> list[tuple[int, float, float]]:
    """Each published snapshot: version, asked, acknowledged."""
    return [(event.version, event.asked_s, event.at_s) for event in history if isinstance(event, Published)]
