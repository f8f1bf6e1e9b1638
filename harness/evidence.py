"""Everything a stored run holds that can be judged, read from its files once and never changed.

Columns of *requests* are the fields of `records.Request`, and ``phase`` (in which it was due), ``good``, ``latency_ms`` and ``ttft_ms``
(from when it was due; NaN when it never came), ``attempts`` (joined to it). Columns of *attempts* are the fields of `records.Attempt`,
and ``request`` (index of the request it belongs to, -1 for none), ``layer`` (first, sdk, application, failover), ``phase`` (of its
request). Columns of *arrivals* are the fields of `records.Arrival`. All instants are seconds of the run's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.history import History
from harness.plan import Plan

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Evidence:
    """What happened, as tables, with what was planned."""

    plan: Plan
    history: History
    requests: pd.DataFrame
    attempts: pd.DataFrame
    arrivals: pd.DataFrame
    accepted: Mapping[str, int] = field(default_factory=dict)
    """Requests that each simulated provider counted, by link; nothing for real ones."""
    questions: Mapping[str, str] = field(default_factory=dict)
    """Text of each question by its id."""
