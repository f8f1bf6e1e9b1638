"""Work that is given up so that others are served is no trouble: what may be refused, and was at once, is behind nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.judging.diagnoses.failover_late import FailoverLate
from harness.judging.diagnoses.one_entry import OneEntry
from harness.judging.evidence import Evidence
from harness.reading.target import Target
from harness.record.rows import Request

Told = Callable[..., Evidence]
MakeTarget = Callable[..., Target]
LOST = {"kind": "blackhole", "on": {"kind": "provider", "region": "east"}}
QUICK_S, LATE_S = 0.2, 3.0


def tries(row: Request) -> list[dict[str, Any]]:
    """One of two requests is tried in the east, which is lost, and nowhere else; the other one in the west."""
    if row.index % 2:
        return [{"link": "provider-west"}]
    return [{"link": "provider-east", "status": 0, "outcome": "client_left"}]


@pytest.fixture
def shed(told: Told, make_target: MakeTarget) -> Callable[..., Evidence]:
    """A run in which every request to the entry ``east`` is refused while the east is lost, and of the others so many of ten."""

    def made(*, sheddable: bool, after_s: float = QUICK_S, others: int = 0) -> Evidence:
        entries = [
            {"name": "east", "url": "http://127.0.0.1:1", "sheddable": sheddable},
            {"name": "west", "url": "http://127.0.0.1:2"},
        ]
        target = make_target(entries=entries, publish=None)

        def bad(index: int) -> bool:
            return index % 2 == 0 or index // 2 % 10 < others

        return told(tries, bad=bad, after_s=after_s, of=target, faults=[LOST])

    return made


def found(run: Evidence) -> list[str]:
    return [one.id for one in (FailoverLate(), OneEntry()) if one.find(run) is not None]


def test_what_may_be_refused_and_was_at_once_is_no_trouble(shed: Callable[..., Evidence]) -> None:
    assert found(shed(sheddable=True)) == []


def test_the_same_of_what_may_not_be_refused_is_told(shed: Callable[..., Evidence]) -> None:
    assert found(shed(sheddable=False)) == ["failover_late", "one_entry"]


def test_what_may_be_refused_and_was_left_waiting_is_told(shed: Callable[..., Evidence]) -> None:
    assert found(shed(sheddable=True, after_s=LATE_S)) == ["failover_late", "one_entry"]


def test_where_the_others_were_not_served_either_nothing_was_given_up_for_them(shed: Callable[..., Evidence]) -> None:
    assert "failover_late" in found(shed(sheddable=True, others=3))
    assert found(shed(sheddable=True, others=0)) == []
