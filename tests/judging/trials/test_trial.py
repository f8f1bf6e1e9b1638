"""A stored run is a trial: what it says of each expectation, by its text, and of each metric."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.judging.result import Result
from harness.judging.trials.compared import of_expectations
from harness.judging.trials.gate import over_trials
from harness.judging.trials.policy import Policy
from harness.judging.trials.trial import counted, limited, trial
from harness.reading.expectation import Verdict, parse

ROOT = Path(__file__).parents[3]
RUN = Result.model_validate_json((ROOT / "reports" / "sample" / "result.json").read_text())


def test_a_run_tells_of_each_expectation_by_its_text_and_by_what_it_limits() -> None:
    one = trial(RUN)
    assert RUN.findings
    for finding in RUN.findings:
        expectation = parse(finding.expectation)
        assert one.values[finding.expectation].value == finding.value
        assert one.values[limited(expectation)].unit == RUN.metrics[expectation.metric].unit
    assert set(of_expectations([parse(finding.expectation) for finding in RUN.findings])) <= set(one.values)


def test_a_run_tells_of_each_metric_whole_by_part_and_by_phase() -> None:
    one = trial(RUN)
    assert one.values["good_ratio"].value == RUN.metrics["good_ratio"].value
    assert one.values["latency_ms.p95"].value == RUN.metrics["latency_ms"].parts["p95"].value
    phase = RUN.phases[-1].name
    assert one.values[f"good_ratio in {phase}"].value == RUN.metrics["good_ratio"].by.phase[phase].value


def test_a_run_that_cannot_be_trusted_does_not_count() -> None:
    runs = [
        RUN.model_copy(update={"verdict": verdict}) for verdict in ("pass", "invalid", "fail", "crashed", "aborted")
    ]
    assert [one.verdict for one in counted(map(trial, runs))] == ["pass", "fail"]


def test_a_run_that_breaks_a_limit_which_its_number_keeps_says_so() -> None:
    finding = next(one for one in RUN.findings if one.expectation.startswith("recovery_time_s <="))
    kept = finding.model_copy(update={"value": 0.1, "low": 0.0, "high": 0.2, "censored": False})
    of = {
        verdict: RUN.model_copy(update={"findings": [kept.model_copy(update={"verdict": verdict})]})
        for verdict in ("pass", "inconclusive", "fail")
    }
    held = {verdict: trial(run).values[finding.expectation].at_best for verdict, run in of.items()}
    assert held == {"pass": "pass", "inconclusive": "inconclusive", "fail": "fail"}


@pytest.mark.parametrize(("beyond", "verdict"), [(0.0, "fail"), (-0.01, "inconclusive")])
def test_runs_that_each_lie_beyond_the_very_limit_break_it_together_too(beyond: float, verdict: Verdict) -> None:
    finding = next(one for one in RUN.findings if one.expectation.startswith("recovery_time_s <="))
    at_s = finding.limit + beyond
    told = {"value": at_s, "low": at_s, "high": None, "censored": True, "verdict": verdict}
    runs = [RUN.model_copy(update={"findings": [finding.model_copy(update=told)], "seed": seed}) for seed in range(5)]
    assert over_trials([parse(finding.expectation)], [*map(trial, runs)], Policy(most=5)).verdict == verdict
