from __future__ import annotations

import numpy as np
import pytest
from known_truth.arrivals import due
from known_truth.failures import bursts, iid

from harness.judging.scoring.shares import wilson
from harness.judging.scoring.steadiness import kept_up, steady

BASELINE_S = 12.0
DUE = np.arange(240) / 20


def spread(bad: int, n: int = 240) -> np.ndarray:
    """So many failures of *n*, as far apart as can be."""
    good = np.ones(n, np.bool_)
    good[np.linspace(0, n - 1, bad).astype(int)] = False
    return good


@pytest.mark.parametrize(("good", "ratio"), [(240, 0.95), (228, 0.95), (222, 0.95), (216, 0.8), (180, 0.8)])
def test_a_baseline_that_may_be_as_good_as_was_asked_for_is_steady(good: int, ratio: float) -> None:
    assert steady(DUE, spread(240 - good), ratio)


@pytest.mark.parametrize(("good", "ratio"), [(0, 0.95), (200, 0.95), (220, 0.95), (175, 0.8), (230, 0.99)])
def test_a_baseline_that_cannot_be_is_not(good: int, ratio: float) -> None:
    assert not steady(DUE, spread(240 - good), ratio)


def test_no_baseline_is_not_steady() -> None:
    assert not steady([], [], 0.5)


def test_the_order_of_rows_changes_nothing() -> None:
    good = (DUE < 4) | (DUE >= 5)
    assert steady(DUE, good, 0.95)
    assert steady(DUE[::-1], good[::-1], 0.95)


@pytest.mark.parametrize(("true", "ratio"), [(0.96, 0.95), (0.82, 0.8)])
def test_a_service_that_is_just_well_is_almost_never_called_unsteady(true: float, ratio: float) -> None:
    seen = [iid(np.random.default_rng(seed), DUE, true) for seed in range(200)]
    assert np.mean([not steady(DUE, good, ratio) for good in seen]) < 0.02


@pytest.mark.parametrize("rate_per_s", [5.0, 20.0, 100.0])
@pytest.mark.parametrize("law", ["fixed", "exponential", "log-normal"])
def test_a_service_that_fails_in_clumps_of_its_own_is_steady(rate_per_s: float, law: str) -> None:
    unsteady, of_counts = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        due_s = due(generator, rate_per_s, BASELINE_S)
        good = bursts(generator, due_s, 0.98, 1.0, law)
        unsteady.append(not steady(due_s, good, 0.95))
        of_counts.append(wilson(int(good.sum()), good.size).high < 0.95)
    assert np.mean(unsteady) <= 0.08
    # Counts alone call a single burst of a second unsteady.
    assert rate_per_s < 20 or np.mean(of_counts) >= 0.05


UNSTEADY = {
    "a drift": lambda t: 0.99 - 0.49 * t / BASELINE_S,
    "a slow drift": lambda t: 0.99 - 0.19 * t / BASELINE_S,
    "a step to nothing": lambda t: np.where(t < 8, 0.99, 0.0),
    "a step to nothing at the end": lambda t: np.where(t < 10, 0.99, 0.0),
    "a step to a half": lambda t: np.where(t < 8, 0.99, 0.5),
    "a step to four fifths": lambda t: np.where(t < 8, 0.99, 0.8),
    "an outage of 4 s": lambda t: np.where((t > 4) & (t < 8), 0.0, 0.99),
    "a bad start": lambda t: np.where(t < 2, 0.0, 0.99),
    "17 of 20, all the time": lambda t: 0.85 + 0 * t,
}


@pytest.mark.parametrize("rate_per_s", [20.0, 100.0])
@pytest.mark.parametrize("shape", UNSTEADY)
def test_a_baseline_that_drifts_or_breaks_off_is_not_steady(rate_per_s: float, shape: str) -> None:
    found = []
    for seed in range(30):
        generator = np.random.default_rng(seed)
        due_s = due(generator, rate_per_s, BASELINE_S)
        found.append(not steady(due_s, generator.random(due_s.size) < UNSTEADY[shape](due_s), 0.95))
    assert np.mean(found) >= 0.85


def test_a_load_on_time_kept_up() -> None:
    assert kept_up(0, 1_000, 0)
    assert kept_up(10, 1_000, 0)
    assert kept_up(3, 130, 0)


def test_a_late_load_or_one_that_left_requests_out_did_not() -> None:
    assert not kept_up(30, 1_000, 0)
    assert not kept_up(5, 130, 0)
    assert not kept_up(0, 1_000, 1)
    assert not kept_up(0, 0, 0)
