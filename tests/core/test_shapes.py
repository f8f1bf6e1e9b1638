"""The shape of a load: which rate it makes of each moment, how a plan shows it, and what of it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from harness.judging.sample import planned, rate_per_s
from harness.planning.outline import outline
from harness.planning.plan import Plan, plan
from harness.reading.expectation import Selection
from harness.reading.scenario import Scenario
from harness.reading.shapes import EXAMPLES, LoadShape
from harness.reading.target import Target

MakePlan = Callable[..., Plan]
# warm-up to 1 s, baseline to 11 s, fault to 21 s, recovery to 31 s
PHASES = (1, 10, 10, 10)


def shaped(make_plan: MakePlan, shape: dict[str, Any], **load: Any) -> Plan:
    return make_plan(phases=PHASES, load={"rate_per_s": 20, "shape": shape, **load})


@pytest.mark.parametrize(
    ("shape", "rates", "most_per_s", "requests"),
    [
        ({"steps": {"fault": 40, "recovery": 2}}, {0.5: 20, 10.9: 20, 11.1: 40, 20.9: 40, 21.1: 2}, 40, 640),
        ({"steps": {"fault": 0}}, {10.9: 20, 11.1: 0, 21.1: 20}, 20, 420),
        ({"ramp": {"over": "fault", "to": 60}}, {10.9: 20, 16.0: 40, 20.0: 56, 30.0: 60}, 60, 1220),
        ({"ramp": {"over": "fault", "from": 40, "to": 0}}, {0.5: 40, 16.0: 20, 30.0: 0}, 40, 640),
        ({"spike": {"at": "fault + 3s", "for": "2s", "to": 100}}, {13.9: 20, 14.1: 100, 15.9: 100, 16.1: 20}, 100, 780),
        ({"spike": {"at": "recovery", "for": "10s", "to": 1}}, {20.9: 20, 21.1: 1, 30.9: 1}, 20, 430),
        ({"sine": {"by": 0.5, "period": "20s"}}, {0.0: 20, 5.0: 30, 15.0: 10, 20.0: 20}, 30, 680),
    ],
)
def test_each_moment_has_the_rate_that_the_shape_says(
    make_plan: MakePlan, shape: dict[str, Any], rates: dict[float, float], most_per_s: float, requests: int
) -> None:
    schedule = shaped(make_plan, shape).schedule
    assert {at_s: schedule.per_s_at(at_s) for at_s in rates} == pytest.approx(rates)
    assert schedule.most_per_s == most_per_s
    assert schedule.requests == pytest.approx(requests, abs=6 if "sine" in shape else 0)
    assert len(list(schedule.due_times())) == schedule.requests


def test_after_its_end_no_request_is_due(make_plan: MakePlan) -> None:
    assert shaped(make_plan, {"steps": {"fault": 40}}).schedule.per_s_at(31.0) == 0


def test_how_many_requests_there_will_be_is_known_of_each_phase_and_entry(make_plan: MakePlan) -> None:
    made = shaped(make_plan, {"steps": {"fault": 40, "recovery": 2}})
    assert [planned(made, Selection(name)) for name in ("baseline", "fault", "recovery")] == [200, 400, 20]
    assert planned(made, Selection("fault", (("entry", "east"),))) == 200
    assert rate_per_s(made, Selection("fault")) == 40
    assert rate_per_s(made, Selection("recovery", (("entry", "east"),))) == 1
    assert rate_per_s(made, Selection()) == pytest.approx(620 / 30)


def test_a_plan_draws_the_curve_and_says_it(make_plan: MakePlan) -> None:
    text = "\n".join(outline(shaped(make_plan, {"steps": {"fault": 40, "recovery": 5}})))
    (drawn,) = [line for line in text.splitlines() if line.startswith("load, to 40/s")]
    assert drawn.split()[-1] == "▄" * 21 + "█" * 20 + "▁" * 19
    assert "(20 per second, 40 in fault, 5 in recovery, constant)" in text


def test_a_plan_of_one_rate_draws_none(make_plan: MakePlan) -> None:
    assert "load, to" not in "\n".join(outline(make_plan(phases=PHASES)))


@pytest.mark.parametrize(
    ("shape", "path", "said"),
    [
        ({"steps": {"falt": 40}}, "load.shape.steps.falt", "there is no such phase; did you mean 'fault'?"),
        (
            {"ramp": {"over": "falt", "to": 4}},
            "load.shape.ramp.over",
            "there is no phase 'falt'; did you mean 'fault'?",
        ),
        (
            {"spike": {"at": "soon", "for": "2s", "to": 4}},
            "load.shape.spike.at",
            "'soon' is in no phase of this scenario",
        ),
        (
            {"spike": {"at": "recovery + 9s", "for": "2s", "to": 4}},
            "load.shape.spike.for",
            "would last until 32 s, and the load ends at 31 s",
        ),
        ({"steps": {"baseline": 0}}, "phases.baseline", "no request would be due in 10 s at 0 per second"),
    ],
)
def test_a_shape_that_does_not_fit_the_phases_is_refused_with_what_would(
    make_scenario: Callable[..., Scenario], target: Target, shape: dict[str, Any], path: str, said: str
) -> None:
    scenario = make_scenario(phases=PHASES, load={"shape": shape})
    _, problems = plan(scenario, target, ())
    assert [problem.path for problem in problems] == [path]
    assert problems[0].what.startswith(said)


@pytest.mark.parametrize("shape", [{}, {"sine": {"by": 0.5, "period": "2s"}, "steps": {"fault": 1}}])
def test_a_shape_is_one_of_them(make_scenario: Callable[..., Scenario], shape: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="write one"):
        make_scenario(phases=PHASES, load={"shape": shape})


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_shape_that_is_a_name_alone_is_told_how_it_is_written(name: str) -> None:
    with pytest.raises(ValueError, match="is no more than a name; write such as") as refused:
        LoadShape.model_validate(name)
    (example,) = re.findall(r"write such as (\{.*\}) \[", str(refused.value))
    assert getattr(LoadShape.model_validate(yaml.safe_load(example)), name) is not None


@pytest.mark.parametrize("shape", ["constant", {"constant": 5}])
def test_a_load_of_one_rate_needs_no_shape(shape: object) -> None:
    with pytest.raises(ValueError, match=r"leave shape out, and write load\.rate_per_s"):
        LoadShape.model_validate(shape)
