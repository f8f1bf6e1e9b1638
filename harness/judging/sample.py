"""The rows of a run that a selection picks: all that a metric is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Any

from harness.judging.evidence import Evidence, Window
from harness.planning.plan import Phase, Plan
from harness.reading.expectation import WHOLE, Selection

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of *run* by what they are for; the columns of its tables are those that `evidence` describes.

    *requests* are those that were picked, *baseline* what they are held against, and *spans* the phases in which those that were picked
    were due. *windows* are the stretches in which a fault was in force, as they happened; none when one never began or never ended.
    """

    run: Evidence
    requests: pd.DataFrame
    spans: tuple[Phase, ...]
    windows: tuple[Window, ...]
    _key: Selection

    @property
    def baseline(self) -> pd.DataFrame:
        """Requests that were due in the baseline, of the kind that was picked."""
        return pick(self.run, Selection("baseline")).requests

    @property
    def attempts(self) -> pd.DataFrame:
        """Attempts that are joined to a request that was picked."""
        tried = self.run.attempts
        rows: pd.DataFrame = self.once("attempts", lambda: tried[tried["request"].isin(self.requests["index"])])
        return rows

    @property
    def arrivals(self) -> pd.DataFrame:
        """Arrivals that carry the nonce of a request that was picked."""
        arrived, nonces = self.run.arrivals, self.requests["nonce"]
        rows: pd.DataFrame = self.once("arrivals", lambda: arrived[arrived["nonce"].isin(nonces[nonces != ""])])
        return rows

    def tries(self) -> np.ndarray[Any, Any]:
        """How many of the *attempts* each of the *requests* became, in their order."""
        joined = self.attempts["request"].value_counts()
        return self.requests["index"].map(joined).fillna(0).astype("int64").to_numpy()

    def strays(self) -> int:
        """How many attempts are joined to no request and may have been made for one that was picked."""
        if not self.spans:
            return 0
        start_s = self.run.attempts.loc[self.run.attempts["request"] < 0, "start_s"]
        late_s = self.spans[-1].end_s + self.run.plan.scenario.load.deadline
        return int(start_s.between(self.spans[0].start_s, late_s).sum())

    def once(self, what: str, make: Callable[[], Any]) -> Any:
        """What *make* returns, made the first time that *what* is asked for of these rows."""
        return self.run.once((self._key, what), make)


def pick(run: Evidence, selection: Selection = WHOLE) -> Sample:
    """What *selection* picks of *run*."""
    window = run.fault_window()
    requests = run.requests_in(selection.phase)
    return Sample(run, requests, spans(run.plan, selection), (window,) if window else (), selection)


def spans(plan: Plan, selection: Selection) -> tuple[Phase, ...]:
    """The phases of *plan* in which what *selection* picks is due."""
    wanted = selection.phase
    return tuple(phase for phase in plan.phases if (phase.name == wanted if wanted else phase.name != "warmup"))


def planned(plan: Plan, selection: Selection) -> int:
    """How many requests that *selection* would pick are planned."""
    span_s = sum(phase.end_s - phase.start_s for phase in spans(plan, selection))
    return floor(round(plan.scenario.load.rate_per_s * span_s, 6))
