from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.judging.scoring import distributions
from harness.judging.scoring.distributions import (
    binomial_quantile,
    chance_above,
    log_evidence,
    poisson_bounds,
    student_quantile,
)
from harness.judging.scoring.shares import Z

fixed = settings(max_examples=60)


def test_z_is_the_normal_quantile() -> None:
    assert pytest.approx(stats.norm.ppf(0.975), rel=1e-12) == Z


@fixed
@given(st.sampled_from([0.025, 0.2, 0.975]), st.integers(1, 100_000), st.floats(0.001, 0.999))
def test_the_binomial_quantile_is_scipys(q: float, n: int, ratio: float) -> None:
    assert binomial_quantile(q, n, ratio) == stats.binom.ppf(q, n, ratio)


def test_the_binomial_quantile_of_what_never_or_always_happens_is_none_or_all() -> None:
    assert binomial_quantile(0.5, 10, 0.0) == 0
    assert binomial_quantile(0.5, 10, 1.0) == 10


@pytest.mark.parametrize("count", [0, 1, 2, 5, 17, 100, 1_000, 50_000])
def test_the_poisson_bounds_are_the_gamma_quantiles(count: int) -> None:
    low, high = poisson_bounds(count)
    assert low == pytest.approx(stats.gamma.ppf(0.025, count) if count else 0.0, rel=1e-9)
    assert high == pytest.approx(stats.gamma.ppf(0.975, count + 1), rel=1e-9)


@pytest.mark.parametrize("shape", [1.0, 1.5, 7.3, 400.0, 123_456.7])
def test_the_gamma_quantile_is_what_halving_its_bracket_comes_to(shape: float) -> None:
    low, high = 0.0, 2 * shape + 24.0
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if distributions._gamma_below(shape, middle) < 0.975 else (low, middle)
    assert distributions.gamma_quantile(0.975, shape) == pytest.approx(high, rel=1e-10)


@pytest.mark.parametrize("q", [0.025, 0.975])
@pytest.mark.parametrize("shape", [9_999_999.0, 10_000_001.0, 5e7])
def test_the_gamma_quantile_of_a_large_shape_is_scipys(q: float, shape: float) -> None:
    assert distributions.gamma_quantile(q, shape) == pytest.approx(stats.gamma.ppf(q, shape), rel=1e-9)


MANY = np.random.default_rng(3)
WAYS: dict[str, Callable[[int], np.ndarray]] = {
    "spread": lambda n: MANY.exponential(0.001, n),
    "counts": lambda n: MANY.integers(0, 4, n).astype(np.float64),
    "alike": lambda n: np.full(n, 7.0),
    "in turn": lambda n: np.resize([1.0, 5.0], n),
    "in order": lambda n: np.sort(MANY.random(n)),
    "other in the sample than elsewhere": lambda n: np.where(np.arange(n) % (n // 4096) == 0, 100.0, MANY.random(n)),
}


@pytest.mark.parametrize("n", [1, 2, 7, 65_537, 300_000, 300_001])
@pytest.mark.parametrize("way", WAYS)
def test_the_median_is_numpys_however_values_are_spread(way: str, n: int) -> None:
    values = WAYS[way](n) if n > 4096 or "sample" not in way else MANY.random(n)
    assert distributions.median(values) == np.median(values)


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 14, 59, 1_000, 100_000])
def test_the_student_quantile_is_scipys(freedom: int) -> None:
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-4)


def test_no_degree_of_freedom_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        student_quantile(0)


@fixed
@given(st.integers(0, 20_000), st.floats(0, 1), st.floats(0.01, 0.999))
def test_the_chance_above_is_that_of_the_beta_distribution(n: int, share: float, ratio: float) -> None:
    good = round(n * share)
    assert chance_above(good, n, ratio) == pytest.approx(stats.beta.sf(ratio, good + 0.5, n - good + 0.5), abs=1e-5)


@pytest.mark.parametrize(("good", "n"), [(0, 0), (0, 1), (1, 1), (300, 300), (0, 300), (59_999, 60_000)])
def test_the_chance_above_holds_at_the_edges(good: int, n: int) -> None:
    assert chance_above(good, n, 0.95) == pytest.approx(stats.beta.sf(0.95, good + 0.5, n - good + 0.5), abs=1e-5)


def test_the_evidence_is_the_beta_function_with_flat_priors() -> None:
    from scipy.special import betaln

    n = np.array([0, 1, 2, 10, 700, 60_000])
    good = np.array([0, 1, 1, 3, 699, 30_000])
    expected = betaln(good + 0.5, n - good + 0.5) - betaln(0.5, 0.5)
    assert log_evidence(good, n) == pytest.approx(expected, rel=1e-9, abs=1e-6)
