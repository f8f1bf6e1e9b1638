"""What still fails is found: the faults that are needed together, and no others; the shortest and the lowest; each within its bound."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import combinations
from typing import TypeVar

import pytest

from harness.suites.smallest import WITHIN, fewest, fewest_tries, least, least_tries

T = TypeVar("T")


def found(search: Generator[T, bool, T], fails: Callable[[T], bool]) -> tuple[T, list[T]]:
    """What *search* finds, and what it asked about."""
    asked: list[T] = []
    try:
        asked.append(next(search))
        while True:
            asked.append(search.send(fails(asked[-1])))
    except StopIteration as end:
        return end.value, asked


@pytest.mark.parametrize("many", range(1, 9))
def test_whatever_faults_are_needed_together_are_all_that_stays(many: int) -> None:
    items = tuple(range(many))
    for size in range(many + 1):
        for needed in combinations(items, size):
            kept, asked = found(fewest(items), lambda some, needed=needed: set(needed) <= set(some))
            assert kept == needed
            assert len(set(asked)) <= fewest_tries(many)


def test_of_several_ways_to_fail_one_is_left_and_nothing_of_it_can_be_left_out_alone() -> None:
    def fails(some: tuple[int, ...]) -> bool:
        return {0, 5} <= set(some) or {2, 3, 6} <= set(some)

    kept, _ = found(fewest(tuple(range(8))), fails)
    assert fails(kept)
    assert not any(fails(tuple(one for one in kept if one != gone)) for gone in kept)


def test_where_it_fails_without_any_fault_none_stays_and_where_there_is_none_nothing_is_asked() -> None:
    assert found(fewest((0, 1, 2)), lambda _: True) == ((), [()])
    assert list(fewest(())) == []


@pytest.mark.parametrize("true", [1.0, 1.3, 4.9, 7.25, 12.0, 14.9, 15.0])
def test_a_number_is_found_within_a_tenth_and_fails(true: float) -> None:
    number, asked = found(least(1.0, 15.0), lambda value: value >= true)
    assert number >= true
    assert number - true <= max(WITHIN * number, 0.5)
    assert len(asked) <= least_tries(1.0, 15.0)
    assert len(asked) == len(set(asked))


def test_what_can_be_no_smaller_is_not_asked_about() -> None:
    assert found(least(1.0, 9.0), lambda _: True) == (1.0, [1.0])
    assert list(least(9.0, 9.0)) == []
    assert least_tries(9.0, 9.0) == 0
