from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from harness.judging.scoring import settling
from harness.judging.scoring.distributions import Floats
from harness.judging.scoring.settling import change, crossing, levels, standing


def outcomes(*stretches: tuple[int, float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Due times 50 ms apart with stretches of so many rows at such a good ratio."""
    generator = np.random.default_rng(seed)
    good = np.concatenate([generator.random(n) < ratio for n, ratio in stretches])
    return np.arange(good.size) / 20, good


def test_a_full_outage_is_three_levels_with_its_exact_edges() -> None:
    due_s, good = outcomes((200, 1.0), (100, 0.0), (300, 1.0))
    assert [(level.start, level.end, level.ratio) for level in levels(due_s, good)] == [
        (0, 200, 1),
        (200, 300, 0),
        (300, 600, 1),
    ]


def test_steady_outcomes_are_one_level() -> None:
    more_than_one = [len(levels(*outcomes((700, 0.98), seed=seed))) > 1 for seed in range(200)]
    assert np.mean(more_than_one) < 0.03


def test_a_short_outage_is_found_in_a_long_run() -> None:
    found = [len(levels(*outcomes((340, 0.998), (20, 0.0), (340, 0.998), seed=seed))) == 3 for seed in range(50)]
    assert np.mean(found) > 0.95


def test_levels_of_nothing_of_one_row_and_without_variance() -> None:
    assert levels(np.empty(0), np.empty(0, dtype=bool)) == []
    assert [level.n for level in levels(np.zeros(1), np.array([True]))] == [1]
    assert [level.n for level in levels(np.arange(50.0), np.zeros(50, dtype=bool))] == [50]


def test_no_change_falls_between_equal_instants() -> None:
    due_s = np.repeat([0.0, 1.0, 2.0], 40)
    good = np.r_[np.zeros(60, dtype=bool), np.ones(60, dtype=bool)]
    assert all(level.start % 40 == 0 for level in levels(due_s, good))
    assert levels(np.arange(120.0), good)[1].start == 60


def test_every_change_lies_at_its_best_place_between_its_neighbours() -> None:
    def likelihood(good: np.ndarray) -> float:
        counts = np.array([good.sum(), good.size - good.sum()])
        return float((counts[counts > 0] * np.log(counts[counts > 0] / good.size)).sum())

    for seed in range(60):
        due_s, good = outcomes((60, 0.0), (40, 0.6), (80, 1.0), (50, 0.3), (100, 0.9), seed=seed)
        found = levels(due_s, good)
        for before, after in pairwise(found):
            between = good[before.start : after.end]
            gains = [likelihood(between[:i]) + likelihood(between[i:]) for i in range(1, between.size)]
            assert max(gains) == pytest.approx(gains[before.n - 1])


@pytest.mark.parametrize("instants", [200, 40])
def test_the_best_change_of_all_places_is_at_a_turn_or_beside_equal_instants(instants: int) -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        due_s, (_, good) = np.sort(generator.integers(0, instants, 100)), outcomes((60, 0.9), (40, 0.3), seed=seed)
        search = settling._Search(due_s, good)
        for start, end in ((0, 100), (7, 93), (seed, seed + 9), (50, 52)):
            places = [at for at in range(start + 1, end) if due_s[at] > due_s[at - 1]]
            found = [(search._gain(start, at, end), -at) for at in places]
            gain, at = max(found, default=(-np.inf, -start - 1))
            assert search._best(start, end) == (pytest.approx(gain, abs=1e-12), -at)


def test_a_level_is_in_out_or_undecided() -> None:
    assert standing(300, 300, 0.95) == "in"
    assert standing(270, 300, 0.95) == "out"
    assert standing(282, 300, 0.95) == "undecided"
    assert standing(1, 1, 0.95) == "undecided"


def test_the_change_lies_between_the_last_bad_row_and_the_first_good_one() -> None:
    found = change(np.arange(100) / 10, np.arange(100) >= 50, 0.0, 10.0)
    assert 4.9 < found.low_s < found.value_s < found.high_s < 5.0


def test_the_change_of_a_partial_fault_is_less_sure() -> None:
    sure = change(*outcomes((200, 0.0), (200, 0.995)), 0.0, 20.0)
    vague = change(*outcomes((200, 0.8), (200, 0.995)), 0.0, 20.0)
    assert vague.high_s - vague.low_s > 5 * (sure.high_s - sure.low_s)


def test_the_posterior_is_that_of_beta_functions_over_the_gaps() -> None:
    from scipy.special import betaln

    good = outcomes((30, 0.3), (30, 0.97), seed=3)[1]
    due_s = np.sort(np.random.default_rng(3).random(60)) * 3
    k, hits, edges = np.arange(61), np.r_[0, np.cumsum(good)], np.r_[0.0, due_s, 3.0]
    log_mass = betaln(0.5 + hits, 0.5 + k - hits) + betaln(0.5 + hits[-1] - hits, 0.5 + 60 - k - (hits[-1] - hits))
    mass = np.exp(log_mass - log_mass.max()) * np.diff(edges)
    reached = np.r_[0.0, np.cumsum(mass) / mass.sum()]
    found = change(due_s, good, 0.0, 3.0)
    assert (found.low_s, found.value_s, found.high_s) == pytest.approx(np.interp([0.025, 0.5, 0.975], reached, edges))


def test_rows_all_at_one_instant_leave_no_room_for_a_change() -> None:
    found = change(np.full(4, 2.0), np.array([False, False, True, True]), 2.0, 2.0)
    assert (found.low_s, found.value_s, found.high_s) == (2.0, 2.0, 2.0)


def climb(rate_per_s: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """A level that nears 0.995 with a time constant of 3 s, and when it passes 0.95."""
    due_s = np.arange(30 * rate_per_s) / rate_per_s
    good = np.random.default_rng(seed).random(due_s.size) < 0.995 * (1 - np.exp(-due_s / 3))
    return due_s, good, 3 * np.log(0.995 / 0.045)


def test_the_crossing_of_a_climb_holds_the_truth() -> None:
    runs = [(crossing(due_s, good, 0.95), true_s) for due_s, good, true_s in (climb(20, seed) for seed in range(150))]
    assert np.mean([found.low_s <= true_s <= found.high_s for found, true_s in runs]) >= 0.91
    assert abs(np.mean([found.value_s - true_s for found, true_s in runs])) < 0.6


def test_one_change_misses_what_climbs() -> None:
    runs = [(change(due_s, good, 0.0, 30.0), true_s) for due_s, good, true_s in (climb(20, seed) for seed in range(50))]
    assert np.mean([found.low_s <= true_s <= found.high_s for found, true_s in runs]) < 0.1


def test_the_crossing_holds_its_value() -> None:
    for seed in range(30):
        found = crossing(*climb(20, seed)[:2], 0.95)
        assert found.low_s <= found.value_s <= found.high_s


@pytest.mark.parametrize(
    ("seed", "chance", "moment"),
    [
        (1, lambda due_s: np.clip(due_s / 60, 0, 0.98), (51.27468924079614, 50.38335624770842, 55.427491860448875)),
        (2, lambda due_s: np.where(due_s < 50, 0.5, 0.99), (49.98931294599497, 49.9531218602975, 51.32321327572501)),
        (3, lambda due_s: np.where(due_s < 30, 0.0, 0.97), (29.997291868567906, 29.967306703498075, 32.22124128211961)),
    ],
)
def test_the_moment_of_a_climb_is_what_it_was_to_the_last_digit(
    seed: int, chance: Callable[[Floats], Floats], moment: tuple[float, float, float]
) -> None:
    generator = np.random.default_rng(seed)
    due_s = np.sort(generator.random(3_000)) * 100
    found = crossing(due_s, generator.random(3_000) < chance(due_s), 0.9)
    assert (found.value_s, found.low_s, found.high_s) == moment


def fitted(good: list[bool], least: float, most: float) -> float:
    """The log likelihood of the best rising level between the two: each row's is the most of the least means around it."""
    summed, places = np.cumsum([0, *good]), np.arange(len(good) + 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a mean of no rows is nobody's
        means = (summed - summed[:, None]) / (places - places[:, None])
    # The least over all ends behind k of each beginning, and of those the most over all beginnings up to k.
    levels_ = [np.min(means[: k + 1, k + 1 :], axis=1).max() for k in range(len(good))]
    likely = [level if hit else 1 - level for hit, level in zip(good, np.clip(levels_, least, most), strict=True)]
    return float(np.log(likely).sum())


@pytest.mark.parametrize("seed", range(12))
def test_a_crossing_is_all_that_a_likelihood_ratio_test_leaves_possible(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n, band = 30, (0.5, 0.8, 0.95)[seed % 3]
    due_s = np.sort(generator.random(n))
    good = generator.random(n) < np.clip(due_s * (1 + seed % 2), 0.1, 0.97)
    lost = [
        2 * (fitted(good.tolist(), 0, 1) - fitted(good[:k].tolist(), 0, band) - fitted(good[k:].tolist(), band, 1))
        for k in range(n + 1)
    ]
    possible = np.flatnonzero(np.array(lost) <= 2.29)
    edges_s = np.r_[due_s[0], due_s, due_s[-1]]
    found = crossing(due_s, good, band)
    assert (found.low_s, found.high_s) == (edges_s[possible[0]], edges_s[possible[-1] + 1])
