"""A prediction is held against the run after a change, and the exit status says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import explanation
from harness.explanation import Explained, held
from harness.judging.baseline import Baseline
from harness.judging.result import Outcome, Prediction, Result
from harness.prepare import Prepared
from harness.problems import UsageProblems
from harness.stored import Run, what_if

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "reports" / "sample"
Later = Callable[..., Result]


@pytest.fixture(scope="module")
def run() -> Run:
    return what_if(SAMPLE, ())


@pytest.fixture
def later(run: Run) -> Later:
    """A run after *run* that shows nothing of its diagnoses, in which a request of each phase became so many attempts."""

    def made(attempts: float | None, verdict: Outcome = "pass", diagnoses: Sequence[Any] = ()) -> Result:
        amplification = run.result.metrics["retry_amplification"]
        found = {name: one.model_copy(update={"value": attempts}) for name, one in amplification.by.phase.items()}
        by = amplification.by.model_copy(update={"phase": found})
        metrics: Mapping[str, object] = run.result.metrics | {
            "retry_amplification": amplification.model_copy(update={"by": by})
        }
        return run.result.model_copy(update={"metrics": metrics, "verdict": verdict, "diagnoses": list(diagnoses)})

    return made


def of_attempts(run: Run) -> list[Prediction]:
    return [one for found in run.result.diagnoses for one in found.predictions if one.metric == "retry_amplification"]


def every_id(run: Run) -> list[str]:
    return [found.id for found in run.result.diagnoses]


def came_to(run: Run, after: Result) -> set[str]:
    found = [
        one.came_to for one in held(run.result, after, every_id(run)) if one.prediction.metric == "retry_amplification"
    ]
    assert len(found) == len(of_attempts(run)) > 0
    return {*found}


def status(run: Run, after: Result, **keys: Any) -> int:
    every = tuple(
        one for one in held(run.result, after, every_id(run)) if one.prediction.metric == "retry_amplification"
    )
    return Explained(run, Run(SAMPLE, after, **keys), every).exit_status


def test_what_lies_in_the_interval_held_and_what_does_not_was_missed(run: Run, later: Later) -> None:
    inside = max(one.low for one in of_attempts(run)) + 0.01
    assert came_to(run, later(inside)) == {"held"}
    assert came_to(run, later(4.4)) == {"missed"}
    assert came_to(run, later(None)) == {"not measured"}
    assert came_to(run, later(inside, "invalid")) == {"not measured"}


def test_where_the_diagnosis_is_still_there_the_change_was_not_made(run: Run, later: Later) -> None:
    assert came_to(run, later(2.0, diagnoses=run.result.diagnoses)) == {"still there"}


@pytest.mark.parametrize(
    ("attempts", "verdict", "exit_status"),
    [
        (2.0, "pass", 0),
        (2.0, "fail", 1),
        (4.4, "pass", 1),
        (4.4, "inconclusive", 1),
        (2.0, "inconclusive", 3),
        (None, "pass", 3),
        (2.0, "invalid", 4),
        (2.0, "crashed", 70),
    ],
)
def test_the_exit_status_says_whether_a_prediction_held_and_the_run_passes(
    run: Run, later: Later, attempts: float | None, verdict: Outcome, exit_status: int
) -> None:
    assert status(run, later(attempts, verdict)) == exit_status


def test_a_run_that_was_interrupted_holds_nothing(run: Run, later: Later) -> None:
    assert status(run, later(2.0), stopped=True) == 130


def test_without_a_change_the_run_is_told_of_and_nothing_is_run(run: Run) -> None:
    def never(_one: Prepared, _before: Baseline) -> Run:
        raise AssertionError("nothing was to be run")

    explained = explanation.explain(SAMPLE, (), {}, never)
    assert (explained.after, explained.exit_status) == (None, 0)
    told = "\n".join(explained.told())
    assert "SDK 3 × application 3 = 9" in told
    assert "Retry amplification in the fault: 4.47 × now" in told


def test_the_same_run_is_made_again_with_the_change_and_nothing_else(
    run: Run, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    asked: list[Prepared] = []

    def carry_out(one: Prepared, before: Baseline) -> Run:
        asked.append(one)
        assert before.result.run_id == run.result.run_id
        return Run(SAMPLE, later(2.0))

    said: list[str] = []
    change = "target.services.assistant-east.env.SDK_RETRIES=0"
    explained = explanation.explain(SAMPLE, (change, "load.rate_per_s=10"), {}, carry_out, say=said.append)
    (one,) = asked
    assert one.asked.overrides == (change, "load.rate_per_s=10")
    assert one.plan.seed == run.result.seed
    assert one.plan.target.services["assistant-east"].env == {"SDK_RETRIES": "0"}
    assert one.plan.scenario.load.rate_per_s == 10
    assert any(line.startswith("held: Retry amplification in the fault") for line in explained.told())


def test_a_run_that_shows_nothing_says_so(run: Run) -> None:
    quiet = replace(run, result=run.result.model_copy(update={"diagnoses": []}))
    assert list(Explained(quiet).told()) == ["nothing that is known here is behind what this run came to"]


def test_the_predictions_of_the_diagnosis_that_a_change_is_for_are_held_alone(run: Run, later: Later) -> None:
    assert len(every_id(run)) > 1
    found = {one.diagnosis.id for one in held(run.result, later(2.0), ["retries_multiply"])}
    assert found == {"retries_multiply"}


def test_a_change_for_what_the_run_does_not_show_is_refused_before_anything_is_run() -> None:
    def never(_one: Prepared, _before: Baseline) -> Run:
        raise AssertionError("nothing was to be run")

    with pytest.raises(
        UsageProblems, match=r"--of: this run does not show 'retries_multipy'; did you mean 'retries_multiply'\?"
    ):
        explanation.explain(SAMPLE, ("load.rate_per_s=10",), {}, never, of=["retries_multipy"])
