from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import inf, isnan
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_truth import recovery as characteristics
from known_truth.cells import Need
from known_truth.failures import iid

from harness.interval import UNMEASURED
from harness.judging.scoring.band import band, hold
from harness.judging.scoring.recovery import Recovery, failover_time, own_clumps, recovery_time
from harness.judging.scoring.shares import wilson

fixed = settings(max_examples=80)


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


# Ground truth: a handful of seeds here; hundreds of them, and every rate and shape, are the benchmark's.


def of_cell(name: str, seeds: int) -> dict[str, float]:
    """The mean of what *seeds* runs of the characteristic *name* came to."""
    cell = next(cell for cell in characteristics.cells() if cell.name == name)
    seen = [cell.run(seed) for seed in range(seeds)]
    return {what: Need(what, "<=", 0).measured(seen)[0] for what in seen[0]}


@pytest.mark.parametrize(
    ("name", "rmse_s"),
    [
        ("step from 0, 5/s, constant", 0.08),
        ("step from 0, 20/s, constant", 0.018),
        ("step from 0, 100/s, constant", 0.0036),
        ("step from 0.3, 20/s, constant", 0.08),
        ("step from 0.6, 100/s, poisson", 0.06),
    ],
)
def test_a_step_is_timed_as_well_as_arrivals_allow(name: str, rmse_s: float) -> None:
    found = of_cell(name, 60)
    assert found["squared_error"] ** 0.5 <= rmse_s
    assert found["covered"] >= 0.86
    assert found["recovered"] >= 0.95


@pytest.mark.parametrize(
    "name",
    [
        "climb, exponential 3 s, 20/s, constant",
        "climb, linear 5 s, 20/s, poisson",
        "climb, backlog 12 s, 20/s, constant",
        "climb, exponential 2 s, 100/s, constant",
        "climb, linear 10 s, 5/s, constant",
    ],
)
def test_a_climb_is_timed_to_where_it_enters_the_band(name: str) -> None:
    found = of_cell(name, 30)
    assert found["covered"] >= 0.8
    assert found["too_late"] <= 0.1


@pytest.mark.parametrize("name", ["climb, linear 3 s, 5/s, constant", "climb, exponential 1 s, 5/s, constant"])
def test_so_few_requests_that_a_climb_may_go_unseen_say_how_little_is_known(name: str) -> None:
    found = of_cell(name, 60)
    assert found["near"] <= 0.02
    assert found["too_late"] <= 0.02


@pytest.mark.parametrize(("bad_until_s", "later"), [(9.9, True), (3.0, False)])
def test_what_was_well_again_just_before_the_fault_ended_may_have_been_so_later(
    bad_until_s: float, later: bool
) -> None:
    due_s = np.arange(200) / 5
    found = recovery_time(
        due_s, due_s >= bad_until_s, fault_start_s=0, fault_end_s=10, observed_until_s=40, band=0.95, hold_s=20
    )
    assert (found.state, found.interval.value, found.interval.low) == ("recovered", 0, 0)
    assert (found.interval.high > 5) is later


@pytest.mark.parametrize(
    "name",
    [
        "untouched, 20/s, 0.98, iid",
        "untouched, 20/s, 0.98, bursts of 0.3 s",
        "untouched, 20/s, 0.99, bursts of 1 s",
        "untouched, 100/s, 0.99, bursts of 0.3 s, log-normal",
        "untouched, 5/s, 0.98, bursts of 0.3 s",
    ],
)
def test_a_service_that_nobody_touched_is_hardly_ever_called_broken(name: str) -> None:
    found = of_cell(name, 60)
    assert found["red"] <= 0.05
    assert found["undecided"] <= 0.15 or " 5/s" in name


@pytest.mark.parametrize(("length_s", "red"), [(2.0, 0.0), (4.0, 0.85)])
@pytest.mark.parametrize("service", ["iid 0.99", "0.99, bursts of 0.1 s"])
def test_a_relapse_is_told_and_no_pass(service: str, length_s: float, red: float) -> None:
    found = of_cell(f"relapse of {length_s:g} s, {service}", 30)
    assert found["told"] == 1
    assert found["green"] == 0
    assert found["red"] >= red - 0.1


