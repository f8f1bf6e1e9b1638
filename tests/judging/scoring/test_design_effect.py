from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from known_truth.failures import bursts, iid
from known_truth.levels import Failing
from known_truth.wandering import wander

from harness.interval import UNMEASURED
from harness.judging.scoring import design_effect
from harness.judging.scoring.design_effect import ALONE, Stretch, block_length, clumping, long_run
from harness.judging.scoring.good_ratio import good_ratio
from harness.judging.scoring.quantiles import clumped_quantile
from harness.judging.scoring.shares import spotless, wilson

DUE = np.arange(900) / 20


def test_nothing_asked_is_unmeasured() -> None:
    assert good_ratio([], []) == UNMEASURED
    assert clumped_quantile([], [], 0.5) == UNMEASURED


@pytest.mark.parametrize("every", [2, 3, 4])
def test_what_fails_in_turn_comes_in_no_clumps(every: int) -> None:
    good = np.arange(900) % every > 0
    assert clumping([Stretch(DUE, (~good).astype(float))]) == ALONE
    assert good_ratio(DUE, good) == wilson(int(good.sum()), 900)


def test_failures_that_come_together_say_less_than_as_many_apart() -> None:
    together, apart = np.arange(900) % 300 >= 10, np.arange(900) % 30 > 0
    assert together.sum() == apart.sum()
    found, plain = good_ratio(DUE, together), good_ratio(DUE, apart)
    assert found.value == plain.value
    assert found.low < plain.low - 0.05


def test_failures_elsewhere_tell_how_much_those_of_a_short_phase_say() -> None:
    calm, gusty = np.ones(900, np.bool_), np.arange(900) % 300 >= 10
    assert good_ratio(DUE[:300], calm[:300]).low == wilson(300, 300).low
    assert good_ratio(DUE[:300], calm[:300], [(DUE, gusty)]).low < wilson(300, 300).low - 0.01


def test_what_a_fault_did_at_once_is_no_clump_of_the_service() -> None:
    good = np.arange(300) >= 20
    whole, settled = good_ratio(DUE[:300], good), good_ratio(DUE[:300], good, (), [(DUE[20:300], good[20:])])
    assert settled == wilson(280, 300)
    assert whole.low < settled.low - 0.1


def test_two_failures_are_too_few_to_come_together() -> None:
    assert clumping([Stretch(DUE, (np.arange(900) < 2).astype(float))]) == ALONE


@pytest.mark.parametrize(("law", "mean_s", "good"), [("exponential", 0.3, 0.95), ("exponential", 1.0, 0.9)])
def test_a_share_of_failures_in_bursts_covers_the_truth_where_wilsons_does_not(
    law: str, mean_s: float, good: float
) -> None:
    made = Failing(law, mean_s, good, 20.0, 15.0)
    seen = [made.measure(np.random.default_rng(seed)) for seed in range(60)]
    assert np.mean([one["covered"] for one in seen]) >= 0.88
    plain = []
    for seed in range(60):
        outcomes = bursts(np.random.default_rng(seed), DUE[:300], good, mean_s)
        found = wilson(int(outcomes.sum()), 300)
        plain.append(found.low <= good <= found.high)
    assert np.mean(plain) < 0.6


def test_failures_that_come_alone_have_wilsons_interval() -> None:
    widths = []
    for seed in range(60):
        good = iid(np.random.default_rng(seed), DUE[:300], 0.9)
        found, plain = good_ratio(DUE[:300], good), wilson(int(good.sum()), 300)
        widths.append((found.high - found.low) / (plain.high - plain.low))
    assert np.median(widths) == pytest.approx(1)
    assert np.mean(widths) < 1.1


def test_blocks_are_as_long_as_what_they_have_to_hold_together() -> None:
    generator = np.random.default_rng(1)
    alone = generator.standard_normal(900)
    together = np.repeat(generator.standard_normal(45), 20)
    assert block_length(alone) < 5
    assert block_length(together - together.mean()) > 10


