"""The generators keep what they promise: a benchmark on a wrong truth would hold the scores to it."""

from __future__ import annotations

from math import isnan, log
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from known_truth import cells, failures, recovery
from known_truth.arrivals import Arrivals, due
from known_truth.cells import Cell, Need
from known_truth.failures import Law, bursts, iid
from known_truth.shapes import backlog, exponential, linear, step


@pytest.mark.parametrize("arrivals", get_args(Arrivals))
def test_requests_come_at_their_rate_and_in_order(arrivals: Arrivals) -> None:
    due_s = due(np.random.default_rng(0), 20.0, 500.0, arrivals)
    assert due_s.size == pytest.approx(10_000, rel=0.03)
    assert np.all(np.diff(due_s) >= 0)
    assert 0 <= due_s[0] < due_s[-1] <= 500


@pytest.mark.parametrize("law", get_args(Law))
def test_bursts_have_their_share_and_their_length(law: Law) -> None:
    generator = np.random.default_rng(1)
    due_s = due(generator, 50.0, 20_000.0)
    good = bursts(generator, due_s, 0.95, 0.5, law)
    assert good.mean() == pytest.approx(0.95, abs=0.005)
    lengths = [failures.length(generator, 0.5, law) for _ in range(20_000)]
    assert np.mean(lengths) == pytest.approx(0.5, rel=0.03)
    assert np.mean(iid(generator, due_s, 0.95)) == pytest.approx(0.95, abs=0.005)


def test_a_burst_fails_together_and_single_failures_do_not() -> None:
    generator = np.random.default_rng(2)
    due_s = due(generator, 50.0, 2_000.0)
    together, apart = bursts(generator, due_s, 0.95, 0.5), iid(generator, due_s, 0.95)

    def after_a_failure(good: np.ndarray) -> float:
        return float((~good[1:][~good[:-1]]).mean())

    assert after_a_failure(together) > 0.9
    assert after_a_failure(apart) < 0.1


@pytest.mark.parametrize(
    ("shape", "true_s"),
    [
        (step(0.3, 4.0), 4.0),
        (exponential(0.3, 3.0), 3 * log(0.69 / 0.04)),
        (linear(0.3, 10.0), 10 * 0.65 / 0.69),
    ],
)
def test_a_shape_knows_when_it_comes_to_a_level(shape, true_s: float) -> None:
    assert shape.reaches(0.95) == pytest.approx(true_s, abs=1e-6)
    assert shape.levels(np.array([-1.0]))[0] == shape.in_fault


@pytest.mark.parametrize("shape", [exponential(0.0, 2.0), linear(0.3, 5.0), backlog(10.0)])
def test_a_climb_never_falls_and_ends_well(shape) -> None:
    levels = shape.levels(np.linspace(0, 60, 2_000))
    assert np.all(np.diff(levels) >= 0)
    assert levels[-1] > 0.98
    assert levels[0] <= 0.31


def test_what_does_not_count_is_left_out_of_the_mean() -> None:
    need = Need("red", "<=", 0.3)
    assert need.measured([{"red": True}, {"red": False}, {"red": None}, {}]) == (0.5, 2)
    assert isnan(need.measured([{"red": None}])[0])
    assert Need("squared_error", "<=", 1, root=True).measured([{"squared_error": 9.0}]) == (3.0, 1)
    assert need.holds(0.3)
    assert not need.holds(0.31)
    assert not Need("covered", ">=", 0.9).holds(0.89)


def test_a_run_is_the_same_again_and_another_seed_is_another_run() -> None:
    cell = next(cell for cell in recovery.cells() if cell.name.startswith("step from 0.6"))
    assert cell.run(3) == cell.run(3)
    assert cell.run(3) != cell.run(4)


def test_changed_code_is_measured_again(tmp_path: Path) -> None:
    module = tmp_path / "score.py"
    module.write_text("one = 1")
    cell = Cell("row", "name", lambda g: {}, (), (module,))
    before = cell.code
    cells.fingerprint.cache_clear()
    assert cell.code == before
    module.write_text("one = 2")
    cells.fingerprint.cache_clear()
    assert cell.code != before
