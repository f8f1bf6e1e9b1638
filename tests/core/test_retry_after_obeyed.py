"""Tries after a stated wait, against tables worked out by hand; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.plan import Plan
from harness.reading.expectation import Selection
from harness.record.rows import Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
METRIC = metrics["retry_after_obeyed"]
TWO_S = 2000.0


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Try) -> Told:
    """A run in which each request of the fault becomes a 429 with a wait, and then the tries that *of* says; all others one."""

    def evidence(of: Callable[[Request], list[Attempt]], wait_ms: float | None = TWO_S, **keys: object) -> Evidence:
        plan = make_plan(phases=(1, 4, 20, 4), **keys)

        def tried(row: Request) -> list[Attempt]:
            if not 5 <= row.due_s < 25:
                return [attempt(row)]
            said_s = row.due_s + 0.05
            limited = attempt(row, status=429, first_byte_s=said_s, end_s=said_s, retry_after_ms=wait_ms)
            return [limited, *of(row)]

        asked = rows(plan)
        return make_evidence(plan, requests=asked, attempts=[one for row in asked for one in tried(row)])

    return evidence


def again(attempt: Try, row: Request, after_s: float, **keys: object) -> Attempt:
    """A try so long after the answer that stated a wait."""
    return attempt(row, **({"start_s": row.due_s + 0.05 + after_s, "end_s": row.due_s + 4} | keys))


def in_fault(evidence: Evidence, **labels: str) -> Interval:
    return METRIC.measure(pick(evidence, Selection("fault", tuple(labels.items()))))


@pytest.mark.parametrize(("after_s", "obeyed"), [(2.0, 1), (1.995, 1), (60.0, 1), (1.9, 0), (0.0, 0)])
def test_a_try_obeys_that_comes_no_earlier_than_was_stated(
    told: Told, attempt: Try, after_s: float, obeyed: int
) -> None:
    found = in_fault(told(lambda row: [again(attempt, row, after_s)]))
    assert (found.value, found.n) == (obeyed, 200)


def test_each_try_counts_by_itself_and_a_share_of_them_is_that_share(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [again(attempt, row, 2.5 if row.index % 4 else 0.1)])
    found = in_fault(evidence)
    assert found.value == 0.75
    assert 0.6 < found.low < 0.75 < found.high < 0.9


def test_a_wait_binds_the_next_try_on_its_link_alone(told: Told, attempt: Try) -> None:
    def elsewhere(row: Request) -> list[Attempt]:
        return [again(attempt, row, 0.1, link="provider-west")]

    def twice(row: Request) -> list[Attempt]:
        return [again(attempt, row, 2.1, status=503), again(attempt, row, 2.2)]

    def hedged(row: Request) -> list[Attempt]:
        return [attempt(row, start_s=row.due_s + 0.04)]

    assert in_fault(told(elsewhere)).value is None
    assert (in_fault(told(twice)).value, in_fault(told(twice)).n) == (1, 200)
    assert in_fault(told(hedged)).value is None


def test_where_nothing_is_tried_after_a_wait_it_is_said_how_often_one_was_stated(told: Told, attempt: Try) -> None:
    sample = pick(told(lambda row: []), Selection("fault"))
    assert METRIC.measure(sample).value is None
    assert METRIC.remark(sample) == "a wait was stated 200 times, and nothing was tried on that link after one"
    sample = pick(told(lambda row: [again(attempt, row, 0.1)], wait_ms=None), Selection("fault"))
    assert (METRIC.measure(sample).value, METRIC.remark(sample)) == (None, "")


def test_a_link_can_be_asked_about(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [again(attempt, row, 0.1)])
    assert in_fault(evidence, link="provider-east").value == 0
    assert in_fault(evidence, link="provider-west").value is None


def test_a_limit_is_held_and_broken(told: Told, attempt: Try) -> None:
    expect = ["retry_after_obeyed >= 0.9 in fault"]
    assert concluded(told(lambda row: [again(attempt, row, 2.1)], expect=expect)).findings[0].verdict == "pass"
    assert concluded(told(lambda row: [again(attempt, row, 0.1)], expect=expect)).findings[0].verdict == "fail"


@pytest.mark.parametrize(("after_s", "ignored"), [(2.0, 0), (0.1, 1)])
def test_a_try_that_comes_earlier_than_was_stated_ignores_the_wait(
    told: Told, attempt: Try, after_s: float, ignored: int
) -> None:
    evidence = told(lambda row: [again(attempt, row, after_s)])
    assert metrics["waits_ignored"].measure(pick(evidence, Selection("fault"))).value == ignored


def test_who_turns_elsewhere_in_place_of_waiting_ignores_nothing_and_obeys_nothing(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [again(attempt, row, 0.1, link="provider-west")])
    assert metrics["waits_ignored"].measure(pick(evidence, Selection("fault"))).value == 0
    assert in_fault(evidence).value is None
