"""What a service has done twice and not at all, against tables worked out by hand; beside each the twin that is in order."""

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
from harness.reading.expectation import WHOLE, Selection
from harness.reading.target import Target
from harness.record.effects import Effects
from harness.record.rows import Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Told = Callable[..., Evidence]
COUNT = {"get": "http://127.0.0.1:7/orders"}
IN_FAULT = Selection("fault")


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, make_target: Callable[..., Target], rows: Rows) -> Told:
    """A run in which *done* says how often something was done for each request, of whose answers those are not good that *bad* names."""

    def evidence(
        done: Callable[[Request], int] | None = lambda row: 1,
        bad: Callable[[float], bool] = lambda due_s: False,
        total: int | None = None,
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(of=make_target(effects=COUNT), phases=(1, 10, 20, 10), **keys)
        asked = rows(plan, lambda index, due_s: {"outcome": "timed_out"} if bad(due_s) else {})
        of_nonce = {row.nonce: count for row in asked if done and (count := done(row))}
        effects = Effects(sum(of_nonce.values()) if total is None else total, of_nonce)
        return make_evidence(plan, requests=asked, effects=effects)

    return evidence


def measure(evidence: Evidence, part: str, selection: Selection = IN_FAULT) -> Interval:
    return metrics["side_effects"].measure(pick(evidence, selection), part)


def broken(row: Request) -> bool:
    return 11 <= row.due_s < 31


def test_what_is_done_once_for_each_request_is_neither_twice_nor_lost(told: Told) -> None:
    assert measure(told(), "duplicated") == measure(told(), "lost") == Interval(0, 0, 0, 200)


def test_each_effect_beyond_the_first_of_its_request_is_one_too_many(told: Told) -> None:
    evidence = told(lambda row: 3 if broken(row) and row.index % 10 == 0 else 1)
    assert measure(evidence, "duplicated") == Interval(40, 40, 40, 200)
    assert measure(evidence, "duplicated", Selection("baseline")).value == 0
    assert measure(evidence, "duplicated", Selection("fault", (("entry", "west"),))).value == 0


def test_an_effect_is_lost_whose_request_was_answered(told: Told) -> None:
    evidence = told(lambda row: int(not broken(row)), bad=lambda due_s: 11 <= due_s < 21)
    assert measure(evidence, "lost") == Interval(100, 100, 100, 100)
    assert measure(evidence, "lost", Selection("recovery")).value == 0


@pytest.mark.parametrize(("total", "duplicated", "lost"), [(410, 0, 0), (425, 15, 0), (400, 0, 10), (0, 0, 410)])
def test_a_number_alone_says_what_is_above_and_below_of_the_whole_run(
    told: Told, total: int, duplicated: int, lost: int
) -> None:
    evidence = told(None, total=total)
    assert measure(evidence, "duplicated", WHOLE).value == duplicated
    assert measure(evidence, "lost", WHOLE).value == lost if total else True
    if total:
        assert measure(evidence, "duplicated").value is None
        assert "may hide one another" in metrics["side_effects"].remark(pick(evidence))


def test_where_nobody_counted_nothing_was_measured_and_a_limit_is_refused(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    plan = make_plan(expect=["side_effects.lost <= 0"])
    assert measure(make_evidence(plan), "lost").value is None
    assert "does not say where its effects are counted" in str(
        metrics["side_effects"].unsettled(plan, plan.expectations[0])
    )


def test_limits_on_effects_are_held_and_broken(told: Told) -> None:
    expect = ["side_effects.duplicated <= 0 in fault", "side_effects.lost <= 0 in fault"]
    assert [finding.verdict for finding in concluded(told(expect=expect)).findings] == ["pass", "pass"]
    twice = told(lambda row: 2 if row.index % 2 else 0, expect=expect)
    assert [finding.verdict for finding in concluded(twice).findings] == ["fail", "fail"]
