from __future__ import annotations

from itertools import pairwise
from math import inf, isnan
from random import Random
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.interval import UNMEASURED
from harness.judging.scoring.band import band, hold
from harness.judging.scoring.recovery import Recovery, failover_time, recovery_time

fixed = settings(derandomize=True, deadline=None, max_examples=80)
SEEDS = 250


def recovery(good: np.ndarray, rate_per_s: float = 20, **changed: float) -> Recovery:
    """Of a run with a fault from 0 to 10 s that is observed as long as there are outcomes."""
    due_s = (np.arange(good.size) + 0.5) / rate_per_s
    asked = {
        "fault_start_s": 0,
        "fault_end_s": 10,
        "observed_until_s": good.size / rate_per_s,
        "band": 0.95,
        "hold_s": 8,
    }
    return recovery_time(due_s, good, **{**asked, **changed})


def outage(*edges_s: float, until_s: float = 40, rate_per_s: float = 20) -> np.ndarray:
    """Outcomes that are bad from the first edge to the second, from the third to the fourth, and so on."""
    due_s = (np.arange(int(until_s * rate_per_s)) + 0.5) / rate_per_s
    return np.searchsorted(edges_s, due_s) % 2 == 0


# Ground truth: rmse in units of 1 / rate, as measured for arrivals of each kind.


@pytest.mark.parametrize(
    ("rate_per_s", "bad", "well", "least", "arrivals", "error"),
    [
        (20, 0.0, 0.995, 0.95, "constant", 0.4),
        (100, 0.0, 0.995, 0.95, "constant", 0.4),
        (20, 0.0, 0.995, 0.95, "poisson", 0.9),
        (20, 0.3, 0.995, 0.95, "constant", 1.6),
        (100, 0.3, 0.97, 0.95, "poisson", 2.2),
        (20, 0.8, 0.995, 0.95, "constant", 10.0),
        (100, 0.8, 0.97, 0.95, "poisson", 15.0),
        (20, 0.3, 0.90, 0.85, "constant", 3.7),
    ],
)
def test_a_step_is_timed_as_well_as_arrivals_allow(
    simulation: ModuleType, rate_per_s: float, bad: float, well: float, least: float, arrivals: str, error: float
) -> None:
    found = simulation.accuracy(simulation.Truth("step", rate_per_s, bad, well, arrivals, least), SEEDS)
    assert found.rmse_s <= error / rate_per_s
    assert abs(found.bias_s) <= 0.3 * error / rate_per_s
    assert found.coverage >= 0.92
    assert found.recovered_ratio >= 0.95
    assert found.relapses <= 0.02


def test_settling_under_the_band_is_never_called_recovered(simulation: ModuleType) -> None:
    found = simulation.accuracy(simulation.Truth("step", 20, 0.3, 0.90), SEEDS)
    assert found.states["recovered"] == 0
    assert found.states["not_recovered"] >= 0.95 * SEEDS


def test_never_recovering_is_censored(simulation: ModuleType) -> None:
    found = simulation.accuracy(simulation.Truth("never", 20, 0.3, 0.3), 100)
    assert found.states["not_recovered"] == 100
    assert found.coverage == 1


def test_flapping_is_timed_to_its_last_end_and_counted(simulation: ModuleType) -> None:
    found = simulation.accuracy(simulation.Truth("flapping", 20, 0.0, 0.995), SEEDS)
    assert found.rmse_s <= 0.4 / 20
    assert found.coverage >= 0.92
    assert found.relapses == pytest.approx(1, abs=0.02)


def test_a_ramp_is_timed_to_where_it_enters_the_band(simulation: ModuleType) -> None:
    found = simulation.accuracy(simulation.Truth("ramp", 20, 0.0, 0.995), 150)
    assert found.rmse_s <= 2.5
    assert found.coverage >= 0.89


