from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.interval import UNMEASURED
from harness.judging.scoring.counts import rate_a_run, rate_a_second


def test_nothing_seen_bounds_the_rate_at_three_point_seven_a_run() -> None:
    found = rate_a_run([], 400)
    assert (found.low, found.value, found.high, found.n) == (0, 0, pytest.approx(3.689, abs=1e-3), 400)


def test_without_a_chance_there_is_no_rate() -> None:
    assert rate_a_run([], 0) == UNMEASURED


@pytest.mark.parametrize("count", [1, 5, 40])
def test_events_that_come_alone_have_garwoods_interval(count: int) -> None:
    found = rate_a_run(np.ones(count), 400)
    expected = stats.gamma.ppf(0.025, count), stats.gamma.ppf(0.975, count + 1)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)


def test_events_that_come_together_say_less() -> None:
    alone, together = rate_a_run(np.ones(24), 400), rate_a_run([24], 400)
    assert together.low < 1 < alone.low
    assert alone.high < 40 < together.high


@pytest.mark.parametrize(("per_run", "clump", "coverage"), [(0.5, 1, 0.95), (3.0, 1, 0.95), (5.0, 4.0, 0.85)])
def test_the_rate_covers_the_truth_where_the_count_of_one_run_does_not(
    per_run: float, clump: float, coverage: float
) -> None:
    generator = np.random.default_rng(1)
    covered, exact = [], []
    for _ in range(400):
        sizes = generator.geometric(1 / clump, generator.poisson(per_run))
        found = rate_a_run(sizes, 400)
        covered.append(found.low <= per_run * clump <= found.high)
        exact.append(sizes.sum() == per_run * clump)
    assert np.mean(covered) >= coverage
    assert np.mean(exact) < 0.5


@pytest.mark.parametrize(("clump", "coverage"), [(1, 0.93), (5, 0.88)])
def test_a_rate_covers_the_truth_whether_events_come_alone_or_in_clumps(clump: int, coverage: float) -> None:
    generator, lasted_s, per_s = np.random.default_rng(2), 30, 4.0
    covered = []
    for _ in range(200):
        pieces = clump * generator.poisson(per_s, lasted_s)
        found = rate_a_second(np.ones(pieces.sum()), pieces, lasted_s)
        covered.append(found.low <= clump * per_s <= found.high)
    assert np.mean(covered) >= coverage


def test_events_that_come_in_clumps_say_less_of_a_rate() -> None:
    even, clumped = np.full(30, 4), np.r_[np.full(6, 20), np.zeros(24, int)]
    alone, together = (rate_a_second(np.ones(120), pieces, 30) for pieces in (even, clumped))
    assert alone.value == together.value == 4
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_rate_is_of_what_each_event_is_worth_and_none_seen_is_no_rate_of_nothing() -> None:
    assert rate_a_second([10.0, 30.0], [1, 0, 1, 0], 4).value == 10
    none = rate_a_second([], [0, 0, 0, 0], 4)
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(3.689 / 4, abs=1e-3))
    assert rate_a_second([], [0, 0, 0, 0], 4, one=150.0).high == pytest.approx(150 * none.high)
    assert rate_a_second([], [], 0) == UNMEASURED
