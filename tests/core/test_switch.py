"""The next version in the place of the one that serves: nothing is broken, and each request that failed for it is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simulated_world import Resilient, simulate

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.plan import Plan, plan
from harness.reading.expectation import Selection
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.rows import Request
from harness.running import loop

SWITCH = {"kind": "switch"}
EXPECT = ["failed_requests <= 0", "monotonic_violations <= 0"]


def test_the_target_is_told_once_when_it_begins_and_nothing_is_done_to_any_link(
    make_plan: Callable[..., Plan],
) -> None:
    made = make_plan(faults=[SWITCH])
    assert [(step.verb, step.at_s) for step in made.steps] == [("inject", 3), ("publish", 3), ("revert", 5)]
    assert [effect for d in made.disturbances for effect in d.effects] == []


def test_a_target_that_does_not_say_how_is_refused(
    make_scenario: Callable[..., Scenario], make_target: Callable[..., Target]
) -> None:
    _, problems = plan(make_scenario(faults=[SWITCH]), make_target(publish=None), ())
    assert "switch publishes a snapshot, and target 'two-regions' does not say how" in str(problems[0])


def test_who_is_not_disturbed_by_it_passes(make_plan: Callable[..., Plan]) -> None:
    made = make_plan(faults=[SWITCH], phases=(1, 8, 8, 8), expect=EXPECT)
    result = judge(simulate(made, Resilient, 1, loop.run))
    assert result.verdict == "pass", result.reason
    (fault,) = result.faults
    assert fault.confirmed


@pytest.mark.parametrize(("failed", "verdict"), [(0, "pass"), (1, "fail"), (30, "fail")])
def test_each_request_that_got_no_good_answer_counts_and_one_is_enough(
    make_plan: Callable[..., Plan],
    make_evidence: Callable[..., Evidence],
    rows: Callable[..., list[Request]],
    failed: int,
    verdict: str,
) -> None:
    made = make_plan(faults=[SWITCH], phases=(1, 10, 20, 10), expect=EXPECT[:1])

    def bad(index: int, due_s: float) -> dict[str, Any]:
        return {"outcome": "error", "status": 503} if 200 <= index < 200 + failed else {}

    evidence = make_evidence(made, requests=rows(made, bad))
    found = metrics["failed_requests"].measure(pick(evidence))
    assert found == Interval(failed, failed, failed, 400)
    assert metrics["failed_requests"].measure(pick(evidence, Selection("baseline"))).value == 0
    assert [finding.verdict for finding in judge(evidence).findings] == [verdict]


def test_what_the_end_of_the_load_cut_off_may_have_been_answered_yet(
    make_plan: Callable[..., Plan], make_evidence: Callable[..., Evidence], rows: Callable[..., list[Request]]
) -> None:
    made = make_plan(faults=[SWITCH], phases=(1, 10, 20, 10), expect=EXPECT[:1])

    def cut_off(index: int, due_s: float) -> dict[str, Any]:
        return {"outcome": "unfinished", "status": 0} if index == 399 else {}

    evidence = make_evidence(made, requests=rows(made, cut_off))
    assert metrics["failed_requests"].measure(pick(evidence)) == Interval(1, 0, 1, 400)
    assert [finding.verdict for finding in judge(evidence).findings] != ["fail"]


def test_a_switch_breaks_no_link(make_plan: Callable[..., Plan]) -> None:
    (disturbance,) = make_plan(faults=[SWITCH]).disturbances
    assert disturbance.links
    assert disturbance.broken == ()
