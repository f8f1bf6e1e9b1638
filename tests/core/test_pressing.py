"""When a client asks again: a function of seed, request and press, and of nothing else."""

from __future__ import annotations

import msgspec
import pytest

from harness.planning.pressing import Pressing

PRESSING = Pressing(
    again_max=3,
    patience_s=4.0,
    upon=("error", "timed_out"),
    wait_s=1.0,
    factor=2.0,
    wait_s_max=None,
    jitter=0.0,
    seed=7,
)
UNTIL_S = 100.0


def waits(pressing: Pressing, index: int = 0, presses: int = 3) -> list[float]:
    """How long request *index* waits before each of its later presses."""
    found = [pressing.next_s(index, press, "error", 10.0, UNTIL_S) for press in range(presses)]
    return [at_s - 10.0 for at_s in found if at_s is not None]


def changed(**keys: object) -> Pressing:
    return msgspec.structs.replace(PRESSING, **keys)


def test_waits_grow_by_the_factor_up_to_the_longest_and_are_constant_without_one() -> None:
    assert waits(PRESSING) == [1, 2, 4]
    assert waits(changed(wait_s_max=3.0)) == [1, 2, 3]
    assert waits(changed(factor=1.0)) == [1, 1, 1]


def test_jitter_shortens_each_wait_by_at_most_its_share_and_equal_seeds_wait_alike() -> None:
    with_jitter = changed(jitter=0.5, again_max=15)
    every = [waits(with_jitter, index) for index in range(200)]
    for which, longest_s in enumerate((1, 2, 4)):
        each = [found[which] for found in every]
        assert all(longest_s / 2 < wait_s <= longest_s for wait_s in each)
        assert len(set(each)) == 200
    assert every == [waits(changed(jitter=0.5), index) for index in range(200)]
    assert every != [waits(changed(jitter=0.5, seed=8), index) for index in range(200)]


def test_nobody_asks_more_often_than_said_nor_upon_what_was_not_said() -> None:
    assert len(waits(PRESSING, presses=9)) == 3
    assert PRESSING.next_s(0, 0, "complete", 10.0, UNTIL_S) is None
    assert PRESSING.next_s(0, 0, "refused", 10.0, UNTIL_S) is None


@pytest.mark.parametrize(("until_s", "again_s"), [(11.001, 11.0), (11.0, None), (10.5, None)])
def test_nobody_asks_when_the_request_has_been_given_up_for_good(until_s: float, again_s: float | None) -> None:
    assert PRESSING.next_s(0, 0, "error", 10.0, until_s) == again_s


def test_a_press_is_given_up_when_patience_ends_but_the_last_one_that_there_is_time_for_with_its_request() -> None:
    assert PRESSING.given_up_s(0, 0, 10.0, UNTIL_S) == 14
    assert PRESSING.given_up_s(0, 3, 10.0, UNTIL_S) == UNTIL_S  # there is no fourth time
    assert PRESSING.given_up_s(0, 0, 10.0, 15.0) == 15  # there is no time for another one
    assert PRESSING.given_up_s(0, 0, 10.0, 15.001) == 14


def test_who_does_not_ask_again_upon_silence_waits_for_the_answer() -> None:
    assert changed(upon=("error",)).given_up_s(0, 0, 10.0, UNTIL_S) == UNTIL_S


@pytest.mark.parametrize(("within_s", "presses"), [(0.5, 1), (1.0, 1), (1.5, 2), (3.5, 3), (7.5, 4), (60.0, 4)])
def test_how_many_presses_there_can_be_at_most_is_known_beforehand(within_s: float, presses: int) -> None:
    assert PRESSING.most(within_s) == presses


def test_how_clients_ask_again_can_be_told_to_another_process() -> None:
    assert msgspec.json.decode(msgspec.json.encode(PRESSING), type=Pressing) == PRESSING
