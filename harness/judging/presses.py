"""For whom each attempt was made: the press of its client, which may be over while a later one goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.judging.evidence import Evidence
from harness.record.kept import DEAR
from harness.record.presses import GivenUp, read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.record.columns import Words


class Over(NamedTuple):
    """Of each attempt when the press that it was made for was over, and what that came to; NaN and empty where nobody knows."""

    end_s: npt.NDArray[np.float64]
    outcome: Words


def over(run: Evidence) -> Over:
    """When the client of each attempt of *run* had gone or had its answer: of a press that another one followed, when it was given up."""
    found: Over = run.once("presses over", lambda: _over(run), DEAR)
    return found


def _over(run: Evidence) -> Over:
    import numpy as np

    from harness.record.columns import Words

    rows, press = run.request_rows(), run.column("attempts", "press")
    end_s = np.append(run.column("requests", "end_s"), np.nan)[rows]
    came_to = run.words("requests", "outcome")
    names = [*came_to.vocabulary, ""]
    outcome = np.append(came_to.codes.astype(np.int64), len(names) - 1)[rows]
    followed = np.append(run.column("requests", "presses"), 0)[rows] > press + 1
    if not followed.any():
        return Over(end_s, Words.numbered(outcome, names))
    due_s, told = run.column("requests", "due_s"), run.words("requests", "given_up")
    earlier: dict[int, list[GivenUp]] = {}
    for at in np.flatnonzero(followed).tolist():
        row = int(rows[at])
        if row not in earlier:
            earlier[row] = read(told[row])
        known = earlier[row][int(press[at])] if 0 <= press[at] < len(earlier[row]) else None
        names.append(known.outcome if known else "")
        end_s[at], outcome[at] = due_s[row] + known.end_s if known else np.nan, len(names) - 1
    return Over(end_s, Words.numbered(outcome, names))
