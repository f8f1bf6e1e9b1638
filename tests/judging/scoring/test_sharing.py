"""What belongs to no single request is shared out evenly among those of its second, and none of it is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.scoring.sharing import shared_out


def test_what_was_seen_in_a_second_goes_to_the_requests_that_were_due_in_it() -> None:
    assert list(shared_out([6, 4], [0.2, 1.9], [0.0, 0.5, 1.1])) == [3, 3, 4]


@pytest.mark.parametrize(("at_s", "parts"), [(5.5, [0, 4]), (2.5, [0, 4]), (-3.0, [4, 0])])
def test_what_came_when_nothing_was_due_goes_to_the_second_before(at_s: float, parts: list[float]) -> None:
    assert list(shared_out([4], [at_s], [0.5, 1.5])) == parts


def test_where_there_is_no_request_there_is_no_part() -> None:
    assert shared_out([4], [0.0], []).size == 0


@given(
    seen=st.lists(st.tuples(st.integers(0, 50), st.floats(-5, 50)), max_size=30),
    due_s=st.lists(st.floats(0, 40), min_size=1, max_size=30),
)
def test_the_parts_add_up_to_what_was_seen(seen: list[tuple[int, float]], due_s: list[float]) -> None:
    counts, at_s = [count for count, _ in seen], [at for _, at in seen]
    assert np.isclose(shared_out(counts, at_s, due_s).sum(), sum(counts))
