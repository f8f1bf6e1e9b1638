"""Spans inside spans: a call of a model is the HTTP requests in it, and a server inside another serves no client of ours."""

from __future__ import annotations

from dataclasses import replace

from harness.incidents.calls import Calls


def one_row_a_try(calls: Calls) -> Calls:
    """*calls* with one row for each try.

    A span of a model "SHOULD cover the duration of the logical operation with all retries" (OpenTelemetry, gen-ai-spans), so where HTTP
    requests lie in it they take its place, with its model and its sizes. A server's span that lies in another one is a part of that.
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
    replaced = np.zeros(calls.size, bool)
    replaced[outer[tries]] = True
    return replace(calls, **taken).taken(~replaced & ~(calls.of_client & inside))
