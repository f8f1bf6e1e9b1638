"""Whether all who came to a link only looked whether somebody was there, and asked nothing that a request needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from statistics import median
from typing import NamedTuple

from harness.judging.evidence import Evidence
from harness.reading.quantities import plain
from harness.record.rows import LOOKS, SLICE_S

_SWITCHED = 101  # the status of a WebSocket that was opened: by GET, and not to look
_HEALTH = r"/(?:health|healthz|livez|readyz|live|ready|ping|heartbeat|_health)/?(?:\?|$)"
"""Paths at which one looks whether a server is there, whatever it is."""
_OFTEN, _FEWER = 3, 5
"""So often at least, and so many times less often than requests to any one entry, somebody comes who looks every few seconds."""
_EVEN = 0.05
"""Beside two slices, so much of itself a time between two looks may be longer or shorter than another."""


def only_looks(evidence: Evidence, link: str, from_s: float, until_s: float) -> str:
    """Such as ``GET /v1/models``, where in that time one looked at most whether anything is there, and asked it nothing; else empty."""
    match evidence.plan.target.links[link].carries:
        case "http":
            return _looks_by_http(evidence, link, from_s, until_s)
        case "redis":
            said, pushed, kept = _sums(evidence, link, ("commands", "pushed", "housekeeping"), from_s, until_s)
            if said == kept > 0 and not pushed:
                return "housekeeping (PING, HELLO, INFO and the like)"
        case _:
            opened, said = _sums(evidence, link, ("connections", "bytes_out"), from_s, until_s)
            if opened and not said:
                return "connections on which nothing was said"
    return _by_the_clock(evidence, link, until_s)


def _looks_by_http(evidence: Evidence, link: str, from_s: float, until_s: float) -> str:
    """A provider is looked at by whatever asks for no completion, anything else at the paths of health checks."""
    import numpy as np

    rows = evidence.attempt_table
    start_s, method, path = rows.numbers("start_s"), rows.words("method"), rows.words("path")
    there = np.flatnonzero((rows.words("link") == link) & (from_s <= start_s) & (start_s <= until_s))
    looks = method[there].isin(LOOKS) & (rows.numbers("request")[there] < 0)
    looks &= rows.numbers("status")[there] != _SWITCHED
    if evidence.plan.target.links[link].kind != "provider":
        looks &= path[there].each(lambda one: re.search(_HEALTH, one) is not None, np.bool_)
    return f"{method[int(there[0])]} {path[int(there[0])]}" if there.size and looks.all() else ""


def _sums(evidence: Evidence, link: str, columns: Sequence[str], from_s: float, until_s: float) -> Sequence[int]:
    """What the *columns* of what passed on *link* in that time come to."""
    there = evidence.passed([link], from_s, until_s)
    return [int(there.numbers(column).sum()) for column in columns]


def _by_the_clock(evidence: Evidence, link: str, until_s: float) -> str:
    """That until then somebody came every few seconds and said the same each time, far less often than requests were due.

    Who does so on a new connection each time looks whether a server is there. On one that is kept it is as likely a stream of what is
    replicated; there it has to have been so before anything was asked of the service, with the same said in return. What began with the
    load comes of the load.
    """
    loaded, idle = _visits(evidence, link, 0.0, until_s), _visits(evidence, link, -inf, 0.0)
    due_s = evidence.column("requests", "due_s")
    due = int((due_s < until_s).sum()) / len(evidence.plan.target.entries_by_name)
    if len(loaded) < _OFTEN or len(loaded) * _FEWER > due or len({one.bytes_out for one in loaded}) > 1:
        return ""
    gaps_s = [later.start_s - one.start_s for one, later in pairwise(loaded)]
    every_s = median(gaps_s)
    if max(abs(gap_s - every_s) for gap_s in gaps_s) > 2 * SLICE_S + _EVEN * every_s:
        return ""
    before = [one for one in idle if one.bytes_out == loaded[0].bytes_out]
    kept = not all(one.connections for one in loaded)
    answers, answered = ({one.bytes_in for one in visits} for visits in (loaded, before))
    if kept and (_is_stream(evidence, link) or len(before) < 2 or answers != answered):
        return ""
    # One alone may be of the question that is asked before the load.
    if len(before) < 2 and _watched_s(evidence) >= 2 * every_s:
        return ""
    return f"what says the same every {plain(every_s)} s, whatever the load,"


def _is_stream(evidence: Evidence, link: str) -> bool:
    return evidence.plan.target.links[link].kind == "replication"


def _watched_s(evidence: Evidence) -> float:
    """For how long before the load what passed was counted."""
    assert evidence.traffic_table is not None, "who asks has looked"
    return max(0.0, -float(evidence.traffic_table.numbers("start_s").min()))


class _Visit(NamedTuple):
    """Slices that follow on one another, and what passed in them."""

    start_s: float
    connections: int
    bytes_out: int
    bytes_in: int


def _visits(evidence: Evidence, link: str, from_s: float, until_s: float) -> list[_Visit]:
    """What passed on *link* in that time, its end not included."""
    import numpy as np

    there = evidence.passed([link], from_s, until_s)
    start_s, *sums = (there.numbers(name) for name in _Visit._fields)
    came = np.flatnonzero((sums[0] + sums[1] > 0) & (start_s < until_s))
    came = came[np.argsort(start_s[came], kind="stable")]
    if not came.size:
        return []
    new = np.flatnonzero(np.append(True, np.diff(start_s[came]) > 1.5 * SLICE_S))
    each = [start_s[came][new].tolist(), *(np.add.reduceat(values[came], new).tolist() for values in sums)]
    return [*map(_Visit, *each)]
