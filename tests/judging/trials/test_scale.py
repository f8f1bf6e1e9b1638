"""A scale on which runs of one thing differ by as much wherever on it they are."""

from __future__ import annotations

import pytest

from harness.judging.comparison import BETWEEN_RUNS_LEAST, between_runs
from harness.judging.trials.scale import Scale

VALUES = (0.0, 0.004, 0.05, 0.3, 0.49, 0.51, 0.8, 0.97, 1.0, 1.7, 3.0, 40.0, 142.0, 144.0, 500.0, 9000.0)


@pytest.mark.parametrize("unit", [*BETWEEN_RUNS_LEAST, "", "bananas"])
def test_a_value_comes_back_from_where_it_stands(unit: str) -> None:
    scale = Scale(unit, 2.0)
    for value in VALUES:
        if unit != "ratio" or value <= 1:
            assert scale.value(scale.at(value)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("unit", [unit for unit, least in BETWEEN_RUNS_LEAST.items() if least])
def test_a_step_on_the_scale_is_what_runs_are_said_to_differ_by(unit: str) -> None:
    scale, small = Scale(unit), 1e-6
    for value in VALUES[1:]:
        if unit != "ratio" or value < 1:
            step = (scale.at(value + small) - scale.at(value - small)) / (2 * small)
            assert step * between_runs(value, unit) == pytest.approx(1, rel=1e-3)
