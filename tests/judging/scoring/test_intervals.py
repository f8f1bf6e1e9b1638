from __future__ import annotations

from math import inf
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.interval import UNMEASURED
from harness.judging.scoring.intervals import clustered_share, quantile
from harness.judging.scoring.shares import exact, wilson, wilson_ends

fixed = settings(max_examples=60)


@fixed
@given(st.integers(1, 100_000), st.floats(0, 1))
def test_wilsons_interval_is_scipys(n: int, share: float) -> None:
    good = round(n * share)
    found, expected = wilson(good, n), stats.binomtest(good, n).proportion_ci(method="wilson")
    assert found.value == good / n
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@fixed
@given(st.integers(1, 500), st.floats(0, 1), st.integers(2, 50))
def test_more_samples_of_the_same_ratio_narrow_wilsons_interval(n: int, share: float, times: int) -> None:
    good = round(n * share)
    few, many = wilson(good, n), wilson(good * times, n * times)
    assert many.high - many.low < few.high - few.low


def test_three_hundred_good_answers_prove_no_more_than_0_987() -> None:
    assert wilson(300, 300).low == pytest.approx(0.9874, abs=1e-4)
    assert wilson(380, 380).low < 0.99 <= wilson(381, 381).low
    assert wilson(72, 72).low < 0.95 <= wilson(73, 73).low


def test_wilsons_interval_never_leaves_its_edges() -> None:
    assert (wilson(0, 5).low, wilson(5, 5).high) == (0.0, 1.0)


def test_wilsons_interval_covers_the_truth_95_times_of_100() -> None:
    generator = np.random.default_rng(1)
    covers = [w.low <= 0.9 <= w.high for w in (wilson(int(k), 300) for k in generator.binomial(300, 0.9, 2_000))]
    assert 0.93 <= np.mean(covers) <= 0.97


def test_a_share_of_more_than_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="4 good of 3"):
        wilson(4, 3)
    with pytest.raises(ValueError, match="-1 good of 3"):
        wilson(-1, 3)


def test_nothing_seen_is_unmeasured_and_not_0() -> None:
    assert wilson(0, 0) == UNMEASURED
    assert exact(0, 0) == UNMEASURED
    assert quantile([], 0.5) == UNMEASURED
    assert clustered_share([], []) == UNMEASURED


def test_a_count_of_this_run_is_exact_from_the_first_chance_on() -> None:
    assert (exact(0, 1).low, exact(0, 1).value, exact(0, 1).high) == (0, 0, 0)
    assert (exact(24, 300).low, exact(24, 300).high, exact(24, 300).n) == (24, 24, 300)


def test_a_negative_count_is_an_error() -> None:
    with pytest.raises(ValueError, match="negative"):
        exact(-1, 3)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [10, 60, 300, 5_000])
def test_a_quantile_lies_between_the_binomial_ranks(n: int, q: float) -> None:
    sample = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    lower, upper = stats.binom.ppf(0.025, n, q), stats.binom.ppf(0.975, n, q) + 1
    found = quantile(sample, q)
    assert found.low == (lower if lower >= 1 else -inf)
    assert found.high == (upper if upper <= n else inf)
    assert found.value == np.quantile(sample, q, method="inverted_cdf")


def test_a_high_quantile_of_few_samples_has_no_upper_bound() -> None:
    assert quantile(np.arange(50), 0.99).high == inf
    assert quantile(np.arange(1_000), 0.99).high < inf


def test_a_quantile_covers_the_truth_at_least_95_times_of_100() -> None:
    generator = np.random.default_rng(2)
    true = stats.lognorm.ppf(0.95, 0.6)
    found = [quantile(generator.lognormal(0, 0.6, 300), 0.95) for _ in range(600)]
    assert np.mean([interval.low <= true <= interval.high for interval in found]) >= 0.94


