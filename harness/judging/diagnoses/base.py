"""What a diagnosis promises: rows in, and either nothing or what is behind a number, shown by so many of them.

A new diagnosis is one file beside this one and one line in `harness/judging/diagnoses/__init__.py`; third parties register theirs through
the entry-point group ``harness``. Each states in its docstring from how much evidence on it speaks; it stays silent below that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.diagnoses.tries import ENOUGH as ENOUGH  # what most diagnoses ask of, so it is had from here
from harness.judging.diagnoses.tries import told
from harness.judging.evidence import Evidence
from harness.judging.metrics import Metric
from harness.judging.result import Diagnosis, Prediction
from harness.judging.sample import pick
from harness.reading.expectation import Selection
from harness.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EXAMPLES = 5


class Cause(ABC):
    """One thing that can be behind a number. The first line of its docstring is its documentation."""

    id: ClassVar[str]

    @abstractmethod
    def find(self, run: Evidence) -> Diagnosis | None:
        """What *run* shows of it; None where that is nothing, or too little."""

    def document(
        self,
        run: Evidence,
        title: str,
        evidence: Sequence[str],
        rows: npt.NDArray[np.intp],
        attempts: int,
        change: str,
        predictions: Sequence[Prediction | None] = (),
    ) -> Diagnosis:
        """What was found, as it stands in the result; *rows* are those of the requests that show it, the most telling first."""
        index = run.column("requests", "index")
        return Diagnosis(
            id=self.id,
            title=title,
            evidence=list(evidence),
            requests=len(rows),
            attempts=attempts,
            examples=[int(index[row]) for row in rows[:EXAMPLES]],
            example=told(run, int(rows[0])) if len(rows) else [],
            change=change,
            predictions=[prediction for prediction in predictions if prediction is not None],
        )


diagnoses: Registry[Cause] = Registry("diagnosis")


def predicted(
    run: Evidence, metric: Metric, phase: str | None, found: Interval, supposes: str, part: str | None = None
) -> Prediction | None:
    """That *metric* would come to *found* in *phase*, within its limits; None where either cannot be said, or nothing would change."""
    if found.value is None:
        return None
    least, most = metric.bounds
    now = metric.measure(pick(run, Selection(phase=phase)), part).value
    low, value, high = (min(max(number, least), most) for number in (found.low, found.value, found.high))
    return Prediction(
        metric=f"{metric.name}.{part}" if part else metric.name,
        phase=phase,
        value=round(value, 4),
        low=round(low, 4),
        high=round(high, 4),
        now=None if now is None else round(now, 4),
        supposes=supposes,
    )


def of_next_run(found: Interval) -> Interval:
    """Where the *value* of another run lies: it strays from the truth as this one does, and both strays add up in squares."""
    if found.value is None:
        return found
    low, high = (found.value + sqrt(2) * (end - found.value) for end in (found.low, found.high))
    return Interval(found.value, low, high, found.n)


def none_left(run: Evidence, phase: str) -> Interval:
    """None at all of what was counted for each request, of as many requests as *phase* has; a few may be there all the same."""
    from harness.judging.scoring.shares import wilson

    n = int((run.words("requests", "phase") == phase).sum())
    return Interval(0.0, 0.0, wilson(0, n).high, n)


def were_good(run: Evidence, phase: str, rows: npt.NDArray[np.intp]) -> Interval:
    """The share of good answers in *phase*, were those of *rows* good, too; more, where the same change mends others as well."""
    from harness.judging.scoring.shares import wilson

    good = run.column("requests", "good").astype(bool).copy()
    good[rows] = True
    mine = run.words("requests", "phase") == phase
    found = of_next_run(wilson(int((good & mine).sum()), int(mine.sum())))
    return Interval(found.value, found.low, 1.0, found.n)