def test_attribution_by_completion_would_be_late_by_the_time_limit() -> None:
    due_s = (np.arange(800) + 0.5) / 20
    good = due_s >= 14
    completed_s = np.where(good, due_s, due_s + 5)
    asked = {"fault_start_s": 0, "fault_end_s": 10, "observed_until_s": 40, "band": 0.95, "hold_s": 8}
    assert recovery_time(due_s, good, **asked).interval.value == pytest.approx(4, abs=0.05)
    assert recovery_time(completed_s, good, **asked).interval.value > 7


# What each answer says.


def test_the_time_counts_from_the_end_of_the_fault() -> None:
    found = recovery(outage(0, 14))
    assert found.state == "recovered"
    assert found.interval.value == pytest.approx(4, abs=0.05)
    assert found.interval.low <= 4 <= found.interval.high
    assert found.interval.high - found.interval.low < 0.06
    assert found.area_s == pytest.approx(4, abs=0.06)
    assert found.interval.n == 600


def test_nothing_out_of_band_after_the_fault_is_0_up_to_the_first_good_row() -> None:
    for good in (outage(0, 9.9), outage(2, 5), np.ones(800, dtype=bool)):
        found = recovery(good)
        assert (found.state, found.interval.value, found.interval.low) == ("recovered", 0, 0)
        assert found.interval.high == pytest.approx(0.025)
        assert found.relapses == 0


def test_failing_just_after_the_fault_is_not_0() -> None:
    assert recovery(outage(0, 10.5)).interval.low > 0.4


def test_the_uncertain_end_of_the_fault_widens_the_interval_upwards() -> None:
    sure, unsure = recovery(outage(0, 14)).interval, recovery(outage(0, 14), end_uncertainty_s=0.25).interval
    assert unsure.high == pytest.approx(sure.high + 0.25)
    assert (unsure.value, unsure.low) == (sure.value, sure.low)


def test_not_recovering_is_censored_at_what_was_observed() -> None:
    found = recovery(outage(0, 100))
    assert found.state == "not_recovered"
    assert (found.interval.value, found.interval.low, found.interval.high, found.interval.censored) == (
        30,
        30,
        inf,
        True,
    )
    assert found.area_s == pytest.approx(30)


def test_a_band_entered_too_late_to_be_held_is_unclear() -> None:
    late, early = recovery(outage(0, 35)), recovery(outage(0, 31))
    assert (late.state, late.interval.censored, late.interval.high) == ("unclear", True, inf)
    assert late.interval.low == pytest.approx(25, abs=0.1)
    assert early.state == "recovered"


def test_going_down_again_before_the_end_is_not_recovered() -> None:
    found = recovery(outage(0, 12, 35, 41))
    assert found.state == "not_recovered"
    assert found.relapses == 1


def test_a_level_that_may_be_either_side_of_the_band_is_unclear() -> None:
    good = np.ones(800, dtype=bool)
    good[::17] = False  # 0.941 against 0.95
    found = recovery(good)
    assert (found.state, found.interval.low, found.interval.high) == ("unclear", 0, inf)


def test_relapses_are_counted_and_the_last_one_times_the_recovery() -> None:
    found = recovery(outage(0, 13, 16, 18, 22, 24))
    assert found.relapses == 2
    assert found.interval.value == pytest.approx(14, abs=0.05)
    assert recovery(outage(0, 13)).relapses == 0


def test_a_blip_that_the_band_tolerates_over_the_hold_is_no_relapse() -> None:
    blip, relapse = (recovery(outage(0, 13, 20, end_s, rate_per_s=100), 100) for end_s in (20.38, 20.42))
    assert (blip.relapses, relapse.relapses) == (0, 1)
    assert blip.interval.value == pytest.approx(3, abs=0.02)
    assert relapse.interval.value == pytest.approx(10.42, abs=0.02)


