"""Numbers in sentences, as people write them."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reading.quantities import period_s, plain


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"),
        (1.0, 3, "1"),
        (1.0567, 3, "1.06"),
        (0.987, 3, "0.987"),
        (0.0000566, 3, "0.0000566"),
        (99.96, 3, "100"),
        (1234.4, 3, "1234"),
        (120.0, 2, "120"),
        (2_000_000.0, 6, "2000000"),
        (-3.25, 2, "-3.2"),
        (inf, 3, "inf"),
    ],
)
def test_a_number_has_as_many_digits_as_are_asked_and_no_exponent(value: float, digits: int, text: str) -> None:
    assert plain(value, digits) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15), st.integers(1, 8))
def test_whatever_the_number_its_text_is_near_to_it(value: float, digits: int) -> None:
    text = plain(value, digits)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits), abs=1e-300)


def test_a_long_time_that_is_none_is_refused_with_what_would_be_right() -> None:
    assert (period_s("30d"), period_s("12h"), period_s("2w")) == (30 * 86400, 12 * 3600, 14 * 86400)
    for wrong in ("30", "d", "-3d", "1 month", "", 30):
        with pytest.raises(ValueError, match="such as 30d"):
            period_s(wrong)
