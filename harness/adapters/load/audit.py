"""Whether the load did what was planned: every request exactly once, and each one sent when it was due."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from harness.records import Request


@dataclass(frozen=True, slots=True)
class SendLag:
    """How long after they were due requests were sent, in milliseconds; all None when none was."""

    p50_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of the *offered* requests. A sound load has none missing, none doubled, none unplanned."""

    offered: int
    sent: int
    not_sent: int
    unfinished: int
    missing: tuple[int, ...]  # planned indices without a row
    doubled: tuple[int, ...]  # planned indices with more than one
    unplanned: tuple[int, ...]  # indices of rows that no plan asked for
    send_lag: SendLag

    @property
    def sound(self) -> bool:
        return not (self.missing or self.doubled or self.unplanned)


def audit(rows: Iterable[Request], planned: int) -> Audit:
    """What *rows* of all workers, in any order, say about a load of *planned* requests."""
    seen, unplanned, lags_s = bytearray(planned), [], array("d")
    not_sent = unfinished = 0
    for row in rows:
        if 0 <= row.index < planned:
            seen[row.index] = min(2, seen[row.index] + 1)
        else:
            unplanned.append(row.index)
        not_sent += row.outcome == "not_sent"
        unfinished += row.outcome == "unfinished"
        if row.sent_s is not None:
            lags_s.append(max(0.0, row.sent_s - row.due_s))
    missing = tuple(index for index, count in enumerate(seen) if count == 0)
    doubled = tuple(index for index, count in enumerate(seen) if count == 2)
    strangers = tuple(sorted(unplanned))
    return Audit(planned, len(lags_s), not_sent, unfinished, missing, doubled, strangers, send_lag(lags_s))


def send_lag(lags_s: Iterable[float]) -> SendLag:
    """Quantiles of *lags_s* by nearest rank."""
    ordered = sorted(lags_s)
    if not ordered:
        return SendLag()
    p50, p99 = (ordered[-(-percent * len(ordered) // 100) - 1] for percent in (50, 99))
    return SendLag(*(round(1000 * lag_s, 3) for lag_s in (p50, p99, ordered[-1])))
