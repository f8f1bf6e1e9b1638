"""Attempts that did nobody any good, against small tables worked out by hand; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan
from typing import Any

import pytest
from simulated_world import tabled

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.plan import Plan
from harness.reading.expectation import Selection
from harness.record.rows import Arrival, Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
LOSS = {"kind": "regional_loss", "region": "east"}


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Try) -> Told:
    """A run in which each request of the fault becomes the attempts that *of* says, and all others one."""

    def evidence(of: Callable[[Request], list[Attempt]], gone: bool = False, **keys: Any) -> Evidence:
        plan = make_plan(phases=(1, 4, 8, 4), **keys)

        def change(index: int, due_s: float) -> dict[str, Any]:
            return {"outcome": "timed_out", "end_s": due_s + 4, "status": 0} if gone and 5 <= due_s < 13 else {}

        asked = rows(plan, change)
        tries = [one for row in asked for one in (of(row) if 5 <= row.due_s < 13 else [attempt(row)])]
        return make_evidence(plan, requests=asked, attempts=tries)

    return evidence


def in_fault(metric: str, evidence: Evidence, **labels: str) -> Interval:
    return metrics[metric].measure(pick(evidence, Selection("fault", tuple(labels.items()))))


def in_baseline(metric: str, evidence: Evidence) -> float | None:
    return metrics[metric].measure(pick(evidence, Selection("baseline"))).value


# orphaned_attempts


@pytest.mark.parametrize(
    ("start_s", "end_s", "orphaned"),
    [
        (3.9, 4.0, 0),  # given up with its client
        (3.9, 4.2, 0),  # a moment later
        (3.9, 4.3, 1),  # went on
        (4.5, 4.6, 1),  # begun for nobody
        (3.9, None, 1),  # never ended
    ],
)
def test_an_attempt_is_orphaned_that_goes_on_when_its_client_has_gone(
    told: Told, attempt: Try, start_s: float, end_s: float | None, orphaned: int
) -> None:
    def of(row: Request) -> list[Attempt]:
        ends_s = None if end_s is None else row.due_s + end_s
        return [attempt(row), attempt(row, start_s=row.due_s + start_s, end_s=ends_s)]

    evidence = told(of, gone=True)
    assert in_fault("orphaned_attempts", evidence).value == orphaned
    assert in_baseline("orphaned_attempts", evidence) == 0


def test_an_attempt_that_goes_on_when_another_has_answered_is_orphaned_too(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [attempt(row, end_s=row.due_s + 3), attempt(row, link="provider-west")])
    assert in_fault("orphaned_attempts", evidence).value == 1
    assert in_fault("orphaned_attempts", evidence, link="provider-east").value == 1
    assert in_fault("orphaned_attempts", evidence, link="provider-west").value == 0


def test_of_a_request_of_which_nobody_knows_when_it_ended_nothing_is_orphaned(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Try
) -> None:
    plan = make_plan(phases=(1, 4, 8, 4))
    asked = rows(plan, lambda index, due_s: {"outcome": "unfinished", "end_s": None})
    evidence = make_evidence(plan, requests=asked, attempts=[attempt(row, end_s=None) for row in asked])
    assert in_fault("orphaned_attempts", evidence).value == 0


# duplicate_completions


def test_each_whole_answer_beyond_the_first_is_one_too_many(told: Told, attempt: Try) -> None:
    def of(row: Request) -> list[Attempt]:
        late = row.due_s + 2
        return [
            attempt(row),
            attempt(row, start_s=row.due_s + 0.05, end_s=late),
            attempt(row, start_s=row.due_s + 0.05, end_s=late, link="provider-west"),
            attempt(row, start_s=row.due_s + 0.05, end_s=late, status=503),
            attempt(row, start_s=row.due_s + 0.05, end_s=late, outcome="truncated"),
        ]

    evidence = told(of)
    assert in_fault("duplicate_completions", evidence).value == 2
    assert in_fault("duplicate_completions", evidence, link="provider-west").value == 1
    assert in_baseline("duplicate_completions", evidence) == 0


@pytest.mark.parametrize(
    ("said", "start_s", "path", "many"),
    [
        (("a", "b"), 0.2, "/v1/chat/completions", 0),  # a tool was asked meanwhile
        (("a", "a"), 0.2, "/v1/chat/completions", 1),  # the same once more
        (("", "b"), 0.2, "/v1/chat/completions", 1),  # nobody knows
        (("a", "b"), 0.05, "/v1/chat/completions", 1),  # before the first had answered
        (("a", "b"), 0.2, "/v1/messages", 1),  # another API words the same otherwise
    ],
)
def test_who_asks_something_else_with_an_answer_makes_another_call(
    told: Told, attempt: Try, said: tuple[str, str], start_s: float, path: str, many: int
) -> None:
    def of(row: Request) -> list[Attempt]:
        first = attempt(row, end_s=row.due_s + 0.1, path="/v1/chat/completions")
        return [first, attempt(row, start_s=row.due_s + start_s, end_s=row.due_s + 0.3, path=path)]

    evidence = told(of)
    seen = [
        Arrival(one.link, one.start_s, one.nonce, status=200, outcome="complete", messages_sha256=digest)
        for _, tries in evidence.attempts.groupby("request")
        for one, digest in zip(tries.itertuples(), said, strict=False)
    ]
    evidence = replace(evidence, arrival_table=tabled(seen, Arrival), _made={})
    assert in_fault("duplicate_completions", evidence).value == many


# non_retryable_retries


@pytest.mark.parametrize(
    ("status", "vain"),
    [(400, 1), (401, 1), (404, 1), (422, 1), (408, 0), (409, 0), (429, 0), (500, 0), (503, 0), (200, 0)],
)
def test_another_try_is_in_vain_after_an_error_that_no_retry_can_mend(
    told: Told, attempt: Try, status: int, vain: int
) -> None:
    def of(row: Request) -> list[Attempt]:
        return [attempt(row, status=status), attempt(row, start_s=row.due_s + 0.5, end_s=row.due_s + 0.6)]

    assert in_fault("non_retryable_retries", told(of)).value == vain


@pytest.mark.parametrize(
    ("said", "vain"),
    [
        ({"error": "insufficient_quota"}, 1),
        ({"error": "GenerateRequestsPerDayPerProjectPerModel"}, 1),
        ({"should_retry": "false"}, 1),
        ({"error": "rate_limit_exceeded"}, 0),
        ({"should_retry": "true"}, 0),
        ({"error": "insufficient_quota", "should_retry": "true"}, 1),
    ],
)
def test_another_try_is_in_vain_after_a_429_that_says_it_stays(
    told: Told, attempt: Try, said: dict[str, str], vain: int
) -> None:
    def of(row: Request) -> list[Attempt]:
        return [attempt(row, status=429, **said), attempt(row, start_s=row.due_s + 0.5, end_s=row.due_s + 0.6)]

    assert in_fault("non_retryable_retries", told(of)).value == vain


def test_what_else_is_asked_of_a_link_is_no_other_try(told: Told, attempt: Try) -> None:
    def of(row: Request) -> list[Attempt]:
        chat = attempt(row, start_s=row.due_s + 0.5, end_s=row.due_s + 0.6, path="/v1/chat/completions")
        return [attempt(row, status=400, path="/v1/moderations"), chat]

    assert in_fault("non_retryable_retries", told(of)).value == 0


def test_what_was_asked_of_another_link_or_before_the_error_had_come_is_not_in_vain(told: Told, attempt: Try) -> None:
    def elsewhere(row: Request) -> list[Attempt]:
        return [attempt(row, status=401), attempt(row, link="provider-west", start_s=row.due_s + 0.5)]

    def hedged(row: Request) -> list[Attempt]:
        return [attempt(row, status=401), attempt(row, start_s=row.due_s + 0.02)]

    assert in_fault("non_retryable_retries", told(elsewhere)).value == 0
    assert in_fault("non_retryable_retries", told(hedged)).value == 0


# What answers are made with


def test_an_embedding_on_a_link_of_its_own_is_no_completion_and_its_chat_no_failover(told: Told, attempt: Try) -> None:
    def of(row: Request) -> list[Attempt]:
        embedding = attempt(row, link="provider-west", path="/v1/embeddings", end_s=row.due_s + 0.03)
        return [embedding, attempt(row, start_s=row.due_s + 0.04, path="/v1/chat/completions")]

    evidence = told(of)
    assert in_fault("duplicate_completions", evidence).value == 0
    assert in_fault("attempts_before_failover", evidence).value is None
    assert in_fault("fallback_ratio", evidence).value == 0
    assert in_fault("retry_amplification", evidence, layer="failover").value == 0
    assert in_fault("retry_amplification", evidence).value == 2


def test_a_chat_behind_another_one_on_another_link_is_both(told: Told, attempt: Try) -> None:
    def of(row: Request) -> list[Attempt]:
        first = attempt(row, link="provider-west", path="/v1/chat/completions", end_s=row.due_s + 0.03)
        return [first, attempt(row, start_s=row.due_s + 0.04, path="/v1/messages")]

    evidence = told(of)
    assert in_fault("duplicate_completions", evidence).value == 1
    assert in_fault("attempts_before_failover", evidence).value == 1
    assert in_fault("fallback_ratio", evidence).value == 1
    assert in_fault("retry_amplification", evidence, layer="failover").value == 1


# attempts_before_failover


def test_the_attempts_on_the_first_link_are_counted_of_those_that_were_tried_on_another(
    told: Told, attempt: Try
) -> None:
    def of(row: Request) -> list[Attempt]:
        stuck = [attempt(row, start_s=row.due_s + 0.01 * n, status=503) for n in range(3)]
        other = [attempt(row, start_s=row.due_s + 0.1, link="provider-west")]
        back = [attempt(row, start_s=row.due_s + 0.2)]
        return [*stuck, *other, *back] if row.index % 2 else stuck

    evidence = told(of)
    found = in_fault("attempts_before_failover", evidence)
    assert (found.value, found.n) == (3, 40)
    assert in_baseline("attempts_before_failover", evidence) is None


# All of them


WASTE = ["orphaned_attempts", "duplicate_completions", "non_retryable_retries", "attempts_before_failover"]


@pytest.mark.parametrize("metric", WASTE)
def test_where_no_attempt_is_joined_nothing_is_measured(
    metric: str, make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 4, 8, 4))
    strays = [Attempt("provider-east", row.due_s, status=200, outcome="complete", end_s=nan) for row in rows(plan)]
    assert in_fault(metric, make_evidence(plan, attempts=strays)).value is None


@pytest.mark.parametrize("metric", WASTE)
def test_each_is_refused_where_attempts_leave_no_trace(metric: str, make_plan: MakePlan) -> None:
    refusing = LOSS | {"mode": "refuse"}
    plan = make_plan(phases=(1, 4, 8, 4), faults=[refusing], expect=[f"{metric} <= 2 in fault"])
    assert "it would be unmeasured" in str(metrics[metric].unsettled(plan, plan.expectations[0]))
    plan = make_plan(phases=(1, 4, 8, 4), expect=[f"{metric} <= 2 in fault"])
    assert metrics[metric].unsettled(plan, plan.expectations[0]) is None


def test_a_limit_on_waste_is_held_and_broken_and_told_in_words(told: Told, attempt: Try) -> None:
    def of(row: Request) -> list[Attempt]:
        return [attempt(row, status=401), attempt(row, start_s=row.due_s + 0.5, end_s=row.due_s + 0.6)]

    expect = ["non_retryable_retries <= 0.1 in fault", "duplicate_completions <= 0.1 in fault"]
    found = judge(told(of, expect=expect)).findings
    assert [finding.verdict for finding in found] == ["fail", "pass"]
