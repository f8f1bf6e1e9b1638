from __future__ import annotations

import math
import statistics

import pytest

from harness.protocols.nonce import nonce
from harness.simulated_provider.pace import Pace, key


def pace(seed: int = 1, sigma: float = 0.35) -> Pace:
    return Pace(seed, first_token_s=0.25, token_gap_s=0.015, sigma=sigma)


def test_the_draw_of_a_request_does_not_depend_on_what_else_is_drawn():
    alone, among = pace(), pace()
    for other in range(50):
        among.due_s(f"other-{other}", 20)
    assert among.due_s("n-0123456789", 20) == alone.due_s("n-0123456789", 20)


def test_another_seed_and_another_request_are_other_draws():
    assert pace(seed=1).due_s("a", 3) != pace(seed=2).due_s("a", 3)
    assert pace().due_s("a", 3) != pace().due_s("b", 3)


def test_chance_hangs_on_which_request_of_a_run_it_is_and_on_what_it_says_where_nobody_knows():
    again = key("east", nonce("another run", 7), "said")
    assert key("east", nonce("a run", 7), "said, and its nonce") == again
    assert len({again, key("east", nonce("a run", 8), "said"), key("west", nonce("a run", 7), "said")}) == 3
    assert key("east", "", "said") != key("east", "", "said otherwise")


def test_a_second_try_is_a_new_draw_and_the_same_one_in_every_run():
    one, other = pace(), pace()
    first, second = one.due_s("a", 3), one.due_s("a", 3)
    assert first != second
    assert [other.due_s("a", 3), other.due_s("a", 3)] == [first, second]


def test_without_spread_every_time_is_the_median():
    assert pace(sigma=0).due_s("a", 3) == pytest.approx([0.25, 0.265, 0.28])


def test_the_first_token_is_log_normal_about_its_median():
    drawn = [math.log(pace(sigma=0.35).due_s(str(key), 1)[0] / 0.25) for key in range(4000)]
    assert statistics.mean(drawn) == pytest.approx(0, abs=0.02)
    assert statistics.stdev(drawn) == pytest.approx(0.35, rel=0.05)


def test_what_is_remembered_of_tries_is_bounded():
    draws = pace()
    for number in range(20_500):
        draws.due_s(str(number), 1)
    assert len(draws._tries) == 20_000
