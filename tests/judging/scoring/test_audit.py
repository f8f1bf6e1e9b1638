"""The audit of a load: every planned request once, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.judging.scoring.audit import Audit, audit


@given(st.lists(st.integers(-2, 12)))
def test_every_index_that_is_missing_doubled_or_unplanned_is_found(indices):
    found = audit(indices, 10)
    assert set(found.missing) == set(range(10)) - set(indices)
    assert set(found.doubled) == {index for index in range(10) if indices.count(index) > 1}
    assert list(found.unplanned) == sorted(index for index in indices if not 0 <= index < 10)
    assert (found == Audit()) == (sorted(indices) == list(range(10)))
