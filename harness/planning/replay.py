"""What of a trace a run sends: the part that is asked for, at the speed that is asked for, for as long as the load lasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.planning.disturbance import Phase
from harness.planning.recorded import Recorded
from harness.problems import Problem
from harness.protocols.nonce import REQUESTS_MAX
from harness.reading.scenario import SHED, Load

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.reading.traces import Trace

    Floats = npt.NDArray[np.float64]

HERE = "load.shape.trace"


def recorded(
    trace: Trace, load: Load, phases: Sequence[Phase], questions: Sequence[str]
) -> tuple[Recorded, list[Problem]]:
    """What of *trace* is sent while *phases* last, and all that is wrong with that; *questions* are the ids of those that may be asked."""
    import numpy as np

    assert load.shape is not None
    assert load.shape.trace is not None
    replay = load.shape.trace
    end_s = phases[-1].end_s
    part, problems = _part(trace, load), []
    if isinstance(part, Problem):
        return Recorded(b""), [part]
    rows, at_s, period_s, speed = part
    if period_s < end_s * speed and not replay.loop:
        problems.append(_too_short(trace, load, period_s, end_s, speed))
    rounds = max(1, int(np.ceil(end_s * speed / period_s))) if replay.loop else 1
    if rounds * rows.size > 2 * REQUESTS_MAX:
        what = f"{rounds:,} times its {rows.size:,} rows are more than the {REQUESTS_MAX} that a run can tell apart"
        return Recorded(b""), [Problem(what, path=HERE)]
    again = np.repeat(np.arange(rounds), rows.size)
    due_s, rows = (np.tile(at_s, rounds) + period_s * again) / speed, np.tile(rows, rounds)
    sent = (due_s < end_s) & _stays(due_s, phases, load.shed_to)
    columns = _columns(trace, rows[sent], again[sent], replay.sizes, questions, problems)
    return Recorded(due_s[sent].tobytes(), **columns), problems


def _part(trace: Trace, load: Load) -> tuple[Any, Floats, float, float] | Problem:
    """Which rows lie in the part that is asked for, when in it they came, how long it is, and how many times as fast it goes."""
    import numpy as np

    assert load.shape is not None
    assert load.shape.trace is not None
    replay, whole_s = load.shape.trace, trace.length_s
    # Of rows that all come at once nobody can tell how long a trace they are.
    if replay.to is not None and replay.to > whole_s * (1 + 1e-9) and trace.at_s[-1] > trace.at_s[0]:
        return Problem(
            f"{replay.to:g} s is behind the end of the trace, which is {whole_s:g} s long", path=f"{HERE}.to"
        )
    inside = (trace.at_s >= replay.from_) & (trace.at_s < (replay.to if replay.to is not None else np.inf))
    rows = np.flatnonzero(inside)
    if not rows.size:
        until = f" and before {replay.to:g} s" if replay.to is not None else ""
        return Problem(
            f"no row of the trace comes at {replay.from_:g} s or later{until}; it is {whole_s:g} s long", path=HERE
        )
    at_s: Floats = trace.at_s[rows] - replay.from_
    period_s = (whole_s if replay.to is None else replay.to) - replay.from_
    if replay.loop and replay.to is None:
        # Between the last row and the first of the next round lies a gap as long as they are on average.
        period_s = float(at_s[-1] + (at_s[-1] - at_s[0]) / max(1, rows.size - 1))
    if period_s <= 0:
        return Problem("all of its rows come at its very beginning; write to: how long it is", path=f"{HERE}.to")
    speed = load.rate_per_s * period_s / rows.size if replay.rate == "scaled" else replay.speed
    return rows, at_s, period_s, speed


def _too_short(trace: Trace, load: Load, period_s: float, end_s: float, speed: float) -> Problem:
    at_speed = "" if speed == 1 else f" at {speed:.4g} times its speed"
    what = (
        f"{trace.file} is {period_s / speed:.6g} s long{at_speed}, and the load lasts {end_s:g} s; write loop: true to begin it anew, "
        f"{'' if load.shape and load.shape.trace and load.shape.trace.rate == 'scaled' else 'a lower speed, '}"
        "or shorter phases"
    )
    return Problem(what, path=HERE)


def _stays(due_s: Floats, phases: Sequence[Phase], shed_to: float) -> Any:
    """Which requests are sent: all, but in a phase called load_shed only so much of them, evenly."""
    import numpy as np

    shed = next((phase for phase in phases if phase.name == SHED), None)
    if shed is None:
        return np.ones(due_s.size, bool)
    inside = (due_s >= shed.start_s) & (due_s < shed.end_s)
    number = np.cumsum(inside)
    kept = np.floor(number * shed_to + 1e-9) > np.floor((number - 1) * shed_to + 1e-9)
    return ~inside | kept


def _columns(
    trace: Trace, rows: Any, again: Any, sizes: bool, questions: Sequence[str], problems: list[Problem]
) -> dict[str, Any]:
    """What the trace says of the *rows* that are sent, beside when; an unknown question is added to the *problems*.

    Each time that it begins *again* its conversations are others.
    """
    import numpy as np

    found: dict[str, Any] = {}
    if trace.conversation is not None:
        found["conversation"] = (trace.conversation[rows] + again * (int(trace.conversation.max()) + 1)).tobytes()
    for name, counts in (("tokens_in", trace.tokens_in), ("tokens_out", trace.tokens_out)):
        if sizes and counts is not None:
            found[name] = counts[rows].tobytes()
    if trace.question is not None:
        positions = {name: position for position, name in enumerate(questions)} | {"": -1}
        named = [trace.question[row] for row in rows.tolist()]
        if unknown := [name for name in dict.fromkeys(named) if name not in positions]:
            what = f"the trace names question {unknown[0]!r}, which the questions file does not have"
            problems.append(Problem(what, path=HERE))
        found["question"] = np.array([positions.get(name, -1) for name in named], np.int64).tobytes()
    if sizes and trace.tokens_in is None and trace.tokens_out is None:
        problems.append(Problem("the trace says of no request how large it was; leave sizes out", path=f"{HERE}.sizes"))
    return found