def test_a_blip_at_the_end_passes_and_is_told() -> None:
    found = of_cell("blip of 0.35 s at the end", 30)
    assert (found["told"], found["green"], found["red"]) == (1, 1, 0)


def test_flapping_is_one_trouble_that_ends_with_its_last_flap() -> None:
    assert of_cell("three flaps of 2 s, 20/s", 40)["covered"] >= 0.85


def test_settling_under_the_band_is_never_called_recovered() -> None:
    for seed in range(40):
        generator = np.random.default_rng(seed)
        found = recovery(generator.random(1_000) < np.where(np.arange(1_000) < 300, 0.3, 0.9))
        assert found.state != "recovered"
        assert found.interval.high == inf


def test_never_recovering_is_censored() -> None:
    for seed in range(40):
        found = recovery(np.random.default_rng(seed).random(800) < 0.3)
        assert (found.state, found.interval.censored, found.interval.low) == ("not_recovered", True, 30)


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
        assert found.relapses == ()


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


@pytest.mark.parametrize(
    ("edges_s", "length_s", "weight"),
    [((19.6, 20.0), 0.4, "blip"), ((21, 23.2), 2.2, "possible"), ((21, 26), 5, "certain"), ((35, 41), 5, "certain")],
)
def test_a_relapse_is_told_by_when_it_began_and_how_long_it_was(
    edges_s: tuple[float, float], length_s: float, weight: str
) -> None:
    found = recovery(outage(0, 12, *edges_s))
    assert (found.state, found.interval.value) == ("recovered", pytest.approx(2, abs=0.05))
    (relapse,) = found.relapses
    assert relapse.weight == weight
    assert relapse.at_s == pytest.approx(edges_s[0] - 10, abs=0.06)
    assert relapse.length_s == pytest.approx(length_s, abs=0.11)


def test_one_that_the_end_of_the_run_cuts_off_may_have_gone_on() -> None:
    (relapse,) = recovery(outage(0, 12, 38.7, 41)).relapses
    assert relapse.weight == "possible"
    (relapse,) = recovery(outage(0, 12, 39.6, 41)).relapses
    assert relapse.weight == "blip"


def test_what_the_baseline_shows_of_itself_is_no_relapse() -> None:
    due_s = (np.arange(240) + 0.5) / 20
    rough = own_clumps(due_s, ~((due_s > 3) & (due_s < 6)))
    assert rough.longest_s == pytest.approx(3, abs=0.06)
    seen = [
        recovery(outage(0, 12, 25, 27.5), own=own).relapses[0].weight for own in (rough, own_clumps(due_s, due_s > 0))
    ]
    assert seen == ["blip", "possible"]


def test_a_level_that_may_be_either_side_of_the_band_is_unclear() -> None:
    good = np.ones(800, dtype=bool)
    good[::17] = False  # 0.941 against 0.95
    found = recovery(good)
    assert (found.state, found.interval.low, found.interval.high) == ("unclear", 0, inf)


def test_the_first_entry_that_is_held_counts_and_what_follows_soon_is_one_trouble() -> None:
    found = recovery(outage(0, 13, 16, 18, 22, 24))
    assert found.relapses == ()
    assert found.interval.value == pytest.approx(14, abs=0.05)
    apart = recovery(outage(0, 13, 22, 24))
    assert apart.interval.value == pytest.approx(3, abs=0.05)
    assert [relapse.weight for relapse in apart.relapses] == ["possible"]


def test_a_dip_that_breaks_the_hold_may_be_the_services_own_or_the_faults() -> None:
    found = recovery(outage(0, 11, 17, 19.5))
    assert (found.state, found.interval.value) == ("recovered", pytest.approx(1, abs=0.05))
    assert found.interval.low == pytest.approx(1, abs=0.05)
    assert found.interval.high == pytest.approx(9.5, abs=0.05)
    surely = recovery(outage(0, 11, 15, 20))
    assert surely.interval.low == pytest.approx(10, abs=0.05)