def test_the_long_run_variance_knows_what_blocks_as_long_as_the_memory_do_not() -> None:
    generator = np.random.default_rng(1)
    due_s = np.arange(4_000) / 20
    slow = wander(generator, due_s, 1.0)
    truth = (1 + np.exp(-1 / 20)) / (1 - np.exp(-1 / 20))  # of a first-order autoregression
    assert long_run(slow - slow.mean()) == pytest.approx(truth, rel=0.3)
    alone = generator.standard_normal(4_000)
    assert long_run(alone - alone.mean()) == pytest.approx(1, abs=0.3)


def test_what_comes_and_goes_slowly_shows_though_neighbours_hardly_resemble_one_another() -> None:
    seen = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        gusts = generator.poisson(0.3 * np.exp(0.8 * wander(generator, DUE[:300], 3.0))).astype(float)
        calm = generator.permutation(gusts)
        seen.append([clumping([Stretch(DUE[:300], rows)]).effect > 1.5 for rows in (gusts, calm)])
    slow, alone = np.mean(seen, axis=0)
    assert slow >= 0.6
    assert alone <= 0.15


def test_a_run_without_a_failure_does_not_say_whether_they_would_come_alone() -> None:
    due_s, calm = np.arange(1_500) / 100, np.ones(1_500, np.bool_)
    found = good_ratio(due_s, calm)
    assert found == spotless(1_500, 100.0)
    assert found.low == wilson(300, 300).low  # what is due within 50 ms counts as one
    # At 20 a second that is one request, and failures that came alone elsewhere say that they do.
    assert good_ratio(DUE, np.ones(900, np.bool_)) == wilson(900, 900)
    assert good_ratio(due_s, calm, [(due_s, np.arange(1_500) % 500 > 0)]) == wilson(1_500, 1_500)


def test_a_high_quantile_of_slow_spells_is_open_until_ten_of_them_lie_beyond_it() -> None:
    spells = np.where(np.arange(900) % 450 < 20, 3_000.0, 100.0) + np.random.default_rng(1).random(900)
    assert clumped_quantile(DUE, spells, 0.99).high == np.inf
    alone = np.random.default_rng(1).permutation(spells)
    assert clumped_quantile(DUE, alone, 0.99).high < np.inf
    # A few values say nothing of spells.
    assert clumped_quantile(DUE[:40], np.arange(40.0), 0.5).high == 26.0


