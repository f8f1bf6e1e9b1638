from __future__ import annotations

from harness.scoring.interval import UNMEASURED
from harness.scoring.join import join


def test_attempts_are_joined_by_their_nonce() -> None:
    found = join(["a", "b", "c"], ["b", "a", "b", "z"])
    assert list(found.request) == [1, 0, 1, -1]
    assert list(found.attempts) == [1, 2, 0]
    assert found.join_ratio.value == 0.75


def test_an_attempt_without_a_nonce_belongs_to_none() -> None:
    found = join(["", "b"], ["", "b"])
    assert list(found.request) == [-1, 1]
    assert list(found.attempts) == [0, 1]


def test_a_nonce_of_two_requests_joins_neither() -> None:
    found = join(["a", "b", "a", "a"], ["a", "b"])
    assert list(found.request) == [-1, 1]
    assert list(found.attempts) == [0, 1, 0, 0]


def test_no_attempt_leaves_the_ratio_unmeasured() -> None:
    assert join(["a"], []).join_ratio == UNMEASURED
    assert list(join(["a"], []).attempts) == [0]
    assert join([], ["a"]).join_ratio.value == 0
