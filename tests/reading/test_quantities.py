"""Numbers in sentences, as people write them."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from harness.reading.quantities import Seconds, period_s, plain, seconds


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


@pytest.mark.parametrize(
    ("written", "of_seconds"),
    [
        ("250ms", 0.25), ("3s", 3), ("3 s", 3), ("3sec", 3), ("1.5 sec", 1.5), ("5m", 300), ("5min", 300), ("1.5 min", 90),
        (" 2h ", 7200), ("24h", 86400),
    ],
)  # fmt: skip
def test_a_duration_is_a_number_with_its_unit_of_which_m_is_minutes(written: str, of_seconds: float) -> None:
    assert seconds(written) == of_seconds


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("5", "'5' is not a duration; write a number and a unit (ms, s, min or h), such as 3s, 250ms or 2min"),
        (5, "5 is not a duration; write a number and a unit"),
        (None, "null is not a duration"),
        ("5 seconds", "'5 seconds' is not a duration; write a number and a unit"),
        ("5M s", "is not a duration"),
        ("1,5s", "a number is written with a point, such as 1.5s"),
        (".5s", "a number begins with a digit, such as 0.5s"),
        ("-5s", "no time is less than none"),
        ("1h30m", "it has one number and one unit, such as 90min"),
        ("1m 30sec", "it has one number and one unit, such as 90min"),
        ("25h", "'25h' is too long; nothing here may last more than 24h"),
    ],
)
def test_what_is_no_duration_is_refused_with_what_would_be_right(written: object, told: str) -> None:
    with pytest.raises(ValueError, match=r"^.") as refused:
        seconds(written)
    assert told in str(refused.value)


@pytest.mark.parametrize(("written", "right"), [("2S", "2s"), ("5M", "5m"), ("5 Min", "5min"), ("3SEC", "3sec")])
def test_a_unit_in_capitals_is_refused_where_something_is_to_be_run(written: str, right: str) -> None:
    with pytest.raises(ValidationError, match=f"units are written small, such as {right}"):
        TypeAdapter(Seconds).validate_python(written)


def test_a_long_time_that_is_none_is_refused_with_what_would_be_right() -> None:
    assert (period_s("30d"), period_s("12h"), period_s("2w")) == (30 * 86400, 12 * 3600, 14 * 86400)
    for wrong in ("30", "d", "-3d", "1 month", "", 30):
        with pytest.raises(ValueError, match="such as 30d"):
            period_s(wrong)
