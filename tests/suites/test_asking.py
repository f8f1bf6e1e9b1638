"""What a suite file asks for, what is wrong with one, and what is shown of it before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.prepare import Asked
from harness.problems import UsageProblems
from harness.suites.asking import planned, wanted
from harness.suites.validating import validate_file

SHIPPED = Path(__file__).resolve().parents[2] / "scenarios" / "suites"
SUITE = """schema: harness.suite/1
name: merge
scenarios: [region-loss.yaml, rate-limit.yaml]
targets: targets/resilient.yaml
settings:
  usual: {}
  busy: {load.rate_per_s: 40}
trials: 3
policy: {error_rate: 0.1, fail_on: [fail, inconclusive]}
budget: {time: 20min}
"""


@pytest.fixture
def suite(folder: Path) -> Path:
    path = folder / "merge.yaml"
    path.write_text(SUITE)
    return path


def test_a_suite_is_every_scenario_on_every_target_with_all_settings(suite: Path) -> None:
    asked = wanted([suite], [], Asked(), None)
    assert [(cell.name, cell.trials) for cell in asked.cells] == [
        ("region-loss (usual) on resilient", 3),
        ("rate-limit (usual) on resilient", 3),
        ("region-loss (busy) on resilient", 3),
        ("rate-limit (busy) on resilient", 3),
    ]
    assert [cell.prepared.plan.scenario.load.rate_per_s for cell in asked.cells[1:3]] == [20, 40]
    assert (asked.name, asked.as_one, asked.policy.error_rate, asked.budget.time) == ("merge", True, 0.1, 1200)


def test_what_the_command_line_says_stands_in_the_place_of_the_suite(suite: Path, folder: Path) -> None:
    fragile = folder / "targets" / "fragile.yaml"
    asked = wanted([suite], [fragile], Asked(seed=7, overrides=("load.rate_per_s=30",)), None, trials=2)
    assert {cell.system for cell in asked.cells} == {"fragile"}
    assert {(cell.trials, cell.prepared.plan.seed) for cell in asked.cells} == {(2, 7)}
    assert {cell.prepared.plan.scenario.load.rate_per_s for cell in asked.cells} == {30}
    assert f"--target {fragile} --seed 7 --set load.rate_per_s=30 --trials 2" in asked.replay


def test_the_plan_says_how_many_runs_how_long_and_how_much(suite: Path) -> None:
    lines, _ = planned(suite, None, Asked())
    assert lines[0].startswith("merge: 12 runs, about ")
    assert lines[0].endswith(" requests")
    assert any("a budget of 20 min" in line for line in lines)
    assert sum("3 x " in line for line in lines) == 4


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("trials: 3", "trails: 3", ":8 trails: unknown key; did you mean 'trials'?"),
        ("trials: 3", "trials: 0", ":8 trials: should be a whole number"),
        ("rate-limit.yaml]", "rate-limits.yaml]", ":3 scenarios[1]: there is no "),
        ("rate-limit.yaml]", "rate-limits.yaml]", "/rate-limits.yaml; did you mean "),
        ("rate-limit.yaml]", "targets/resilient.yaml]", "resilient.yaml is a harness.target/1 file; wanted here is harness.scenario/1"),
        ("targets: targets/resilient.yaml", "targets: resilient.yaml", ":4 targets[0]: there is no "),
        ("targets: targets/resilient.yaml", "targets: region-loss.yaml", "is a harness.scenario/1 file; wanted here is harness.target/1"),
        ("load.rate_per_s: 40", "load.rate: 40", ":7 settings.busy[\"load.rate\"]: unknown key"),
        ("load.rate_per_s: 40", "phases.fault: 2s", "can never settle it: "),
        ("load.rate_per_s: 40", "phases.fault: 2s", "(with the settings 'busy' of "),
        ("busy:", "Busy:", ":7 settings.Busy: "),
        ("20min", "20", ":10 budget.time: 20 is not a duration; write a number and a unit"),
        ("20min", "20min, money: 5", ":10 budget.money: target 'resilient' has no prices, so nothing is known of what a run costs"),
        ("0.1", "2", ":9 policy.error_rate: should be a number, above 0 and below 0.5, but is 2"),
        ("[fail, inc", "[inc", ":9 policy.fail_on: leaves out 'fail', so that what is broken would pass; add it"),
        ("harness.suite/1", "harness.suit/1", ":1 schema: unknown kind of file 'harness.suit/1'; did you mean 'harness.suite/1'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_suite_is_told_with_its_line(suite: Path, was: str, becomes: str, told: str) -> None:
    assert was in SUITE
    suite.write_text(SUITE.replace(was, becomes))
    said = "\n".join(map(str, validate_file(suite).problems))
    assert (f"{suite}{told}" if told.startswith(":") else told) in said


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("rate-limit.yaml]", "./region-loss.yaml]", ":3 scenarios[1]: region-loss.yaml is named twice"),
        ("20min", "20s", ":10 budget.time: 20 s do not suffice for one run of each, which take about "),
    ],
)
def test_what_may_not_have_been_meant_of_a_suite_is_told(suite: Path, was: str, becomes: str, told: str) -> None:
    suite.write_text(SUITE.replace(was, becomes))
    assert any(f"{suite}{told}" in str(warning) for warning in validate_file(suite).warnings)
    suite.write_text(SUITE)
    assert validate_file(suite).warnings == ()


def test_what_is_named_twice_is_run_as_often_as_what_is_named_once(suite: Path, folder: Path) -> None:
    suite.write_text(SUITE.replace("[region-loss.yaml, rate-limit.yaml]", "[region-loss.yaml, ./region-loss.yaml, .]"))
    cells = [cell.name for cell in wanted([suite], [], Asked(), None).cells]
    assert len(set(cells)) == len(cells)
    scenario, target = folder / "region-loss.yaml", folder / "targets" / "resilient.yaml"
    again = folder / "targets" / ".." / "region-loss.yaml"
    assert len(wanted([scenario, again, scenario], [target, target], Asked(), None).cells) == 1


def test_what_is_wrong_with_a_file_that_a_suite_names_is_wrong_with_the_suite(suite: Path, folder: Path) -> None:
    assert validate_file(suite).ok
    path = folder / "region-loss.yaml"
    path.write_text(path.read_text().replace("rate_per_s", "rate_per_sec"))
    assert any(problem.file == str(path) for problem in validate_file(suite).problems)


def test_a_suite_is_named_alone(suite: Path, folder: Path) -> None:
    with pytest.raises(UsageProblems, match="a suite says itself what is run; name it alone"):
        wanted([suite, folder / "region-loss.yaml"], [], Asked(), None)


def test_the_suites_that_ship_are_right() -> None:
    shipped = sorted(SHIPPED.glob("*.yaml"))
    assert shipped
    assert [validate_file(path).problems for path in shipped] == [()] * len(shipped)


def test_the_plan_of_a_scenario_says_how_many_trials_it_is(folder: Path) -> None:
    path, target = folder / "region-loss.yaml", folder / "targets" / "resilient.yaml"
    path.write_text(path.read_text() + "trials: 4\n")
    lines, _ = planned(path, target, Asked())
    assert lines[0].startswith("4 trials of this, about ")
    assert lines[2].startswith("region-loss on resilient")
