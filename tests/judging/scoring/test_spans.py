"""Which instants lie in any of several spans: as if each were asked of each, in whatever order both come."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judging.scoring.spans import within

AT_S = np.array([0.0, 1.0, 1.0, 2.5, 3.0, 4.0, 9.0])
SPANS = [(1.0, 3.0), (2.0, 2.2), (2.5, 2.6), (8.0, 9.0), (4.0, 4.0)]


@pytest.mark.parametrize("order", [1, -1])
def test_what_begins_as_a_span_ends_is_not_in_it(order: int) -> None:
    expected = [False, True, True, True, False, False, False]
    assert within(AT_S[::order], SPANS).tolist() == expected[::order]
    assert within(AT_S[::order], SPANS[::-1]).tolist() == expected[::order]


@pytest.mark.parametrize("seed", range(5))
def test_many_spans_pick_what_each_alone_would(seed: int) -> None:
    chance = np.random.default_rng(seed)
    at_s = chance.integers(0, 50, 200) / 2
    spans = [(start_s, start_s + chance.integers(-1, 5)) for start_s in chance.uniform(0, 25, 5).tolist()]
    expected = [any(start_s <= one < end_s for start_s, end_s in spans) for one in at_s.tolist()]
    assert within(at_s, spans).tolist() == expected
    assert within(np.sort(at_s), spans).tolist() == [expected[row] for row in np.argsort(at_s, kind="stable")]
    assert any(expected)
    assert not all(expected)


def test_nothing_lies_in_no_span_and_what_is_no_instant_in_none() -> None:
    assert within(AT_S, []).tolist() == [False] * AT_S.size
    assert within(np.array([2.0, np.nan, 1.5]), [(1.0, 3.0)]).tolist() == [True, False, True]
