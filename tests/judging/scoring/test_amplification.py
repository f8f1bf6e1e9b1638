from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.interval import UNMEASURED
from harness.judging.scoring.amplification import layers, retry_amplification
from harness.judging.scoring.intervals import block_means

fixed = settings(derandomize=True, deadline=None, max_examples=60)


def due(seconds: int, rate_per_s: int = 20) -> np.ndarray:
    return np.arange(seconds * rate_per_s) / rate_per_s


def test_no_request_is_unmeasured() -> None:
    assert retry_amplification([], []) == UNMEASURED


def test_three_quiet_requests_prove_nothing() -> None:
    found = retry_amplification([1, 1, 1], [0, 1, 2])
    assert found.value == 1
    assert found.low < 0.5
    assert found.high > 2


def test_three_hundred_quiet_requests_prove_that_there_was_no_storm() -> None:
    found = retry_amplification(np.ones(300), due(15))
    assert (found.low, found.high) == (pytest.approx(0.987, abs=0.001), pytest.approx(1.012, abs=0.001))


def test_requests_that_made_no_attempt_count() -> None:
    found = retry_amplification(np.zeros(300), due(15))
    assert (found.value, found.low) == (0, 0)
    assert 0 < found.high < 0.03


def test_a_storm_in_clumps_covers_the_truth_where_independent_requests_would_not() -> None:
    blocks, naive = [], []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        attempts = np.where(np.repeat(generator.random(60) < 0.3, 20), generator.integers(2, 10, 1_200), 1)
        found = retry_amplification(attempts, due(60))
        mean, error = attempts.mean(), 1.96 * attempts.std() / np.sqrt(1_200)
        blocks.append(found.low <= 1 + 0.3 * 4.5 <= found.high)
        naive.append(abs(mean - (1 + 0.3 * 4.5)) <= error)
    assert np.mean(blocks) >= 0.92
    assert np.mean(naive) < 0.6


def test_few_blocks_are_stretched_by_as_much_as_they_spread_too_little() -> None:
    found = retry_amplification(np.repeat([10, 12], 20), due(2))
    assert found.high == pytest.approx(11 + 12.706 / 1.96 * np.sqrt(2), rel=1e-3)


def test_independent_retries_cover_the_truth() -> None:
    covered = []
    for seed in range(200):
        found = retry_amplification(1 + np.random.default_rng(seed).poisson(0.4, 300), due(15))
        covered.append(found.low <= 1.4 <= found.high)
    assert np.mean(covered) >= 0.93


def test_the_interval_is_never_narrower_than_the_block_bootstrap() -> None:
    attempts = 1 + np.random.default_rng(1).poisson(0.4, 300)
    means = block_means(attempts, due(15), block_s=1, draws=1_000, generator=np.random.default_rng(0))
    found = retry_amplification(attempts, due(15))
    assert found.low <= np.quantile(means, 0.025)
    assert found.high >= np.quantile(means, 0.975)


def test_the_same_seed_gives_the_same_interval_and_another_nearly() -> None:
    attempts = 1 + np.random.default_rng(1).integers(0, 9, 300)
    first, second = (retry_amplification(attempts, due(15), seed=7) for _ in range(2))
    other = retry_amplification(attempts, due(15), seed=8)
    assert first == second != other
    assert other.high == pytest.approx(first.high, rel=0.03)


@fixed
@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30)), min_size=1, max_size=80),
    st.randoms(use_true_random=False),
)
def test_any_requests_give_an_interval_that_holds_its_value_whatever_their_order(
    requests: list[tuple[int, float]], chance: Random
) -> None:
    found = retry_amplification(*zip(*requests, strict=True))
    assert found.value is not None
    assert 0 <= found.low <= found.value <= found.high
    shuffled = list(requests)
    chance.shuffle(shuffled)
    assert retry_amplification(*zip(*shuffled, strict=True)) == found


def test_requests_without_a_due_time_each_or_with_less_than_none_are_errors() -> None:
    with pytest.raises(ValueError, match="2 requests with 1 due times"):
        retry_amplification([1, 1], [0])
    with pytest.raises(ValueError, match="-1 attempts"):
        retry_amplification([1, -1], [0, 1])


def test_each_layer_is_told_by_its_mark() -> None:
    attempts = [  # request, start, link, retry count
        (7, 0.0, "east", 0, "first"),
        (7, 1.0, "east", 1, "sdk"),
        (7, 2.0, "east", 2, "sdk"),
        (7, 3.0, "east", 0, "application"),
        (7, 4.0, "west", 0, "failover"),
        (7, 5.0, "west", -1, "application"),
        (8, 0.5, "west", -1, "first"),
        (8, 0.6, "east", -1, "failover"),
        (8, 0.7, "east", 1, "sdk"),
    ]
    request, start_s, link, count, expected = zip(*attempts, strict=True)
    assert list(layers(request, start_s, link, count)) == list(expected)


def test_attempts_of_one_instant_are_in_order_of_the_sdks_count() -> None:
    assert list(layers([1, 1], [0.0, 0.0], ["a", "a"], [1, 0])) == ["sdk", "first"]


def test_layers_do_not_depend_on_the_order_of_attempts() -> None:
    generator = np.random.default_rng(3)
    columns = (
        generator.integers(0, 20, 100),
        generator.random(100),
        generator.integers(0, 2, 100),
        generator.integers(-1, 3, 100),
    )
    order = generator.permutation(100)
    assert list(layers(*(column[order] for column in columns))) == list(layers(*columns)[order])


def test_no_attempt_has_no_layer() -> None:
    assert layers([], [], [], []).size == 0


def test_attempts_without_all_four_are_an_error() -> None:
    with pytest.raises(ValueError, match="each attempt needs all four"):
        layers([1, 2], [0.0], ["a"], [0])
