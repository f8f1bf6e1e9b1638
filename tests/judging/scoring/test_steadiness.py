from __future__ import annotations

import numpy as np
import pytest

from harness.judging.scoring.steadiness import kept_up, steady


@pytest.mark.parametrize("good", [240, 228, 222])
def test_a_baseline_that_may_be_well_is_steady(good: int) -> None:
    assert steady(good, 240)


@pytest.mark.parametrize("good", [0, 200, 220])
def test_a_baseline_that_cannot_be_well_is_not(good: int) -> None:
    assert not steady(good, 240)


def test_no_baseline_is_not_steady() -> None:
    assert not steady(0, 0)


def test_a_service_that_is_just_well_is_almost_never_called_unsteady() -> None:
    good = np.random.default_rng(0).binomial(240, 0.96, 2_000)
    assert np.mean([not steady(int(k), 240) for k in good]) < 0.01


def test_a_load_on_time_kept_up() -> None:
    assert kept_up(0, 1_000, 0)
    assert kept_up(10, 1_000, 0)
    assert kept_up(3, 130, 0)


def test_a_late_load_or_one_that_left_requests_out_did_not() -> None:
    assert not kept_up(30, 1_000, 0)
    assert not kept_up(5, 130, 0)
    assert not kept_up(0, 1_000, 1)
    assert not kept_up(0, 0, 0)
