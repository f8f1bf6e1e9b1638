"""For how long what answers stand on had been outdated, against tables worked out by hand; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.plan import Plan
from harness.reading.expectation import Selection
from harness.reading.target import Target
from harness.record.history import Event, Published
from harness.record.rows import Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Events = Callable[[Plan], list[Event]]
Told = Callable[..., Evidence]
PUBLISHED_S = 16.0
"""When snapshot 2 is acknowledged, 5 s into the fault."""


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, events: Events) -> Told:
    """A run in which snapshot 2 is published, and each answer stands on the version that *version* says of when it was due."""

    def evidence(version: Callable[[float], int | None], publish: bool = True, **keys: Any) -> Evidence:
        plan = make_plan(phases=(1, 10, 30, 10), **keys)
        asked = rows(plan, lambda index, due_s: {"snapshot_version": version(due_s)})
        *history, ended = events(plan)
        published = [Published(PUBLISHED_S, PUBLISHED_S - 0.1, 2)] if publish else []
        told = sorted([*history, *published], key=lambda event: getattr(event, "at_s", 0.0))
        return make_evidence(plan, requests=asked, history=[*told, ended])

    return evidence


def in_fault(evidence: Evidence, part: str) -> Interval:
    return metrics["staleness_s"].measure(pick(evidence, Selection("fault")), part)


def fresh(due_s: float) -> int:
    return 2 if due_s >= PUBLISHED_S else 1


def test_answers_on_the_newest_snapshot_are_not_stale(told: Told) -> None:
    for part in ("p50", "p95"):
        found = in_fault(told(fresh), part)
        assert (found.value, found.high) == (0, 0)


def test_an_answer_on_an_older_snapshot_is_as_stale_as_the_newer_one_is_old(told: Told) -> None:
    evidence = told(lambda due_s: 1)
    # Of 30 s of the fault the first 5 are fresh, and the last request is 25 s late.
    assert in_fault(evidence, "p50").value == pytest.approx(10, abs=0.3)
    assert in_fault(evidence, "p99").value == pytest.approx(24.7, abs=0.4)
    assert metrics["staleness_s"].measure(pick(evidence, Selection("baseline")), "p99").value == 0


def test_a_replica_that_follows_late_is_stale_until_it_has(told: Told) -> None:
    evidence = told(lambda due_s: 2 if due_s >= PUBLISHED_S + 4 else 1)
    assert in_fault(evidence, "p50").value == 0
    assert in_fault(evidence, "p99").value == pytest.approx(3.7, abs=0.3)


def test_where_nothing_was_published_or_nothing_names_its_snapshot_nothing_was_measured(told: Told) -> None:
    assert in_fault(told(fresh, publish=False), "p95").value is None
    assert in_fault(told(lambda due_s: None), "p95").value is None


def test_it_is_refused_where_it_could_not_be_known(make_plan: MakePlan, make_target: Callable[..., Target]) -> None:
    def why(**keys: Any) -> str:
        plan = make_plan(of=make_target(**keys), phases=(1, 10, 30, 10), expect=["staleness_s.p95 <= 5 in fault"])
        return str(metrics["staleness_s"].unsettled(plan, plan.expectations[0]))

    assert why() == "None"
    assert "ask.reply.snapshot_version" in why(ask={"protocol": "json", "reply": {"answer": "/answer"}})
    assert "publishes nothing" in why(publish=None)


def test_a_limit_on_staleness_is_held_and_broken(told: Told) -> None:
    expect = ["staleness_s.p95 <= 3 in fault"]
    assert concluded(told(fresh, expect=expect)).findings[0].verdict == "pass"
    assert concluded(told(lambda due_s: 1, expect=expect)).findings[0].verdict == "fail"