@pytest.mark.parametrize(("every_s", "state"), [(12, "recovered"), (7.2, "unclear"), (5, "not_recovered")])
def test_blips_that_add_up_to_less_than_the_band_are_no_recovery(every_s: float, state: str) -> None:
    edges_s = [edge_s for start_s in np.arange(14, 40, every_s) for edge_s in (start_s, start_s + 0.38)]
    found = recovery(outage(0, 12, *edges_s, rate_per_s=100), 100)
    assert found.state == state


def test_what_fails_only_once_the_fault_is_gone_counts() -> None:
    found = recovery(outage(11, 16))
    assert found.interval.value == pytest.approx(6, abs=0.05)
    assert found.relapses == 1


def test_lost_requests_leave_out_what_the_baseline_loses_too() -> None:
    good = np.ones(800, dtype=bool)
    good[::50] = False
    assert recovery(good).area_s == pytest.approx(0.6)
    assert recovery(good, baseline_ratio=0.98).area_s == pytest.approx(0, abs=1e-9)


# Edges.


def test_nothing_due_after_the_fault_is_unmeasured() -> None:
    for good in (np.ones(0, dtype=bool), np.ones(100, dtype=bool)):
        found = recovery(good, observed_until_s=40)
        assert (found.interval, found.state) == (UNMEASURED, "unclear")
        assert isnan(found.area_s)


@pytest.mark.parametrize("good", [True, False])
def test_one_row_proves_no_recovery(good: bool) -> None:
    found = recovery_time([12.0], [good], fault_start_s=0, fault_end_s=10, observed_until_s=40, band=0.95, hold_s=8)
    assert found.state != "recovered"
    assert found.interval.high == inf


def test_duplicated_due_times_are_defined() -> None:
    due_s = np.repeat(np.arange(40) + 0.5, 20)
    found = recovery_time(due_s, due_s > 14, fault_start_s=0, fault_end_s=10, observed_until_s=40, band=0.95, hold_s=8)
    assert found.interval.low <= 4 <= found.interval.high
    together = recovery_time(
        np.full(300, 12.0),
        np.arange(300) % 2 == 0,
        fault_start_s=0,
        fault_end_s=10,
        observed_until_s=40,
        band=0.95,
        hold_s=8,
    )
    assert together.state == "not_recovered"


def test_a_ramp_of_rows_due_together_does_not_depend_on_their_order() -> None:
    generator = np.random.default_rng(2)
    due_s = np.repeat(np.arange(40) + 0.5, 20)
    good = generator.random(800) < np.clip((due_s - 8) / 10, 0, 1)
    order = np.lexsort((generator.random(800), due_s))
    asked = {"fault_start_s": 0, "fault_end_s": 10, "observed_until_s": 40, "band": 0.95, "hold_s": 8}
    assert recovery_time(due_s[order], good[order], **asked) == recovery_time(due_s, good, **asked)


def test_rows_outside_the_run_change_nothing() -> None:
    good = outage(0, 14)
    due_s = (np.arange(good.size) + 0.5) / 20
    asked = {"fault_start_s": 0, "fault_end_s": 10, "observed_until_s": 40, "band": 0.95, "hold_s": 8}
    padded = recovery_time(np.r_[due_s, -5.0, -4.0, 41.0], np.r_[good, True, False, False], **asked)
    assert padded == recovery_time(due_s, good, **asked)


def test_rows_that_do_not_match_or_have_no_due_time_are_errors() -> None:
    asked = {"fault_start_s": 0, "fault_end_s": 1, "observed_until_s": 2, "band": 0.95, "hold_s": 1}
    with pytest.raises(ValueError, match="each row needs both"):
        recovery_time([1.0, 2.0], [True], **asked)
    with pytest.raises(ValueError, match="not a number"):
        recovery_time([float("nan")], [True], **asked)


