from __future__ import annotations

from harness.reference.breaker import Breaker
from harness.reference.budget import RetryBudget


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def opened(clock: Clock, failures: int = 3) -> Breaker:
    breaker = Breaker(failures, 2.0, clock)
    for _ in range(failures):
        breaker.record(breaker.admit(), "failed")
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_not_before():
    clock = Clock()
    breaker = Breaker(3, 2.0, clock)
    for outcome in ("failed", "failed", "good", "failed", "failed", "neither"):
        breaker.record(breaker.admit(), outcome)
    assert breaker.admit() == "normal"
    breaker.record("normal", "failed")
    assert breaker.admit() is None


def test_four_times_as_many_refusals_open_it():
    breaker = Breaker(3, 2.0, Clock())
    for _ in range(11):
        breaker.record(breaker.admit(), "refused")
    assert breaker.admit() == "normal"
    breaker.record("normal", "refused")
    assert breaker.admit() is None


def test_a_probe_that_is_refused_opens_it_anew():
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += 2
    breaker.record(breaker.admit(), "refused")
    assert breaker.admit() is None


def test_when_it_has_been_open_long_enough_one_probe_is_let_in_and_no_other():
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += 1.9
    assert breaker.admit() is None
    clock.now_s += 0.1
    assert [breaker.admit(), breaker.admit(), breaker.admit()] == ["probe", None, None]


def test_a_good_probe_closes_it_and_a_failed_one_opens_it_anew():
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += 2
    breaker.record(breaker.admit(), "failed")
    assert breaker.admit() is None
    clock.now_s += 2
    breaker.record(breaker.admit(), "good")
    assert [breaker.admit(), breaker.admit()] == ["normal", "normal"]


def test_a_probe_whose_caller_left_makes_room_for_another():
    clock = Clock()
    breaker = opened(clock)
    clock.now_s += 2
    breaker.record(breaker.admit(), "neither")
    assert breaker.admit() == "probe"


def test_tries_from_before_it_opened_neither_close_it_nor_keep_it_open():
    clock = Clock()
    breaker = Breaker(1, 2.0, clock)
    early, late, last = breaker.admit(), breaker.admit(), breaker.admit()
    breaker.record(early, "failed")
    breaker.record(late, "good")
    assert breaker.admit() is None
    clock.now_s += 2
    breaker.record(last, "failed")
    assert breaker.admit() == "probe"


def test_the_budget_is_spent_by_tries_and_filled_by_answers():
    budget = RetryBudget(ratio=0.25, burst=2.0)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(4):
        assert not budget.take()
        budget.deposit()
    assert [budget.take() for _ in range(2)] == [True, False]


def test_the_budget_does_not_grow_beyond_its_burst():
    budget = RetryBudget(ratio=1.0, burst=2.0)
    for _ in range(10):
        budget.deposit()
    assert [budget.take() for _ in range(3)] == [True, True, False]
