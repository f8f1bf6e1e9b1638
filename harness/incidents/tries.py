"""Spans inside spans: a call of a model is the HTTP requests in it, and a server inside another serves no client of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.incidents.calls import OK, Calls

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]


def one_row_a_try(calls: Calls) -> Calls:
    """*calls* with one row for each try.

    A span of a model "SHOULD cover the duration of the logical operation with all retries" (OpenTelemetry, gen-ai-spans), so where HTTP
    requests lie in it they take its place, with its model and its sizes. A server's span that lies in another one is a part of that. Where
    the call failed and its last try has a status of success, that one came to what the call did, such as a stream that was cut off; and the
    call's first token came in its last try.
    """
    import numpy as np

    if not calls.parent.any():
        return calls
    order = np.argsort(calls.span, kind="stable")
    spans = calls.span[order]
    at = np.searchsorted(spans, calls.parent)
    outer = order[np.minimum(at, spans.size - 1)]
    inside = (calls.parent != 0) & (calls.span[outer] == calls.parent)
    tries = inside & ~calls.of_client & calls.around[outer]
    taken = {
        name: np.where(tries & (getattr(calls, name) == nothing), getattr(calls, name)[outer], getattr(calls, name))
        for name, nothing in (("model", 0), ("tokens_in", -1), ("tokens_out", -1), ("conversation", 0), ("prompt", 0))
    }
    last = np.full(calls.size, -1)
    last[outer[tries]] = np.flatnonzero(tries)
    replaced = last >= 0
    taken |= _of_the_last(calls, np.flatnonzero(replaced), last[replaced])
    return replace(calls, **taken).taken(~replaced & ~(calls.of_client & inside))


def _of_the_last(calls: Calls, whole: Ints, last: Ints) -> dict[str, Any]:
    """What calls come to and when their first token came, where each of *whole* has *last* as its last try."""
    import numpy as np

    came_to, first_ms = calls.came_to.copy(), calls.first_ms.copy()
    well = came_to[last] == OK
    came_to[last[well]] = calls.came_to[whole[well]]
    in_it_ms = calls.first_ms[whole] - 1e3 * (calls.at_s[last] - calls.at_s[whole])
    silent = np.isnan(first_ms[last]) & (in_it_ms > 0)
    first_ms[last[silent]] = in_it_ms[silent]
    return {"came_to": came_to, "first_ms": first_ms}
