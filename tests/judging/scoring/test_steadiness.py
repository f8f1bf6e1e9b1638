from __future__ import annotations

import numpy as np
import pytest

from harness.judging.scoring.steadiness import kept_up, steady


@pytest.mark.parametrize(("good", "ratio"), [(240, 0.95), (228, 0.95), (222, 0.95), (216, 0.8), (180, 0.8)])
def test_a_baseline_that_may_be_as_good_as_was_asked_for_is_steady(good: int, ratio: float) -> None:
    assert steady(good, 240, ratio)


@pytest.mark.parametrize(("good", "ratio"), [(0, 0.95), (200, 0.95), (220, 0.95), (175, 0.8), (230, 0.99)])
def test_a_baseline_that_cannot_be_is_not(good: int, ratio: float) -> None:
    assert not steady(good, 240, ratio)


def test_no_baseline_is_not_steady() -> None:
    assert not steady(0, 0, 0.5)


@pytest.mark.parametrize(("true", "ratio"), [(0.96, 0.95), (0.82, 0.8)])
def test_a_service_that_is_just_well_is_almost_never_called_unsteady(true: float, ratio: float) -> None:
    good = np.random.default_rng(0).binomial(240, true, 2_000)
    assert np.mean([not steady(int(k), 240, ratio) for k in good]) < 0.01


def test_a_load_on_time_kept_up() -> None:
    assert kept_up(0, 1_000, 0)
    assert kept_up(10, 1_000, 0)
    assert kept_up(3, 130, 0)


def test_a_late_load_or_one_that_left_requests_out_did_not() -> None:
    assert not kept_up(30, 1_000, 0)
    assert not kept_up(5, 130, 0)
    assert not kept_up(0, 1_000, 1)
    assert not kept_up(0, 0, 0)