@fixed
@given(
    st.lists(st.tuples(st.floats(0, 40) | st.integers(0, 40), st.booleans()), max_size=120),
    st.floats(0.5, 0.99),
    st.randoms(use_true_random=False),
)
def test_any_rows_give_an_interval_that_holds_its_value_whatever_their_order(
    rows: list[tuple[float, bool]], least: float, chance: Random
) -> None:
    def measured(rows: list[tuple[float, bool]]) -> Recovery:
        due_s, good = [row[0] for row in rows], [row[1] for row in rows]
        return recovery_time(due_s, good, fault_start_s=0, fault_end_s=10, observed_until_s=40, band=least, hold_s=8)

    found = measured(rows)
    if found.interval.value is None:
        assert found.interval == UNMEASURED
        return
    assert 0 <= found.interval.low <= found.interval.value <= found.interval.high
    assert found.state == "recovered" or found.interval.high == inf
    assert 0 <= found.area_s <= 30
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert measured(shuffled) == found


@pytest.mark.parametrize("edges_s", [(0, 14), (0, 10), (0, 100), (3, 6)])
def test_more_requests_a_second_do_not_widen_the_interval(edges_s: tuple[float, float]) -> None:
    found = [recovery(outage(*edges_s, rate_per_s=rate), rate).interval for rate in (10, 20, 100, 500)]
    widths = [interval.high - interval.low for interval in found]
    assert all(more <= fewer or (more == fewer == inf) for fewer, more in pairwise(widths))


# Failover.


def failover(good: np.ndarray, **changed: float) -> Recovery:
    """Of a run with a fault from 0 to 15 s, at 20/s."""
    due_s = (np.arange(good.size) + 0.5) / 20
    return failover_time(
        due_s, good, **{"fault_start_s": 0, "fault_end_s": 15, "band": 0.95, "hold_s": hold(20, 4), **changed}
    )


def test_failover_counts_from_the_start_of_the_fault() -> None:
    found = failover(outage(0, 3))
    assert found.state == "recovered"
    assert found.interval.value == pytest.approx(3, abs=0.05)


def test_what_is_due_as_the_fault_ends_is_not_counted_as_failover() -> None:
    due_s = np.arange(400) / 20
    found = failover_time(due_s, due_s != 15, fault_start_s=0, fault_end_s=15, band=0.95, hold_s=8)
    assert (found.interval.n, found.area_s) == (300, 0)


def test_failover_that_nobody_noticed_is_0() -> None:
    assert (failover(outage()).interval.value, failover(outage()).interval.high) == (0, 0.025)


def test_no_failover_is_censored_at_the_end_of_the_fault_though_all_is_well_after_it() -> None:
    found = failover(outage(0, 15))
    assert found.state == "not_recovered"
    assert (found.interval.value, found.interval.low, found.interval.high, found.interval.censored) == (
        15,
        15,
        inf,
        True,
    )


def test_failover_covers_the_truth() -> None:
    covered = []
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        due_s, true_s = (np.arange(700) + generator.random()) / 20, generator.uniform(0.5, 5)
        good = generator.random(700) < np.where(due_s < true_s, 0.4, 0.995)
        found = failover_time(due_s, good, fault_start_s=0, fault_end_s=15, band=0.95, hold_s=hold(20, 4)).interval
        covered.append(found.low <= true_s <= found.high)
    assert np.mean(covered) >= 0.92


# Band and hold.


def test_the_band_is_what_was_asked_for_or_nearly_the_baseline() -> None:
    assert band(240, 240, 0.95) == pytest.approx(0.98)
    assert band(230, 240, 0.95) == 0.95
    assert band(0, 0, 0.9) == 0.9


def test_the_hold_is_long_enough_for_the_rate_and_the_time_limit() -> None:
    assert hold(100, 1) == 5
    assert hold(5, 1) == 20
    assert hold(20, 4) == 8
    assert hold(20, 12, room_s=15) == 7.5


def test_a_failover_of_5_s_can_be_held_in_a_fault_of_15_s_at_20_a_second() -> None:
    assert 5 + hold(20, 4) <= 15
