"""Which attempts are tries of one call, and which are the steps of an agent, by what each says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.scoring.steps import Attempts, steps

WELL, FAILED = True, False


def of(*tries: tuple[str, str, bool], **keys: Any) -> list[int]:
    """The steps of one request whose attempts each have a link, a body (``?``: not known) and an end, one a second, one after the other."""
    links = sorted({link for link, *_ in tries})
    bodies = sorted({body for _, body, _ in tries} - {"?"})
    columns = {
        "request": np.zeros(len(tries), np.int64),
        "press": np.zeros(len(tries), np.int64),
        "wants": np.zeros(len(tries), np.int64),
        "link": np.array([links.index(link) for link, *_ in tries]),
        "asks": np.array([bodies.index(body) if body != "?" else -1 for _, body, _ in tries]),
        "start_s": np.arange(len(tries), dtype=np.float64),
        "end_s": np.arange(len(tries)) + 0.9,
        "good": np.array([good for *_, good in tries], np.bool_),
    }
    return steps(Attempts(**columns | {name: np.array(value) for name, value in keys.items()})).tolist()


def test_calls_with_other_bodies_are_steps_and_calls_with_the_same_one_are_tries():
    assert of(("a", "plan", WELL), ("a", "tool", WELL), ("a", "answer", WELL)) == [0, 1, 2]
    assert of(("a", "plan", FAILED), ("a", "plan", WELL), ("a", "tool", WELL), ("a", "tool", WELL)) == [0, 0, 1, 1]


def test_an_agent_that_repeats_an_identical_call_tries_one_step_again():
    assert of(("a", "plan", WELL), ("a", "tool", WELL), ("a", "plan", WELL)) == [0, 1, 0]


def test_a_call_that_fails_over_stays_a_try_of_its_step_in_whatever_words():
    assert of(("a", "plan", FAILED), ("b", "plan", WELL), ("a", "tool", WELL)) == [0, 0, 1]
    assert of(("a", "plan", FAILED), ("b", "plan for b", WELL), ("b", "tool for b", WELL)) == [0, 0, 1]
    assert of(("a", "plan", WELL), ("b", "tool", WELL)) == [0, 1]


def test_a_try_elsewhere_while_the_first_one_hangs_is_one_of_the_same_step():
    assert of(("a", "plan", FAILED), ("b", "plan for b", WELL), end_s=[9.0, 1.9]) == [0, 0]
    assert of(("a", "plan", FAILED), ("b", "plan for b", WELL), end_s=[np.nan, 1.9]) == [0, 0]


def test_calls_of_several_bodies_at_once_on_one_link_are_steps():
    at_once = {"start_s": [0.0, 0.1, 0.2, 3.0], "end_s": [2.0, 2.0, 2.0, 4.0]}
    tries = (("a", "one", WELL), ("a", "two", FAILED), ("a", "three", WELL), ("a", "two", WELL))
    assert of(*tries, **at_once) == [0, 1, 2, 1]


def test_who_asks_in_other_words_after_a_failure_tries_again():
    assert of(("a", "with a large model", FAILED), ("a", "with a small one", WELL), ("a", "tool", WELL)) == [0, 0, 1]


def test_another_kind_of_call_is_another_step_whatever_came_of_the_one_before():
    assert of(("a", "embed", FAILED), ("b", "chat", WELL), wants=[0, 1]) == [0, 1]


def test_a_press_of_the_client_asks_for_the_same_steps_again():
    tries = (("a", "plan", WELL), ("a", "tool", FAILED), ("a", "plan", WELL), ("a", "tool", WELL))
    assert of(*tries, press=[0, 0, 1, 1]) == [0, 1, 0, 1]
    # What changes from press to press, such as a time in a prompt, makes no further step: each begins with its first.
    assert of(("a", "plan", FAILED), ("b", "other", WELL), press=[0, 1]) == [0, 0]
    late = (("a", "plan at 5", WELL), ("a", "tool at 5", WELL), ("a", "plan at 6", WELL), ("a", "tool at 6", WELL))
    assert of(*late, press=[0, 0, 1, 1]) == [0, 1, 0, 1]
    # What is known of a press takes its step, and what is not takes the first that is left.
    assert of(
        ("a", "plan", WELL), ("a", "tool 5", WELL), ("a", "plan", WELL), ("a", "tool 6", WELL), press=[0, 0, 1, 1]
    ) == [
        0,
        1,
        0,
        1,
    ]


@pytest.mark.parametrize("bodies", [("?", "?"), ("plan", "?"), ("?", "plan"), ("plan", "plan")])
def test_where_not_two_bodies_are_known_apart_there_is_one_step(bodies: tuple[str, str]):
    assert of(*((link, body, WELL) for link, body in zip("ab", bodies, strict=True))) == [0, 0]


def test_what_nobody_could_read_belongs_to_the_step_that_goes_on():
    assert of(("a", "plan", WELL), ("a", "tool", FAILED), ("a", "?", WELL)) == [0, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3), st.booleans()), max_size=12), st.randoms())
def test_the_order_of_rows_says_nothing_and_no_request_has_more_steps_than_bodies(tries, random):
    n = len(tries)
    request = np.array([at % 3 - 1 for at in range(n)], np.int64)
    links, asks, good = (np.array([one[at] for one in tries], np.int64) for at in range(3))
    zeros, start_s = np.zeros(n, np.int64), np.arange(n, dtype=np.float64)
    made = Attempts(request, zeros, zeros, links, asks, start_s, start_s + 0.5, good.astype(np.bool_))
    found = steps(made)
    order = np.array(random.sample(range(n), n), np.intp)
    assert steps(Attempts(*(column[order] for column in made))).tolist() == found[order].tolist()
    assert not found[request < 0].any()
    for one in (0, 1):
        mine = found[request == one]
        assert sorted({*mine.tolist()}) == list(range(len({*mine.tolist()})))
        assert len({*mine.tolist()}) <= max(1, len({*asks[request == one].tolist()} - {-1}))