@pytest.mark.parametrize(("every_s", "state"), [(12, "recovered"), (1.5, "unclear")])
def test_blips_that_add_up_to_less_than_the_band_are_no_recovery(every_s: float, state: str) -> None:
    edges_s = [edge_s for start_s in np.arange(14, 40, every_s) for edge_s in (start_s, start_s + 0.38)]
    found = recovery(outage(0, 12, *edges_s, rate_per_s=100), 100)
    assert found.state == state if state == "recovered" else found.interval.high == inf


def test_what_fails_only_once_the_fault_is_gone_is_a_trouble_of_its_own() -> None:
    found = recovery(outage(11, 16))
    assert found.interval.low == pytest.approx(6, abs=0.05)
    later = recovery(outage(20, 25))
    assert later.interval.value == 0
    assert [relapse.weight for relapse in later.relapses] == ["certain"]


def test_lost_requests_are_counted_as_seconds_without_any() -> None:
    good = np.ones(800, dtype=bool)
    good[::50] = False
    assert recovery(good).area_s == pytest.approx(0.6)


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
    for seed in range(80):
        generator = np.random.default_rng(seed)
        due_s, true_s = (np.arange(700) + generator.random()) / 20, generator.uniform(0.5, 5)
        good = generator.random(700) < np.where(due_s < true_s, 0.4, 0.995)
        found = failover_time(due_s, good, fault_start_s=0, fault_end_s=15, band=0.95, hold_s=hold(20, 4)).interval
        covered.append(found.low <= true_s <= found.high)
    assert np.mean(covered) >= 0.92


# Band and hold.


def test_the_band_is_what_was_asked_for_or_nearly_what_the_baseline_shows() -> None:
    assert band(2_400, 2_400, 0.95) == pytest.approx(0.978, abs=1e-3)
    assert band(236, 240, 0.95) == 0.95
    assert band(216, 240, 0.8) == pytest.approx(0.835, abs=1e-3)
    assert band(0, 0, 0.9) == 0.9


@pytest.mark.parametrize("good", [222, 228, 230])
def test_the_band_is_never_above_what_the_baseline_shows(good: int) -> None:
    assert band(good, 240, 0.95) == wilson(good, 240).low < 0.95


@pytest.mark.parametrize("true", [0.93, 0.94, 0.95])
def test_a_service_that_is_hardly_as_good_as_was_asked_for_is_not_called_broken(true: float) -> None:
    seen = [characteristics.untouched(partial(iid, good_ratio=true), 20.0, np.random.default_rng(s)) for s in range(60)]
    judged = [run["red"] for run in seen if "red" in run]  # the others are invalid: their baseline was not steady
    assert len(judged) >= 20
    assert np.mean(judged) <= 0.05


def test_the_hold_is_long_enough_for_the_rate_and_the_time_limit() -> None:
    assert hold(100, 1) == 5
    assert hold(5, 1) == 20
    assert hold(20, 4) == 8


def test_a_service_that_is_asked_seldom_can_recover_too() -> None:
    assert hold(1, 4) == 20
    assert hold(0.1, 4) == 60
    due_s = np.arange(60.0)
    own = own_clumps(due_s[:20], np.ones(20, dtype=bool))
    asked = {"fault_start_s": 0, "fault_end_s": 20, "observed_until_s": 60, "band": band(20, 20, 0.95), "own": own}
    found = recovery_time(due_s, due_s > 24, hold_s=hold(1, 4), **asked)
    assert found.state == "recovered"
    assert found.interval.low <= 4.5 <= found.interval.high
    assert found.interval.high - found.interval.low >= 3


def test_a_failover_of_5_s_can_be_held_in_a_fault_of_15_s_at_20_a_second() -> None:
    assert 5 + hold(20, 4) <= 15
