"""Rows of a run by an instant that each has, so that who asks for a window of it looks at no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.record.kept import CHEAP

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Floats


@dataclass(frozen=True, slots=True)
class ByTime:
    """The instants *at_s* of all rows, in order, and which row each is of; None where the rows are in that order, as a run has them."""

    at_s: Floats
    row: npt.NDArray[np.intp] | None

    def rows(self, start_s: float, end_s: float, *, end_too: bool = False) -> slice | npt.NDArray[np.intp]:
        """The rows of those from *start_s* to *end_s*, in the order of the rows; *end_too*: also of one right then."""
        import numpy as np

        first = int(self.at_s.searchsorted(start_s))
        end = max(first, int(self.at_s.searchsorted(end_s, "right" if end_too else "left")))
        return slice(first, end) if self.row is None else np.sort(self.row[first:end])

    def places(self, start_s: float, end_s: float) -> npt.NDArray[np.intp]:
        """As `rows`, each by its number."""
        import numpy as np

        rows = self.rows(start_s, end_s)
        return np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows


def due(run: Evidence) -> ByTime:
    """The requests of *run* by when they were due."""
    return _by_time(run, "requests", "due_s")


def started(run: Evidence) -> ByTime:
    """The attempts of *run* by when they began."""
    return _by_time(run, "attempts", "start_s")


def _by_time(run: Evidence, table: Literal["requests", "attempts"], name: str) -> ByTime:
    import numpy as np

    at_s = run.column(table, name)
    if run.once(("in order", table, name), lambda: bool((at_s[1:] >= at_s[:-1]).all())):
        return ByTime(at_s, None)
    row: npt.NDArray[np.intp] = run.once(("in order of", table, name), lambda: np.argsort(at_s, kind="stable"), CHEAP)
    return ByTime(at_s[row], row)
