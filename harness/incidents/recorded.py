"""What an incident looked like from outside, second by second on the scenario's clock: the curve that runs of it are held against."""

from __future__ import annotations

import csv
from io import StringIO
from math import floor
from typing import TYPE_CHECKING

from harness.incidents.calls import OK, Calls
from harness.incidents.course import Course
from harness.incidents.importing import Log
from harness.reading.recorded_curves import quantiles

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_WHOLE = 0.99
"""So much of a second has to have been logged; of less nobody knows how many came in it."""


def seen(log: Log) -> tuple[str, Calls]:
    """What the curve is of, and its rows: requests of clients where the log has them, else all calls of the service's."""
    return ("requests", log.requests) if log.requests.size else ("calls", log.calls)


def curve(course: Course, log: Log) -> str:
    """The curve as CSV, a row for each second that was logged; what is made up has none.

    Of a shortened phase all that was logged counts, and `per_s` says how many of it a run sends.
    """
    import numpy as np

    of, calls = seen(log)
    length = floor(course.length_s)
    at, weight, logged_s = _placed(course, calls, length)
    inside = (at >= 0) & (at < length)
    second = np.floor(at[inside]).astype(np.int64)
    came = np.bincount(second, minlength=length)
    failed = np.bincount(second[calls.came_to[inside] != OK], minlength=length)
    per_s = np.bincount(second, weight[inside], minlength=length) / np.maximum(logged_s, _WHOLE)
    answered = inside & (calls.came_to == OK) & (calls.duration_ms > 0)
    p50, p95 = quantiles(np.floor(at[answered]).astype(np.int64), calls.duration_ms[answered], length)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["second", of, "failed", "p50_ms", "p95_ms", "per_s"])
    for place in np.flatnonzero(logged_s >= _WHOLE).tolist():
        took = [f"{float(values[place]):.4g}" if np.isfinite(values[place]) else "" for values in (p50, p95)]
        writer.writerow([place, came[place], failed[place], *took, f"{per_s[place]:.4g}"])
    return text.getvalue()


def _placed(course: Course, calls: Calls, length: int) -> tuple[Floats, Floats, Floats]:
    """When each call lies on the scenario's clock (-1: nowhere), as how many it counts in a run, and how much of each second was logged."""
    import numpy as np

    at, weight, logged_s = np.full(calls.size, -1.0), np.zeros(calls.size), np.zeros(length)
    for stretch, start_s in course.placed():
        first, last = np.searchsorted(calls.at_s, (stretch.logged.start_s, stretch.logged.end_s))
        at[first:last] = stretch.moved(calls.at_s[first:last], start_s)
        weight[first:last] = min(1.0, stretch.times)
        begins, ends = stretch.moved(np.array([stretch.logged.start_s, stretch.logged.end_s]), start_s)
        whole = np.arange(length)
        logged_s += np.clip(np.minimum(whole + 1, ends) - np.maximum(whole, begins), 0, 1)
    return at, weight, logged_s
