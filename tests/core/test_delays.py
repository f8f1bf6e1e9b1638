"""How late things are: drawn numbers have the mean, the spread and the tail that a scenario asks for."""

from __future__ import annotations

from statistics import fmean, pstdev

import pytest

from harness.faults.delays import Distribution, late_s

EVEN = [(number + 0.5) / 20_000 for number in range(20_000)]
"""Every lot once."""


@pytest.mark.parametrize(
    ("distribution", "deviation_s", "least_s", "one_in_100_s"),
    [("uniform", 0.0577, 1.9, 2.098), ("normal", 0.1, 1.5, 2.2326), ("pareto", 0.1, 1.942, 2.3628)],
)
def test_a_spread_has_its_mean_its_deviation_and_its_tail(
    distribution: Distribution, deviation_s: float, least_s: float, one_in_100_s: float
) -> None:
    late = sorted(late_s(2.0, 0.1, distribution, lot) for lot in EVEN)
    assert fmean(late) == pytest.approx(2.0, abs=1e-3)
    assert pstdev(late) == pytest.approx(deviation_s, rel=0.06)
    assert late[0] >= least_s
    assert late[int(0.99 * len(late))] == pytest.approx(one_in_100_s, abs=2e-3)


@pytest.mark.parametrize("distribution", ["uniform", "normal", "pareto"])
def test_nothing_comes_before_it_was_sent_and_without_a_spread_all_is_as_late(distribution: Distribution) -> None:
    assert min(late_s(0.1, 0.1, distribution, lot) for lot in [0.0, *EVEN]) >= 0
    assert {late_s(0.1, 0.0, distribution, lot) for lot in EVEN[::100]} == {0.1}
