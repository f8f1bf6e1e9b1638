"""Spans inside spans: a call of a model is the HTTP requests in it, and a server inside another serves no client of ours."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.incidents.calls import OK, Calls

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]


_DEEP_MOST = 64
"""So many spans of functions may lie between a call and what it is a try of."""


def once(calls: Calls) -> Calls:
    """*calls* without copies: of those of one span that began at once, that is left which says how long it took, and then the last."""
    import numpy as np

    known = np.flatnonzero(calls.span)
    order = known[np.lexsort((~np.isnan(calls.duration_ms[known]), calls.at_s[known], calls.span[known]))]
    same = (calls.span[order[:-1]] == calls.span[order[1:]]) & (calls.at_s[order[:-1]] == calls.at_s[order[1:]])
    return calls.taken(np.delete(np.arange(calls.size), order[:-1][same])) if same.any() else calls


def one_row_a_try(calls: Calls, passed: array[int]) -> tuple[Calls, dict[str, int]]:
    """*calls* with one row for each try, and how many others there were, by what they are. *passed*: each other span, and what it lies in.

    A span of a model "SHOULD cover the duration of the logical operation with all retries" (OpenTelemetry, gen-ai-spans), so where HTTP
    requests lie in it they take its place, with its model and its sizes. A server's span that lies in another one is a part of that. Where
    the call failed and its last try has a status of success, that one came to what the call did, such as a stream that was cut off; and the
    call's first token came in its last try.
    """
    import numpy as np

    if not calls.parent.any():
        return calls, {}
    parent = _around(calls.parent, passed)
    order = np.argsort(calls.span, kind="stable")
    spans = calls.span[order]
    at = np.searchsorted(spans, parent)
    outer = order[np.minimum(at, spans.size - 1)]
    inside = (parent != 0) & (calls.span[outer] == parent)
    tries = inside & ~calls.of_client & calls.around[outer]
    taken = {
        name: np.where(tries & (getattr(calls, name) == nothing), getattr(calls, name)[outer], getattr(calls, name))
        for name, nothing in (("model", 0), ("tokens_in", -1), ("tokens_out", -1), ("conversation", 0), ("prompt", 0))
    }
    last = np.full(calls.size, -1)
    last[outer[tries]] = np.flatnonzero(tries)
    replaced, parts = last >= 0, calls.of_client & inside
    taken |= _of_the_last(calls, np.flatnonzero(replaced), last[replaced])
    counts = {
        "spans of models of which the tries are read": int(replaced.sum()),
        "spans of servers inside of others": int(parts.sum()),
    }
    return replace(calls, **taken).taken(~replaced & ~parts), {kind: count for kind, count in counts.items() if count}


def _around(parent: Ints, passed: array[int]) -> Ints:
    """What each lies in, whatever spans of functions are between."""
    import numpy as np

    if not passed:
        return parent
    pairs = np.frombuffer(passed, np.int64).reshape(-1, 2)
    spans, around = pairs[np.argsort(pairs[:, 0], kind="stable")].T
    found, left = parent.copy(), np.flatnonzero(parent)
    for _ in range(_DEEP_MOST):
        at = np.minimum(np.searchsorted(spans, found[left]), spans.size - 1)
        between = spans[at] == found[left]
        left, at = left[between], at[between]
        if not left.size:
            break
        found[left] = around[at]
    return found


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
