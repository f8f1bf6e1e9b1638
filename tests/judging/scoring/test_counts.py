from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.interval import UNMEASURED
from harness.judging.scoring.counts import rate_a_run


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
