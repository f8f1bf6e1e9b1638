"""How many tries again come at one moment: counted quickly, and as many as they are."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judging.metrics.retry_burst import MOMENT_S, densest


def counted(start_s: np.ndarray, links: np.ndarray) -> int:
    """One by one."""
    return max(
        int(((links == link) & (at_s <= start_s) & (start_s < at_s + MOMENT_S)).sum())
        for at_s, link in zip(start_s, links, strict=True)
    )


@pytest.mark.parametrize("spread_s", [0.0, 1.0, 20.0, 1e5])
def test_the_densest_moment_is_found_however_far_all_is_spread(spread_s: float) -> None:
    generator = np.random.default_rng(7)
    for links in (generator.integers(0, 3, 900), generator.choice(["east", "west"], 900)):
        start_s = generator.random(900) * spread_s + generator.choice([0.0, 0.5], 900) * generator.random(900)
        assert densest(start_s, links) == counted(start_s, links)


def test_what_comes_several_times_counts_as_often() -> None:
    generator = np.random.default_rng(8)
    start_s, links, times = generator.random(500) * 9, generator.integers(0, 2, 500), generator.poisson(1.0, 500)
    assert densest(start_s, links, times) == counted(np.repeat(start_s, times), np.repeat(links, times))
    assert densest(start_s, links, np.zeros(500, np.int64)) == 0


def test_a_moment_does_not_hold_both_of_its_ends() -> None:
    assert densest(np.array([1.0, 1.0 + MOMENT_S]), np.array([0, 0])) == 1
    assert densest(np.array([1.0, 1.0 + 0.99 * MOMENT_S]), np.array([0, 0])) == 2
    assert densest(np.array([1.0, 1.0]), np.array([0, 1])) == 1
