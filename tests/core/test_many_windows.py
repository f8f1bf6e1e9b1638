"""Of a run in which faults come and go often each row is looked at as often as of one with few faults."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.judging import verdict
from harness.judging.by_time import ByTime
from harness.judging.diagnoses.tries import tries
from harness.judging.evidence import Evidence
from harness.planning.plan import Plan
from harness.record.columns import Column, Table, Words
from harness.record.rows import Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Flapping = Callable[[int, float], Evidence]
FEW, MANY, LASTS_S = 2, 8, 160.0


class Looked(np.ndarray[Any, Any]):
    """A column that counts how many values are worked with of it, and of all that is made of it, by the line that does."""

    by_line: ClassVar[Counter[str]] = Counter()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keys: Any) -> Any:
        plain = [one.view(np.ndarray) if isinstance(one, Looked) else one for one in inputs]
        if "out" in keys:
            keys["out"] = tuple(one.view(np.ndarray) if isinstance(one, Looked) else one for one in keys["out"])
        Looked.by_line[_line(sys._getframe(1))] += max(np.size(one) for one in plain)
        made = getattr(ufunc, method)(*plain, **keys)
        return made.view(Looked) if isinstance(made, np.ndarray) else made


def _line(frame: FrameType | None) -> str:
    while frame is not None and "harness" not in frame.f_code.co_filename:
        frame = frame.f_back
    return f"{frame.f_code.co_filename.rpartition('/harness/')[2]}:{frame.f_lineno}" if frame else ""


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many values have been worked with, by line."""
    column = Table.column

    def counted(table: Table, name: str) -> Column:
        found = column(table, name)
        return Words(found.codes.view(Looked), found.vocabulary) if isinstance(found, Words) else found.view(Looked)

    monkeypatch.setattr(Table, "column", counted)
    Looked.by_line = Counter()
    return Looked.by_line


@pytest.fixture
def flapping(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]) -> Flapping:
    """A run of one length, and as many rows, in which two faults come and go so many times, and one of them does harm."""

    def made(times: int, ratio: float) -> Evidence:
        period_s = LASTS_S / times
        flap = {"period": f"{period_s:g}s", "duty": 1 / period_s}
        late = {"kind": "latency", "on": {"kind": "provider", "region": "west"}, "base": "300ms", "flap": flap}
        errors = {
            "kind": "http_error",
            "on": {"kind": "provider", "region": "east"},
            "status": 500,
            "share": 0.2,
            "flap": flap,
        }
        plan = make_plan(
            phases=(10, 20, LASTS_S, 20),
            faults=[late, errors | {"at": f"fault + {period_s / 2:g}s"}],
            good={"within": "500ms"},
            expect=[f"good_ratio >= {ratio} in fault"],
            load={"rate_per_s": 20},
        )

        def change(index: int, due_s: float) -> dict[str, Any]:
            hit = LASTS_S > due_s - 30 > 0 and (due_s - 30) % 10 < 1 and index % 3
            return {"status": 503, "outcome": "error"} if hit else {}

        asked = rows(plan, change)
        tries = [
            attempt(row, link=f"provider-{row.entry}", start_s=row.due_s + again / 100, status=row.status)
            for row in asked
            for again in range(1 if row.status == 200 else 3)
        ]
        return make_evidence(plan, requests=asked, attempts=tries)

    return made


def looked_at(evidence: Evidence, looked: Counter[str]) -> Counter[str]:
    """How often all requests of *evidence* are worked with while it is judged, by line."""
    looked.clear()
    verdict.judge(evidence)
    return Counter({line: round(many / len(evidence.request_table), 2) for line, many in looked.items()})


def test_one_more_window_has_no_row_looked_at_once_more(flapping: Flapping, looked: Counter[str]) -> None:
    few, many = flapping(FEW, 0.1), flapping(MANY, 0.1)
    assert len(many.windows()) - len(few.windows()) == 2 * (MANY - FEW)
    assert len(many.request_table) == len(few.request_table)
    more = looked_at(many, looked)
    more.subtract(looked_at(few, looked))
    assert more.total() < 2 * (MANY - FEW), more.most_common(9)


def test_what_is_looked_at_once_a_window_is_counted(flapping: Flapping, looked: Counter[str]) -> None:
    evidence = flapping(MANY, 0.1)
    looked.clear()
    due_s = evidence.column("requests", "due_s")
    for window in evidence.windows():
        assert (due_s >= window.start_s).any()
    assert looked.total() >= len(evidence.windows()) * due_s.size


def test_what_is_known_of_a_fault_is_read_once_from_the_history(
    flapping: Flapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = flapping(MANY, 0.1)
    found = len(evidence.windows()), len(evidence.in_force())
    monkeypatch.setattr(Evidence, "of_fault", lambda *_: pytest.fail("looked up once more"))
    assert found == (len(evidence.windows()), len(evidence.in_force())) == (2 * MANY, 2 * MANY)


def test_tries_of_a_window_are_those_that_a_look_at_all_finds(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 4, 8, 2))
    asked = rows(plan)
    tried = [
        attempt(row, start_s=row.due_s + again, link=f"provider-{row.entry}") for row in asked for again in (2.0, 0.5)
    ]
    found = tries(make_evidence(plan, requests=asked, attempts=tried))
    start_s, due_s = found.column("start_s"), found.of_request("due_s")
    inside, east = (start_s >= 4.0) & (start_s < 6.5), found.words("link") == "provider-east"
    assert found.between(4.0, 6.5).tolist() == np.flatnonzero(inside).tolist() != []
    assert found.between(4.0, 6.5, "provider-east").tolist() == np.flatnonzero(inside & east).tolist() != []
    assert found.of_due(4.0, 6.5).tolist() == np.flatnonzero((due_s >= 4.0) & (due_s < 6.5)).tolist() != []
    assert found.between(6.5, 4.0).tolist() == found.of_due(6.5, 4.0).tolist() == []


def test_rows_that_are_in_another_order_are_found_in_theirs() -> None:
    at_s = np.array([3.0, 1.0, 2.0, 1.5])
    order = np.argsort(at_s)
    found = ByTime(at_s[order], order)
    assert found.places(1.0, 2.0).tolist() == [1, 3]
    assert np.arange(4)[found.rows(1.0, 2.0, end_too=True)].tolist() == [1, 2, 3]
    assert found.places(2.0, 1.0).tolist() == found.places(5.0, 9.0).tolist() == []
    assert ByTime(np.sort(at_s), None).places(1.0, 2.0).tolist() == [0, 1]
