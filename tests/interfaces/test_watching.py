"""What a program is told while a run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.interfaces.watching import Progress, Watching
from harness.planning.plan import Plan
from harness.reading.retries import Retries
from harness.record.rowfile import RowFile
from harness.record.rows import Attempt, Request
from harness.running import loop

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Ten requests a second for two seconds, each answered in half a second with two attempts."""
    requests, attempts = RowFile(tmp_path / "requests-0.rows"), RowFile(tmp_path / "attempts.rows")
    for index in range(20):
        due_s, nonce = 1_000 + index / 10, f"n-{index:010x}"
        requests.add(Request(index, 0, due_s, sent_s=due_s, end_s=due_s + 0.5, outcome="complete", nonce=nonce))
        for _ in range(2):
            attempts.add(Attempt("provider-east", due_s, nonce=nonce))
    requests.close()
    attempts.close()
    return tmp_path


def test_a_program_is_told_the_phase_the_faults_and_the_figures(plan: Plan, rows: Path) -> None:
    (disturbance,) = plan.disturbances
    told: list[Progress] = []
    with Watching(told.append, plan, rows, lambda: 1_003.0) as watching:
        watching.show(loop.Progress(20.0, {disturbance.id: disturbance}, {disturbance.id, "one that is over"}))
    assert told == [
        Progress(
            now_s=20.0,
            total_s=plan.total_s,
            phase="fault",
            left_s=plan.phase("fault").end_s - 20.0,
            in_force=(disturbance.id,),
            confirmed=(disturbance.id,),
            answered=20,
            good_per_s=pytest.approx(20 / 3),
            p95_s=pytest.approx(0.5),
            attempts_per_request=2.0,
        )
    ]


def test_a_program_is_told_how_often_clients_ask_where_they_ask_again(plan: Plan, rows: Path) -> None:
    load = plan.scenario.load.model_copy(update={"retries": Retries(max=2, deadline="4s")})
    asking_again = replace(plan, scenario=plan.scenario.model_copy(update={"load": load}))
    told: list[Progress] = []
    for each in (plan, asking_again):
        with Watching(told.append, each, rows, lambda: 1_003.0) as watching:
            watching.show(loop.Progress(20.0))
    assert [seen.presses_per_request for seen in told] == [None, 1.0]


def test_before_the_first_answer_there_are_no_figures_and_when_the_load_is_over_it_drains(
    plan: Plan, tmp_path: Path
) -> None:
    told: list[Progress] = []
    with Watching(told.append, plan, tmp_path) as watching:
        watching.show(loop.Progress(0.0))
        watching.show(loop.Progress(plan.total_s))
    assert [(seen.phase, seen.answered, seen.good_per_s, seen.p95_s) for seen in told] == [
        ("warmup", 0, None, None),
        ("draining", 0, None, None),
    ]


def test_a_function_that_fails_is_called_no_more_and_whoever_gave_it_is_warned_once(plan: Plan, tmp_path: Path) -> None:
    asked: list[Progress] = []

    def failing(progress: Progress) -> None:
        asked.append(progress)
        raise ZeroDivisionError("by nothing")

    with Watching(failing, plan, tmp_path) as watching:
        with pytest.warns(UserWarning, match="progress is told no more, .*ZeroDivisionError: by nothing"):
            watching.show(loop.Progress(1.0))
        watching.show(loop.Progress(2.0))
    assert len(asked) == 1


def test_ctrl_c_in_the_function_is_no_failure_of_it(plan: Plan, tmp_path: Path) -> None:
    def interrupted(_: Progress) -> None:
        raise KeyboardInterrupt

    with Watching(interrupted, plan, tmp_path) as watching, pytest.raises(KeyboardInterrupt):
        watching.show(loop.Progress(1.0))
