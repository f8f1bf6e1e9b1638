"""What a baseline has to show before a service can be said to be well again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.scoring.band import shown
from harness.planning.plan import Plan
from harness.record.rows import Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]

BAD = {"outcome": "error", "status": 500, "answer": None}
TIMES = ["recovery_time_s <= 5", "failover_time_s <= 3", "relapses <= 0"]


def back_to(ratio: float, from_s: float, to_s: float) -> Callable[[int, float], dict[str, Any]]:
    """All is bad from *from_s* until *to_s*, and from then on so large a share is good."""
    chance = random.Random(3)
    return lambda _, due_s: BAD if from_s <= due_s < to_s or (due_s >= to_s and chance.random() >= ratio) else {}


@pytest.mark.parametrize(
    ("baseline_s", "ratio", "came_to"),
    [
        # One good answer, or ten, may be a service's that fails every fourth time: it may be back where it was, or not.
        (0.1, 0.75, "inconclusive"),
        (1, 0.75, "inconclusive"),
        (0.1, 1, "pass"),
        (1, 1, "pass"),
        (1, 0.3, "fail"),
        # Those of 12 s are no chance.
        (12, 0.75, "fail"),
        (12, 1, "pass"),
    ],
)
def test_a_baseline_too_short_to_show_how_good_the_service_is_vouches_for_nothing_less(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, baseline_s: float, ratio: float, came_to: str
) -> None:
    plan = make_plan(phases=(1, baseline_s, 10, 30), expect=TIMES[:1])
    fault_s = 1 + baseline_s
    result = concluded(make_evidence(plan, requests=rows(plan, back_to(ratio, fault_s, fault_s + 10))))
    assert result.verdict == came_to
    assert ("too few to show how good the service is when it is well" in result.reason) == (came_to == "inconclusive")


def test_so_many_good_answers_show_that_a_service_is_as_good_as_is_asked() -> None:
    assert [shown(n, 0.95) for n in (0, 1, 50, 51, 52, 240)] == [False, False, False, False, True, True]
    assert shown(30, 0.8)
    assert not shown(150, 0.99 + 0.009)


@pytest.fixture
def one_region_dead(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows) -> Callable[[float], Result]:
    """The result where the west fails from the beginning but for a share, half of all that is asked, and half is all that is asked for."""

    def judged(share: float) -> Result:
        chance = random.Random(3)
        expect = [text.replace(" <=", "{region=west} <=") for text in TIMES]
        plan = make_plan(
            phases=(1, 10, 14, 20), expect=expect, good={"ratio": 0.5, "within": "4s"}, load={"rate_per_s": 20}
        )
        dead = rows(plan, lambda index, _: BAD if index % 2 and chance.random() >= share else {})
        return concluded(make_evidence(plan, requests=dead))

    return judged


def test_what_was_never_well_cannot_recover_and_has_not_relapsed(one_region_dead: Callable[[float], Result]) -> None:
    result = one_region_dead(0.0)
    assert {finding.verdict for finding in result.findings} == {"inconclusive"}
    assert {finding.value for finding in result.findings} == {None}
    assert "0 % were good in the baseline, and good.ratio asks for 50 %: nothing to return to" in result.reason


def test_what_is_as_well_as_is_asked_has_times(one_region_dead: Callable[[float], Result]) -> None:
    result = one_region_dead(0.9)
    assert [finding.verdict for finding in result.findings] == ["pass"] * 3
