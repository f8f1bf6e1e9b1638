"""How many requests a run may plan."""

from __future__ import annotations

from collections.abc import Callable

from harness.planning.plan import plan
from harness.reading.scenario import Scenario
from harness.reading.target import Target

MakeScenario = Callable[..., Scenario]


def test_a_run_of_more_requests_than_can_be_told_apart_is_refused(make_scenario: MakeScenario, target: Target) -> None:
    _, problems = plan(make_scenario(phases=(1, 1000, 2, 2), load={"rate_per_s": 20_000}), target, ())
    assert [problem.path for problem in problems] == ["load.rate_per_s"]
    assert "more than the 16773120 that a run can tell apart" in problems[0].what
    assert plan(make_scenario(phases=(1, 100, 2, 2), load={"rate_per_s": 20_000}), target, ())[1] == []