@pytest.mark.parametrize("length", [0.3, 1.0, 7.7, 450.0, 2_000.0])
def test_the_sums_of_blocks_are_those_of_their_rows_and_none_is_lost(length: float) -> None:
    values = np.random.default_rng(4).normal(size=901)
    many = max(1, int(901 / length))
    edges = [-(-block * 901 // many) for block in range(many + 1)]
    slowly = [sum(values[first:until].tolist()) for first, until in pairwise(edges)]
    assert design_effect._block_sums(values, length) == pytest.approx(slowly, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("lags", "rows"),
    [
        *((lags, 20_011) for lags in (1, 50, 2_048, 9_000)),
        pytest.param(9_000, 60_011, id="what is left for the last piece is less than the lags reach"),
    ],
)
def test_sums_of_products_are_the_same_in_short_transforms(lags: int, rows: int) -> None:
    x = np.random.default_rng(3).normal(size=rows)
    slowly = [float(x[: x.size - lag] @ x[lag:]) for lag in range(lags + 1)]
    assert design_effect._at_lags(x, lags) == pytest.approx(slowly, rel=1e-9, abs=1e-9 * slowly[0])
    assert design_effect._in_pieces(x, lags) == pytest.approx(slowly, rel=1e-9, abs=1e-9 * slowly[0])


def _spells(rows: int, each: int) -> npt.NDArray[np.float64]:
    """Rows that go bad more often in every other spell of so many."""
    often = np.where(np.arange(rows) // each % 2 == 0, 0.05, 0.02)
    return (np.random.default_rng(6).random(rows) < often).astype(np.float64)


def _remembering(rows: int, long: int, seed: int) -> npt.NDArray[np.float64]:
    """Counts of a mean that wanders, and remembers for *long* rows where it was."""
    generator, level, levels = np.random.default_rng(seed), 0.0, []
    kept = np.exp(-1 / 50)
    for drawn in generator.normal(size=50 * rows // long + 1).tolist():
        level = kept * level + (1 - kept**2) ** 0.5 * drawn
        levels.append(level)
    return generator.poisson(0.2 * np.exp(np.repeat(levels, long // 50)[:rows] * 0.8)).astype(np.float64)


@pytest.mark.parametrize("long", [5_000, 25_000])
def test_of_very_many_rows_that_remember_long_sums_of_a_few_tell_as_much_as_all(
    monkeypatch: pytest.MonkeyPatch, long: int
) -> None:
    for seed in range(3):
        monkeypatch.undo()
        weight = _remembering(600_011 // 50 * 50, long, seed)
        stretch = Stretch(np.arange(weight.size) / 5_000, weight)
        values = weight - weight.mean()
        of_sums = long_run(values), clumping([stretch]).effect
        monkeypatch.setattr(design_effect, "COARSE", values.size)
        of_all = long_run(values), clumping([stretch]).effect
        assert of_all[0] > 200
        assert of_sums == pytest.approx(of_all, rel=0.1)


def test_of_very_many_rows_that_remember_little_nothing_is_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design_effect, "_summed_by", None)
    values = np.random.default_rng(2).normal(size=300_000)
    assert long_run(values) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("alike", [True, False])
def test_sums_of_rows_are_the_same_of_those_that_are_counted(alike: bool) -> None:
    stretches = [_spells(70_000, 4_000), _spells(9_001, 700)]
    weights = stretches if alike else [3 * np.arange(hit.size) % 7 * hit for hit in stretches]
    counted, slowly = (kind(weights).summed(7) for kind in (design_effect._Counted, design_effect._Strays))
    assert counted == pytest.approx(slowly, abs=1e-9)
    assert slowly[:2] == pytest.approx([sum((weights[0] - weights[0].mean())[at : at + 7].tolist()) for at in (0, 7)])


@pytest.mark.parametrize("often", [0.004, 0.5])
@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("pairs", [-1.0, design_effect.PAIRS, 1e9])
def test_what_is_counted_of_those_that_were_hit_is_what_all_rows_add_up_to(
    monkeypatch: pytest.MonkeyPatch, often: float, alike: bool, pairs: float
) -> None:
    monkeypatch.setattr(design_effect, "PAIRS", pairs)
    generator = np.random.default_rng(6)
    weights = [
        (generator.random(n) < often * n / 4_000) * (1 if alike else generator.integers(1, 5, n))
        for n in (4_000, 7, 2_990)
    ]
    slowly, counted = (
        design_effect._Strays(weights),
        design_effect._Counted([weight.astype(bool if alike else float) for weight in weights]),
    )
    assert counted.squares == pytest.approx(slowly.squares, rel=1e-9)
    assert counted.power == pytest.approx(slowly.power, rel=1e-9)
    for lags in (16, 40, 700):
        assert counted.at_lags(lags) == pytest.approx(slowly.at_lags(lags), rel=1e-9, abs=1e-9 * slowly.power)
    for stretch, length in ((0, 7.7), (1, 0.4), (2, 5_000.0)):
        sums = slowly.block_sums(stretch, length)
        assert counted.block_sums(stretch, length) == pytest.approx(sums, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("clumped", "effect", "clumps"), [(True, 143.57749048399583, 57), (False, 233.61302890481463, 69)]
)
def test_very_many_rows_come_in_the_clumps_that_they_came_in(clumped: bool, effect: float, clumps: int) -> None:
    generator = np.random.default_rng(5)
    due_s, hit = np.arange(70_000) / 100, (generator.random(70_000) < 0.01).astype(float)
    hit[30_000:30_400] = 1
    slow = (generator.random(70_000) < np.clip(0.5 + 0.4 * np.sin(due_s / 5), 0, 1)).astype(float)
    found = clumping([Stretch(due_s, hit if clumped else slow)])
    # In one transform over all of them this is what it came to; short ones add up in another order.
    assert found.effect == pytest.approx(effect, rel=1e-9)
    assert found.clumps == clumps