def test_a_quantile_among_the_unanswered_is_at_least_what_they_were_waited_for_and_has_no_end() -> None:
    found = quantile(np.arange(40.0), 0.95, [100.0] * 60)
    assert (found.value, found.low, found.high, found.censored, found.n) == (100, 100, inf, True, 100)
    assert quantile(np.arange(40.0), 0.2, [100.0] * 60) == quantile(np.r_[np.arange(40.0), np.full(60, 1e9)], 0.2)
    assert quantile([], 0.5, [3.0, 3.0]).low == -inf  # two say nothing of where the median begins


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_a_quantile_of_values_that_are_worth_fewer_is_that_of_so_many(q: float) -> None:
    values = np.arange(1.0, 901)
    whole, tenth, few = quantile(values, q), quantile(values, q, worth=90), quantile(np.arange(1.0, 91) * 10, q)
    assert tenth.value == whole.value
    assert (tenth.low, tenth.high) == pytest.approx((few.low, few.high), abs=10)
    assert tenth.low < whole.low
    assert whole.high < tenth.high
    assert quantile(values, q, worth=900) == whole


def test_a_high_quantile_of_what_is_worth_too_little_has_no_upper_bound() -> None:
    assert quantile(np.arange(900), 0.99).high < inf
    assert quantile(np.arange(900), 0.99, worth=90).high == inf


@fixed
@given(
    st.lists(st.floats(0, 1e3), max_size=60),
    st.lists(st.floats(0, 1e3), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
)
def test_whenever_the_unanswered_would_have_ended_the_quantile_lies_inside(
    answered: list[float], waited: list[float], q: float
) -> None:
    found = quantile(answered, q, waited)
    for later in (0.0, 1.0, 1e4):
        known = quantile([*answered, *(value + later * (i % 3) for i, value in enumerate(waited))], q)
        assert found.low <= known.low
        assert known.high <= found.high
        assert found.low <= known.value <= found.high


@fixed
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0.01, 0.99), st.randoms(use_true_random=False)
)
def test_a_quantile_holds_its_value_whatever_the_order(sample: list[float], q: float, chance: Random) -> None:
    found = quantile(sample, q)
    assert found.value is not None
    assert found.low <= found.value <= found.high
    shuffled = list(sample)
    chance.shuffle(shuffled)
    assert quantile(shuffled, q) == found


def test_a_quantile_outside_0_to_1_or_of_nan_is_an_error() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], 95)
    with pytest.raises(ValueError, match="NaN"):
        quantile([1.0, float("nan")], 0.5)


def test_samples_that_resemble_their_cluster_are_worth_fewer() -> None:
    question = np.repeat(np.arange(60), 5)
    together, apart = question % 10 > 0, np.arange(300) % 10 > 0
    assert together.mean() == apart.mean() == 0.9
    assert clustered_share(together, question).low < wilson(270, 300).low - 0.02
    assert clustered_share(apart, question).low == pytest.approx(wilson(270, 300).low, abs=0.001)


def test_a_share_by_cluster_is_never_narrower_than_wilsons() -> None:
    question = np.repeat(np.arange(60), 5)
    assert clustered_share(np.ones(300), question).low == wilson(300, 300).low
    evenly = np.tile([True, True, True, True, False], 60)  # each question exactly 4 of 5
    assert clustered_share(evenly, question).low == wilson(240, 300).low


def test_a_share_by_cluster_covers_the_truth_where_wilson_does_not() -> None:
    generator = np.random.default_rng(3)
    question = np.repeat(np.arange(60), 5)
    clustered, plain = [], []
    for _ in range(400):
        good = (generator.random(60) < 0.8)[question]
        found, naive = clustered_share(good, question), wilson(int(good.sum()), good.size)
        clustered.append(found.low <= 0.8 <= found.high)
        plain.append(naive.low <= 0.8 <= naive.high)
    assert np.mean(clustered) >= 0.93
    assert np.mean(plain) < 0.8


def test_two_clusters_that_differ_are_worth_one_sample() -> None:
    found = clustered_share([True] * 10 + [False] * 10, [0] * 10 + [1] * 10)
    assert (found.low, found.high) == pytest.approx(wilson_ends(0.5, 1))


def test_one_cluster_says_nothing_of_the_next() -> None:
    found = clustered_share([True] * 50 + [False] * 50, ["only"] * 100)
    assert found.high - found.low > 0.8


def test_samples_without_a_cluster_each_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 samples with 1 clusters"):
        clustered_share([True, False], [1])
