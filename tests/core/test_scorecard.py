"""A cell of a scorecard against runs worked out by hand: attempts where something is broken and elsewhere, waits, and what users got."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.result import EXIT_STATUS, PRECEDENCE, Outcome
from harness.judging.scorecard import Cell, cell, in_short, scorecard, worst
from harness.planning.plan import Plan
from harness.record.columns import Table
from harness.record.rows import Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Celled = Callable[..., Cell]

DOWN = {"kind": "http_error", "status": 503, "on": {"kind": "provider", "region": "east"}}


@pytest.fixture
def celled(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Try) -> Celled:
    """The cell of a run in which east's provider fails from 5 s to 13 s.

    Each request of that time is tried *east* times there, 0.3 s apart, then *west* times in the west, and ends after *took_s* as *came_to*
    says.
    """

    def make(east: Callable[[int], int], west: int, took_s: float = 1.0, faults: Any = (DOWN,), **came_to: Any) -> Cell:
        plan = make_plan(phases=(1, 4, 8, 4), faults=faults)

        def change(index: int, due_s: float) -> dict[str, Any]:
            return {"end_s": due_s + took_s, **came_to} if 5 <= due_s < 13 else {}

        def tries(row: Request) -> list[Attempt]:
            if not 5 <= row.due_s < 13:
                return [attempt(row)]
            there = ["provider-east"] * east(row.index) + ["provider-west"] * west
            return [attempt(row, link=link, start_s=row.due_s + 0.3 * n) for n, link in enumerate(there)]

        asked = rows(plan, change)
        evidence = make_evidence(plan, requests=asked, attempts=[one for row in asked for one in tries(row)])
        return cell(concluded(evidence), evidence, "small/run")

    return make


def test_attempts_are_told_apart_by_whether_a_fault_was_aimed_at_their_link(celled: Celled) -> None:
    made = celled(lambda index: 3, 1)
    assert (made.broken, made.others) == (["provider-east"], ["provider-west"])
    assert (made.attempts, made.at_broken.low, made.at_broken.high) == ("3p/1f", 3.0, 3.0)


def test_a_link_on_which_something_lies_in_wait_is_not_broken(celled: Celled) -> None:
    trap = {"kind": "http_error", "status": 400, "on": {"kind": "provider", "last_role": "assistant"}}
    links = [celled(lambda index: 3, 1, faults=(DOWN, trap | {"may_miss": said})).broken for said in (True, False)]
    assert links == [["provider-east"], ["provider-east", "provider-west"]]


def test_a_request_that_was_tried_once_more_than_the_others_is_not_rounded_away(celled: Celled) -> None:
    made = celled(lambda index: 4 if index == 70 else 3, 1)
    assert made.attempts == "3.01p/1f"
    assert made.at_broken.high is not None
    assert made.at_broken.high > 3.01


def test_only_requests_that_lived_wholly_inside_the_fault_count(celled: Celled) -> None:
    # Of 8 s at 10 requests a second, those that were due in the last seconds outlive it.
    assert celled(lambda index: 1, 0, took_s=1.0).exposed == 71
    assert celled(lambda index: 1, 0, took_s=3.0).exposed == 51


def test_the_wait_is_until_whatever_came(celled: Celled) -> None:
    answered, refused = (
        celled(lambda index: 1, 0, took_s=2.0, **came_to) for came_to in ({}, {"outcome": "error", "status": 502})
    )
    assert (answered.wait_s.value, refused.wait_s.value) == pytest.approx((2.0, 2.0))
    assert (answered.good.value, refused.good.value) == (1.0, 0.0)
    assert (answered.otherwise, refused.otherwise) == ({}, {"status 502": refused.exposed})


def test_an_error_that_a_stream_tells_of_is_no_status(celled: Celled) -> None:
    told = celled(lambda index: 1, 0, outcome="error", status=200)
    assert told.otherwise == {"error inside an answer": told.exposed}


def test_the_gap_is_between_the_first_two_attempts_of_requests_that_made_two(celled: Celled) -> None:
    assert celled(lambda index: 2, 1).gap_s.value == pytest.approx(0.3)
    assert celled(lambda index: 1, 0).gap_s.value is None


def test_a_cell_asks_for_no_whole_table(celled: Celled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "frame", property(lambda _: pytest.fail("a whole table is made")))
    assert celled(lambda index: 2, 1).gap_s.value == pytest.approx(0.3)


def test_of_a_system_without_another_link_no_attempt_went_elsewhere(celled: Celled) -> None:
    both = {**DOWN, "on": {"kind": "provider"}}
    assert celled(lambda index: 3, 1, faults=(both,)).attempts == "4p/0f"


def test_where_attempts_leave_no_trace_none_are_told(celled: Celled) -> None:
    refused = {"kind": "regional_loss", "region": "east", "mode": "refuse"}
    made = celled(lambda index: 3, 1, faults=(refused,))
    assert (made.attempts, made.at_broken.value) == ("", None)


def test_where_nothing_was_to_be_broken_all_requests_count(celled: Celled) -> None:
    made = celled(lambda index: 1, 0, faults=())
    assert (made.exposed, made.attempts) == (160, "1p/0f")
    assert made.broken == ["provider-east", "provider-west"]


def test_a_run_that_never_came_to_its_fault_has_a_cell_without_numbers(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    plan = make_plan(phases=(1, 4, 8, 4), faults=(DOWN,))
    evidence = make_evidence(plan, requests=[], attempts=[], history=[])
    made = cell(concluded(evidence), evidence, "small/run")
    assert (made.exposed, made.attempts, made.otherwise) == (0, "", {})
    assert {made.at_broken.value, made.wait_s.value, made.gap_s.value, made.good.value} == {None}


@pytest.mark.parametrize(
    ("broken", "others", "short"),
    [(3, 1, "3p/1f"), (1, 0, "1p/0f"), (2.5, 0.25, "2.5p/0.2f"), (2.98, 1.04, "2.98p/1.04f")],
)
def test_attempts_in_short_are_whole_only_where_they_are(broken: float, others: float, short: str) -> None:
    assert in_short(Interval(broken), Interval(others)) == short


def test_the_status_of_a_scorecard_is_that_of_its_worst_cell_and_of_one_with_cells_missing_that_of_a_stop(
    celled: Celled,
) -> None:
    made = celled(lambda index: 3, 1)

    def status(*verdicts: Outcome, missing: int = 0) -> int:
        cells = [made.model_copy(update={"verdict": verdict}) for verdict in verdicts]
        return scorecard([], cells, replay="", versions={}, missing=missing).exit_status

    assert status("pass", "pass") == 0
    assert status("pass", "inconclusive", "fail") == EXIT_STATUS["fail"]
    assert status("fail", "invalid", "pass") == EXIT_STATUS["invalid"]
    assert status("pass", missing=1) == EXIT_STATUS["interrupted"]
    assert [worst(PRECEDENCE[place:]) for place in range(len(PRECEDENCE))] == list(PRECEDENCE)
