"""When nothing begins although its time has come."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from harness.reading.schedule import Window
from harness.schedules.closed import NoHolidays, closed, parsed, window_problems


def at(text: str) -> datetime:
    """A time of November 2026, the 27th of which is a Friday; or of any day that is said whole."""
    return datetime.fromisoformat(text if len(text) > len("27T18:00") else f"2026-11-{text}")


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ({"days": ["fri"], "start": "18:00", "end": "20:00"}, ["27T18:00", "27T19:59"], ["27T17:59", "27T20:00", "26T19:00"]),
        # An end before the start is the next day's, also where it is the same time.
        ({"days": ["fri"], "start": "18:00", "end": "06:00"}, ["27T23:00", "28T05:59"], ["28T06:00", "27T05:00"]),
        ({"days": ["sat"], "start": "00:00", "end": "00:00"}, ["28T00:00", "28T23:59"], ["29T00:00", "27T23:59"]),
        ({"days": ["sat"], "start": "00:00", "end": "24:00"}, ["28T23:59"], ["29T00:00"]),
        ({"start": "22:00", "end": "08:00"}, ["25T23:00", "26T07:00"], ["26T08:00", "26T21:59"]),
        ({"start": "2026-11-20T00:00", "end": "2026-11-22 06:00"}, ["20T00:00", "22T05:59"], ["19T23:59", "22T06:00"]),
    ],
)  # fmt: skip
def test_nothing_begins_from_the_start_of_a_window_to_before_its_end(
    window: dict[str, Any], inside: list[str], outside: list[str]
) -> None:
    windows = [parsed(Window(**window))]
    assert [closed(windows, NoHolidays(), at(one)) is not None for one in inside] == [True] * len(inside)
    assert [closed(windows, NoHolidays(), at(one)) for one in outside] == [None] * len(outside)


def test_which_window_it_is_and_why_is_told() -> None:
    windows = [parsed(Window(days=["fri"], start="18:00", end="06:00", why="releases"))]
    assert closed(windows, NoHolidays(), at("2026-11-27T19:00")) == (
        "blackout",
        "blackout fri 18:00 to 06:00: releases",
    )


def test_nothing_begins_on_a_holiday() -> None:
    class Christmas:
        def on(self, day: date) -> str:
            return "Christmas" if (day.month, day.day) == (12, 25) else ""

    assert closed([], Christmas(), at("2026-12-25T14:00")) == ("holiday", "holiday 2026-12-25: Christmas")
    assert closed([], Christmas(), at("2026-12-24T23:59")) is None


@pytest.mark.parametrize(
    ("window", "place", "told"),
    [
        ({"start": "6pm", "end": "20:00"}, "start", "'6pm' is no time; write a time of day such as 18:00, or"),
        ({"start": "18:00", "end": "25:00"}, "end", "'25:00' is no time"),
        ({"start": "18:60", "end": "19:00"}, "start", "'18:60' is no time"),
        ({"start": "2026-12-20", "end": "2026-12-24T00:00"}, "start", "'2026-12-20' is a day without a time; write 2026-12-20T00:00"),
        ({"start": "2026-12-20T00:00Z", "end": "2026-12-24T00:00"}, "start", "'2026-12-20T00:00Z' names an offset; "),
        ({"start": "18:00", "end": "2026-12-24T00:00"}, "end", "18:00 to 2026-12-24T00:00: one is a time of day, and the other"),
        ({"days": ["fri"], "start": "2026-12-20T00:00", "end": "2026-12-24T00:00"}, "days", "goes with times of day"),
        ({"start": "2026-12-24T00:00", "end": "2026-12-20T00:00"}, "end", "2026-12-20T00:00 is not after 2026-12-24T00:00"),
    ],
)  # fmt: skip
def test_a_window_that_is_none_is_told_with_its_place(window: dict[str, Any], place: str, told: str) -> None:
    ((where, what),) = window_problems([Window(start="18:00", end="19:00"), Window(**window)])
    assert where == f"blackout[1].{place}"
    assert what.startswith(told)
