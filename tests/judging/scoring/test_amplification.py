from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_truth.failures import bursts, iid
from known_truth.wandering import wander

from harness.interval import UNMEASURED
from harness.judging.scoring.amplification import layers, retry_amplification
from harness.judging.scoring.shares import dearer_missed

fixed = settings(max_examples=60)


def due(seconds: int, rate_per_s: int = 20) -> np.ndarray:
    return np.arange(seconds * rate_per_s) / rate_per_s


def test_no_request_is_unmeasured() -> None:
    assert retry_amplification([], []) == UNMEASURED


def test_three_quiet_requests_prove_nothing() -> None:
    found = retry_amplification([1, 1, 1], [0, 1, 2])
    assert found.value == 1
    assert found.low == 0
    assert found.high > 2


@pytest.mark.parametrize("count", [0, 1, 5])
def test_thirty_requests_that_all_made_as_many_attempts_are_that_many(count: int) -> None:
    found = retry_amplification([count] * 30, np.arange(30))
    assert (found.low, found.value, found.high) == (count, count, count)
    few = retry_amplification([count] * 29, np.arange(29))
    assert few.low <= count < few.high
    assert dearer_missed(30) == pytest.approx(0.1)
    assert dearer_missed(2) == 1


def test_one_dearer_request_among_equal_ones_is_no_longer_exact() -> None:
    found = retry_amplification([5] * 299 + [6], due(15))
    assert found.low < 5.004 < found.high < 5.05


def test_what_a_fault_did_when_it_began_is_no_clump_of_the_service() -> None:
    attempts = np.where(np.arange(300) < 27, 2, 1)
    whole, settled = retry_amplification(attempts, due(15)), retry_amplification(attempts, due(15), due(15) >= 4)
    assert whole.value == settled.value == pytest.approx(1.09)
    assert settled.high < 1.15 < 1.4 < whole.high


CLUMPS = {
    "storms of 2 s": lambda g, t: np.where(bursts(g, t, 0.75, 2.0), 1, g.integers(2, 10, t.size)),
    "1 % of requests with 50": lambda g, t: np.where(iid(g, t, 0.99), 1, 50),
    "lulls and gusts of 1 s": lambda g, t: 1 + g.poisson(np.exp(0.8 * wander(g, t, 1.0) - 1)),
    "each on its own": lambda g, t: 1 + g.poisson(0.4, t.size),
}


@pytest.mark.parametrize("kind", CLUMPS)
def test_what_comes_in_clumps_covers_the_truth_where_independent_requests_would_not(kind: str) -> None:
    truth = CLUMPS[kind](np.random.default_rng(9), due(20_000)).mean()
    held, naive, widths = [], [], []
    for seed in range(60):
        attempts = CLUMPS[kind](np.random.default_rng(seed), due(60))
        found = retry_amplification(attempts, due(60))
        held.append(found.low <= truth <= found.high)
        naive.append(abs(attempts.mean() - truth) <= 1.96 * attempts.std() / np.sqrt(attempts.size))
        widths.append((found.high - found.low) / (2 * 1.96 * attempts.std() / np.sqrt(attempts.size)))
    assert np.mean(held) >= 0.85
    if kind in ("storms of 2 s", "lulls and gusts of 1 s"):
        assert np.mean(naive) < 0.7
    if kind == "each on its own":
        assert np.median(widths) < 1.15


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
        (7, 3.0, "east", 0, "repeat"),
        (7, 4.0, "west", 0, "failover"),
        (7, 5.0, "west", -1, "repeat"),
        (7, 6.0, "east", -1, "repeat"),
        (8, 0.5, "west", -1, "first"),
        (8, 0.6, "east", -1, "failover"),
        (8, 0.7, "east", 1, "sdk"),
    ]
    request, start_s, link, count, expected = zip(*attempts, strict=True)
    ends = np.asarray(start_s) + 0.05
    assert list(layers(request, start_s, link, count, ends)) == list(expected)


@pytest.mark.parametrize(
    ("links", "counts", "made"),
    [
        (
            "aaaaaaaaa",
            (0, 0, 0, 1, 1, 1, 2, 2, 2),
            "frrsrrsrr",
        ),  # a gateway tries three times, and passes the SDK's count on
        (
            "aaaaaa",
            (0, 1, 2, 0, 1, 2),
            "fssrss",
        ),  # a loop round an SDK, or an SDK before a gateway that has one of its own
        ("abab", (0, 0, 1, 1), "fosr"),  # a gateway with two providers, behind an SDK
        ("abab", (-1, -1, -1, -1), "forr"),
        ("abab", (0, 0, 0, 0), "forr"),
        ("aab", (0, 1, 0), "fso"),
        ("aabb", (0, 1, 0, 1), "fsos"),
        ("aa", (1, 2), "fs"),  # the first one was refused, and left no trace
        ("aa", (0, 2), "fs"),  # so was the second
        ("abc", (-1, -1, 1), "fos"),
    ],
)
def test_an_equal_count_is_somebody_elses_retry_and_a_link_tried_before_is_no_failover(
    links: str, counts: tuple[int, ...], made: str
) -> None:
    n = len(links)
    told = layers([1] * n, np.arange(n), list(links), list(counts), np.arange(n) + 0.9)
    assert "".join({"first": "f", "sdk": "s", "failover": "o", "repeat": "r"}[layer] for layer in told) == made


def test_two_calls_at_once_each_have_their_own_count() -> None:
    starts, ends = [0.0, 0.2, 1.0, 1.2], [0.9, 1.1, 1.9, 2.1]
    assert list(layers([1] * 4, starts, ["a"] * 4, [0, 0, 1, 1], ends)) == ["first", "repeat", "sdk", "sdk"]
    # One that never ended is not what a later one follows.
    assert list(layers([1] * 2, [0.0, 1.0], ["a"] * 2, [1, 1], [np.nan, 1.5])) == ["first", "repeat"]


def test_attempts_of_one_instant_are_in_order_of_the_sdks_count() -> None:
    assert list(layers([1, 1], [0.0, 0.0], ["a", "a"], [1, 0], [0.1, 0.0])) == ["sdk", "first"]


def test_layers_do_not_depend_on_the_order_of_attempts() -> None:
    generator = np.random.default_rng(3)
    columns = (
        generator.integers(0, 20, 100),
        generator.random(100),
        generator.integers(0, 2, 100),
        generator.integers(-1, 3, 100),
        generator.random(100) + 0.5,
    )
    order = generator.permutation(100)
    assert list(layers(*(column[order] for column in columns))) == list(layers(*columns)[order])


def test_no_attempt_has_no_layer() -> None:
    assert layers([], [], [], [], []).size == 0


def test_attempts_without_all_five_are_an_error() -> None:
    with pytest.raises(ValueError, match="each attempt needs all five"):
        layers([1, 2], [0.0], ["a"], [0], [1.0])


def test_requests_that_are_looked_at_together_are_each_told_as_if_it_were_alone() -> None:
    generator = np.random.default_rng(4)
    request = np.sort(generator.integers(0, 60, 300))
    start_s = np.round(generator.random(300) * 4, 1)
    end_s = np.where(generator.random(300) < 0.1, np.nan, start_s + np.round(generator.random(300), 1))
    link, count = generator.integers(0, 2, 300), generator.integers(-1, 4, 300)
    together = layers(request, start_s, link, count, end_s)
    for one in range(60):
        mine = request == one
        alone = layers(request[mine], start_s[mine], link[mine], count[mine], end_s[mine])
        assert together[mine].tolist() == alone.tolist()
