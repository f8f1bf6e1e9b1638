"""What the wire did not carry is told whatever the verdict; what a defect of its own broke makes a run invalid."""

from __future__ import annotations

import pytest

from harness.judging.verdict import judge
from harness.record.rows import Arrival, ArrivalOutcome


def _ended(outcome: ArrivalOutcome, count: int, why: str = "two lengths that differ", **keys) -> list[Arrival]:
    return [Arrival("provider-east", 1.0 + number, outcome=outcome, detail=why, **keys) for number in range(count)]


@pytest.mark.parametrize("expect", ["good_ratio >= 0.5 in fault", "good_ratio <= 0.5 in fault"])
@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("unreadable", "3 answers could not be read on provider-east: two lengths that differ"),
        ("refused", "3 requests were refused by the wire on provider-east: two lengths that differ"),
    ],
)
def test_a_pass_and_a_failure_say_what_was_not_carried(make_plan, make_evidence, expect, outcome, said) -> None:
    judged = judge(make_evidence(make_plan(expect=[expect]), arrivals=_ended(outcome, 3)))
    assert judged.verdict == ("pass" if ">=" in expect else "fail")
    assert said in judged.reason


def test_what_the_wire_itself_broke_makes_a_run_invalid(make_plan, make_evidence) -> None:
    judged = judge(make_evidence(make_plan(), arrivals=_ended("broken", 1, "a defect of the harness: KeyError")))
    assert judged.verdict == "invalid"
    assert "he wire broke 1 request on provider-east: a defect of the harness: KeyError" in judged.reason


def test_what_was_carried_is_not_told(make_plan, make_evidence) -> None:
    judged = judge(make_evidence(make_plan(), arrivals=_ended("closed", 3, forwarded_s=4.0)))
    assert judged.verdict == "pass"
    assert "provider-east" not in judged.reason
