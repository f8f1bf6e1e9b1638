"""The command that tries runs beside busy neighbours says of its results what holds and what does not, and leaves no neighbour behind."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from benchmarks.busy_neighbours import broken, matrix, neighbours, table

NAMED = "Other processes took 71 % of the processors in the fault: close what else runs on this machine."


def line(busy: int, target: str, verdict: str, reason: str = NAMED) -> dict[str, Any]:
    return {"busy": busy, "scenario": "region-loss", "target": target, "seed": 1, "verdict": verdict, "reason": reason}


@pytest.mark.parametrize(
    "lines",
    [
        [line(2, "default", "pass"), line(2, "fragile", "fail"), line(2, "default", "invalid")],
        [line(4, "default", "invalid"), line(4, "fragile", "invalid"), line(4, "default", "inconclusive")],
        [line(0, "default", "pass"), line(0, "fragile", "fail")],
    ],
)
def test_what_should_hold_holds(lines: list[dict[str, Any]]) -> None:
    assert list(broken(lines)) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(4, "default", "fail")], "region-loss on default beside 4, seed 1: fail"),
        ([line(4, "fragile", "pass")], "region-loss on fragile beside 4, seed 1: pass"),
        ([line(4, "default", "invalid", "The baseline was not steady.")], "the culprit is not named"),
        ([line(4, "default", "crashed", "It was not ready.")], "It was not ready."),
        ([line(2, "default", "invalid"), line(2, "fragile", "fail")], "beside 2: 1 of 2 invalid"),
        ([line(0, "default", "invalid"), *[line(0, "fragile", "fail")] * 9], "beside 0: 1 of 10 invalid"),
    ],
)
def test_what_does_not_hold_is_said(lines: list[dict[str, Any]], said: str) -> None:
    assert said in " ".join(broken(lines))


def test_the_whole_matrix_is_forty_runs_each_once() -> None:
    runs = list(matrix([2, 4], 5))
    assert len(runs) == len(set(runs)) == 40


def test_verdicts_are_counted_by_kind_of_run() -> None:
    (row,) = table([line(2, "default", "pass"), line(2, "default", "invalid"), line(2, "default", "pass")])
    assert row.split() == ["2", "busy", "region-loss", "default", "1", "invalid,", "2", "pass"]


def test_neighbours_are_there_and_go() -> None:
    before = {process.pid for process in psutil.Process().children()}
    with neighbours(2):
        there = [process for process in psutil.Process().children() if process.pid not in before]
        assert len(there) == 2
    assert not any(process.is_running() for process in there)
