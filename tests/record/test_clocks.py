"""Clocks of other machines: by looks at them it is known where they stood, and never better than it is said to be known."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import numpy as np
import pytest

from harness.judging.scoring.recovery import recovery_time
from harness.record.clocks import Fit, Look, earlier, fit, may_be_one, on_ours
from harness.record.rows import Request

BEGAN_S, LASTS_S = 5000.0, 60.0


class Other:
    """A clock that was *ahead_s* when the load began, and gains *ppm* millionths of each second."""

    def __init__(self, ahead_s: float, ppm: float) -> None:
        self.ahead_s, self.ppm = ahead_s, ppm

    def says(self, at_s: float) -> float:
        return at_s + self.ahead_s + 1e-6 * self.ppm * (at_s - BEGAN_S)

    def looks(self, chance: Random, way_s: float = 1e-4) -> list[Look]:
        """Looks as a load has them: many before and after it, and some in each second; each way takes as long as it happens to."""
        at = (
            [-1.0 + 0.01 * n for n in range(20)]
            + [float(n // 5) for n in range(5 * int(LASTS_S))]
            + [LASTS_S + 0.01 * n for n in range(20)]
        )
        found = []
        for sent_s in (BEGAN_S + after_s for after_s in at):
            there, back = (way_s / 2 + chance.expovariate(1 / way_s) for _ in "12")
            found.append(Look(sent_s, self.says(sent_s + there), sent_s + there + back))
        return found


CLOCKS = [Other(2.0, 100.0), Other(-2.0, -100.0), Other(0.0, 0.0), Other(1000.0, 20.0), Other(-1e5, 400.0)]


@pytest.mark.parametrize("other", CLOCKS, ids=lambda other: f"{other.ahead_s:+g}s{other.ppm:+g}ppm")
def test_an_instant_of_another_clock_is_as_sure_as_it_is_said_to_be(other: Other) -> None:
    for seed in range(10):
        found = fit(other.looks(Random(seed)))
        off_s = max(abs(found.ours(other.says(at_s)) - at_s) for at_s in np.linspace(BEGAN_S, BEGAN_S + LASTS_S, 20))
        assert off_s <= found.uncertainty_s + 1e-9
        assert found.uncertainty_s < 0.0002


def test_slow_looks_say_less_and_that_is_said() -> None:
    quick, slow = (fit(CLOCKS[0].looks(Random(1), way_s)).uncertainty_s for way_s in (1e-4, 1e-2))
    assert slow > 20 * quick


def test_ways_of_unlike_length_are_within_what_is_said() -> None:
    looks = [Look(look.sent_s, look.theirs_s, look.heard_s + 0.05) for look in CLOCKS[0].looks(Random(1))]
    found = fit(looks)
    assert abs(found.ours(CLOCKS[0].says(BEGAN_S)) - BEGAN_S) <= found.uncertainty_s
    assert found.uncertainty_s > 0.02


def test_a_clock_that_is_set_in_between_is_known_to_less_than_it_was_set_by() -> None:
    looks = [
        look._replace(theirs_s=look.theirs_s + (0.5 if look.sent_s > BEGAN_S + 30 else 0.0))
        for look in CLOCKS[2].looks(Random(1))
    ]
    found = fit(looks)
    off_s = [abs(found.ours(at_s) - at_s) for at_s in np.linspace(BEGAN_S, BEGAN_S + 30, 20)]
    off_s += [abs(found.ours(at_s + 0.5) - at_s) for at_s in np.linspace(BEGAN_S + 30.1, BEGAN_S + LASTS_S, 20)]
    assert max(off_s) <= 0.5
    assert found.uncertainty_s > 0.1


def test_one_look_bounds_a_clock() -> None:
    assert fit([Look(10.0, 12.5, 11.0)]) == Fit(12.5, -2.0, 0.0, 0.5)


def test_only_a_clock_that_was_never_out_of_bounds_may_be_the_same() -> None:
    same, other = CLOCKS[2].looks(Random(1)), CLOCKS[0].looks(Random(1))
    assert may_be_one(same)
    assert not may_be_one([*same, other[0]])


def test_all_instants_of_a_row_are_moved_and_nothing_else() -> None:
    row = Request(3, 1, 10.0, sent_s=10.1, end_s=11.0, given_up="timed_out 0 0.001200 4.001300", last_sent_s=10.5)
    moved = Request(3, 1, 8.0, sent_s=8.1, end_s=9.0, given_up="timed_out 0 0.001200 4.001300", last_sent_s=8.5)
    for there in (earlier(row, 2.0), on_ours(row, Fit(0.0, -2.0, 0.0, 0.0))):
        assert [*msgspec.structs.astuple(there)] == pytest.approx([*msgspec.structs.astuple(moved)])


def _recovered(due_s: Sequence[float], good: Sequence[bool]) -> float:
    at_s, well = np.array(due_s) - BEGAN_S, np.array(good)
    order = np.argsort(at_s, kind="stable")
    found = recovery_time(
        at_s[order], well[order], fault_start_s=20.0, fault_end_s=35.0, observed_until_s=LASTS_S, band=0.95, hold_s=5.0
    )
    assert found.interval.value is not None
    return found.interval.value


@pytest.mark.parametrize("corrected", [True, False])
def test_recovery_is_known_as_well_from_two_clocks_as_from_one(corrected: bool) -> None:
    """Two workers, two seconds ahead and behind, and 100 ppm fast and slow; without what is known of their clocks it is not."""
    off_s = []
    for seed in range(12):
        chance = Random(seed)
        due_s = [BEGAN_S + (n + chance.random()) / 50 for n in range(int(50 * LASTS_S))]
        back_s = BEGAN_S + 35.0 + chance.uniform(0.5, 3.0)
        good = [not BEGAN_S + 20.0 <= at_s < back_s for at_s in due_s]
        clocks = CLOCKS[:2]
        fits = [fit(clock.looks(chance)) for clock in clocks]
        theirs = [clocks[n % 2].says(at_s) for n, at_s in enumerate(due_s)]
        ours = [fits[n % 2].ours(at_s) if corrected else at_s for n, at_s in enumerate(theirs)]
        off_s.append(_recovered(ours, good) - _recovered(due_s, good))
    rmse_s = float(np.sqrt(np.mean(np.square(off_s))))
    assert (rmse_s < 0.005) == corrected
