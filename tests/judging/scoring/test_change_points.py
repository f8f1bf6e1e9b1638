"""A change of level is found where one was planted, and noise of whatever shape is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from harness.judging.scoring.change_points import LEAST, by_ranks, changes, student_beyond

Noise = Callable[[np.random.Generator, int], np.ndarray]
NOISES: dict[str, Noise] = {
    "5 % between runs": lambda chance, n: np.exp(chance.normal(0, 0.05, n)),
    "20 % between runs": lambda chance, n: np.exp(chance.normal(0, 0.2, n)),
    "heavy tails": lambda chance, n: np.exp(chance.normal(0, 1.0, n)),
    "one in five is slow": lambda chance, n: np.where(chance.random(n) < 0.2, 5.0, 1.0),
    "one in twenty is nought": lambda chance, n: np.where(chance.random(n) < 0.05, 0.0, 1.0),
}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("n", [10, 40])
def test_noise_is_told_to_be_a_change_at_most_as_often_as_stated(noise: str, n: int) -> None:
    chance = np.random.default_rng(3)
    told = sum(bool(changes(NOISES[noise](chance, n).tolist())) for _ in range(400))
    # 1 in 100 is stated; of 400 so many at most in 999 of 1,000 repetitions.
    assert told <= stats.binom.ppf(0.999, 400, 0.01)


@pytest.mark.parametrize(("before", "after"), [(20, LEAST), (10, 10), (LEAST, 20)])
def test_a_planted_change_is_found_where_it_is_with_its_levels(before: int, after: int) -> None:
    chance, others = np.random.default_rng(4), 0
    for _ in range(50):
        values = np.r_[np.full(before, 1.6), np.full(after, 2.4)] * np.exp(chance.normal(0, 0.05, before + after))
        found = changes(values.tolist())
        others += len(found) - 1
        assert before in [one.at for one in found]
        if len(found) == 1:
            assert found[0].before == pytest.approx(values[:before].mean())
            assert found[0].after == pytest.approx(values[before:].mean())
    # On either side of it nothing changed.
    assert others <= stats.binom.ppf(0.999, 100, 0.01)


def test_a_level_that_came_and_went_is_two_changes() -> None:
    chance = np.random.default_rng(5)
    values = np.r_[np.full(9, 1.0), np.full(9, 2.0), np.full(9, 1.0)] * np.exp(chance.normal(0, 0.03, 27))
    assert [found.at for found in changes(values.tolist())] == [9, 18]


def test_a_step_that_is_smaller_than_runs_differ_is_none_however_sure() -> None:
    assert changes([1.0, 1.001] * 8 + [1.05, 1.051] * 8) == []
    assert changes([1.0, 1.001] * 8 + [1.10, 1.101] * 8) != []
    assert changes([1.0, 1.001] * 8 + [1.10, 1.101] * 8, floor=0.2) == []


def test_exactly_the_same_values_on_either_side_are_a_change_and_all_the_same_are_none() -> None:
    assert [found.at for found in changes([0.0] * 10 + [9.0] * 4)] == [10]
    assert changes([3.3] * 14) == []


def test_too_few_runs_never_tell_of_a_change() -> None:
    assert changes([]) == []
    assert changes([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) == []
    assert changes([1.0] * 12 + [9.0, 9.0]) == []


@pytest.mark.parametrize("freedom", [1, 2, 5, 18, 997])
@pytest.mark.parametrize("t", [0.0, 0.7, 2.0, 4.5])
def test_students_t_is_that_of_scipy(freedom: int, t: float) -> None:
    assert student_beyond(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), abs=1e-9)


def test_the_test_by_ranks_is_that_of_scipy() -> None:
    left, right = [1.0, 2.0, 2.0, 3.0, 4.0], [2.0, 5.0, 6.0, 6.0, 7.0, 9.0]
    known = stats.mannwhitneyu(left, right, method="asymptotic").pvalue
    assert by_ranks(left, right) == pytest.approx(known)


def hanging_together(chance: np.random.Generator, n: int, together: float) -> np.ndarray:
    """Numbers that vary by 5 %, each with so much in common with the one before it."""
    off = [chance.normal()]
    for new in chance.normal(0, np.sqrt(1 - together**2), n - 1):
        off.append(together * off[-1] + new)
    return 1 + 0.05 * np.array(off)


def test_runs_that_hang_together_are_seldom_told_to_have_changed_and_are_where_they_did() -> None:
    chance = np.random.default_rng(6)
    series = [hanging_together(chance, 40, 0.5) for _ in range(200)]
    # As if each stood for itself, 40 of them were told to have changed; `tests/benchmarks/change_points.py` prints how many are.
    assert sum(bool(changes(values.tolist())) for values in series) <= 12
    risen = [changes(np.r_[values[:20], 1.5 * values[20:]].tolist()) for values in series[:40]]
    assert sum(bool(found) for found in risen) >= 36
