"""When a schedule comes, whatever becomes of clocks; and what cannot be one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from harness.schedules.cron import cron_wrong, moments, odd_times, shows, zone_wrong


def first(cron: str, zone: str, after: str, count: int = 2) -> list[str]:
    found = islice(moments(cron, ZoneInfo(zone), datetime.fromisoformat(f"{after}+00:00")), count)
    return [f"{at:%Y-%m-%dT%H:%M}" for at in found]


@pytest.mark.parametrize(
    ("zone", "cron", "after", "comes"),
    [
        # Put forward at 02:00 to 03:00, and back at 03:00 to 02:00.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        # At 02:00 to 03:00, and at 02:00 to 01:00.
        ("America/New_York", "30 2 * * *", "2026-03-07T12:00", ["2026-03-08T07:00", "2026-03-09T06:30"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # Half an hour: at 02:00 to 02:30, and at 02:00 to 01:30.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", ["2026-10-03T15:30", "2026-10-04T15:15"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
        ("UTC", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29T02:30", "2026-03-30T02:30"]),
        # A whole day that a clock never showed.
        (
            "Pacific/Apia",
            "0 14 * * *",
            "2011-12-29T12:00",
            ["2011-12-30T00:00", "2011-12-30T10:00", "2011-12-31T00:00"],
        ),
    ],
)
def test_a_time_that_does_not_exist_comes_once_as_soon_as_it_can_and_one_that_exists_twice_the_first_time(
    zone: str, cron: str, after: str, comes: list[str]
) -> None:
    assert first(cron, zone, after, len(comes)) == comes


def test_times_that_fall_together_because_the_clock_is_put_forward_come_once() -> None:
    assert first("0 * * * *", "Europe/Berlin", "2026-03-28T23:30", 3) == [
        "2026-03-29T00:00",
        "2026-03-29T01:00",
        "2026-03-29T02:00",
    ]
    assert first("0,15,45 2 * * *", "Europe/Berlin", "2026-03-28T23:30", 2) == ["2026-03-29T01:00", "2026-03-30T00:00"]


def test_an_hour_that_comes_twice_has_each_of_its_times_once() -> None:
    assert first("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45", 3) == [
        "2026-10-25T00:00",
        "2026-10-25T00:30",
        "2026-10-25T02:00",
    ]
    assert first("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10", 1) == ["2026-10-26T01:30"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("cron", ["*/20 * * * *", "30 1,2 * * *"])
def test_over_a_year_each_time_comes_once_and_in_order(zone: str, cron: str) -> None:
    place = ZoneInfo(zone)
    # Around both changes of each.
    for after in (
        datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 7), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31))
    ):
        found = list(islice(moments(cron, place, after), 150))
        assert all(earlier < later for earlier, later in pairwise(found))
        shown = [shows(at, place) for at in found]
        assert len(set(shown)) == len(shown)
        assert found[0] > after


def test_the_next_moment_does_not_depend_on_how_often_one_has_asked() -> None:
    zone, at = ZoneInfo("Australia/Lord_Howe"), datetime(2026, 10, 3, 12, tzinfo=UTC)
    whole = list(islice(moments("*/15 * * * *", zone, at), 40))
    for one in whole:
        at = next(moments("*/15 * * * *", zone, at))
        assert at == one


def test_a_day_of_the_month_or_of_the_week_suffices_where_both_are_named_and_with_a_star_both_have_to_hold() -> None:
    assert first("0 14 13 * FRI", "UTC", "2026-11-01T00:00", 3) == [
        "2026-11-06T14:00",
        "2026-11-13T14:00",
        "2026-11-20T14:00",
    ]
    assert first("0 14 */2 * FRI", "UTC", "2026-11-01T00:00", 2) == ["2026-11-13T14:00", "2026-11-27T14:00"]


def test_the_first_friday_and_the_last_day_of_a_month_can_be_said() -> None:
    assert first("0 14 * * FRI#1", "UTC", "2026-11-07T00:00") == ["2026-12-04T14:00", "2027-01-01T14:00"]
    assert first("0 14 L * *", "UTC", "2026-01-31T15:00") == ["2026-02-28T14:00", "2026-03-31T14:00"]


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 14 * *", "'0 14 * *' has 4 fields, not five: minute hour day month weekday, such as 0 14 * * FRI"),
        ("0 0 14 * * FRI", "'0 0 14 * * FRI' has 6 fields, not five"),
        ("@Weekly", "'@Weekly' is not known here; write '0 0 * * 0'"),
        ("60 14 * * *", "'60' is no minute; it is 0-59, a list or a range of these, or *"),
        ("0 25 * * *", "'25' is no hour; it is 0-23"),
        ("0 14 32 * *", "'32' is no day-of-month; it is 1-31"),
        ("0 14 30 2 *", "'30' is no day-of-month; it is 1-31 that one of the months has"),
        ("0 14 * MARCH *", "'MARCH' is no month; it is 1-12 or JAN-DEC"),
        ("0 14 * * FRIDAY", "'FRIDAY' is no day-of-week; it is 0-7 or SUN-SAT"),
        ("0 14 * * FRI-MON", "'FRI-MON' is no day-of-week"),
        ("", "'' has 0 fields"),
    ],
)
def test_what_is_no_schedule_is_told_with_what_would_be_one(cron: str, told: str) -> None:
    assert cron_wrong(cron).startswith(told)


def test_nothing_is_wrong_with_a_schedule() -> None:
    assert [
        cron_wrong(cron) for cron in ("0 14 * * FRI", "*/5 0-6 1,15 jan-mar 1-5", "0 14 LW * *", "0 14 29 2 *")
    ] == [""] * 4


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Berln", "there is no time zone 'Europe/Berln'; did you mean Europe/Berlin?"),
        ("Berlin", "there is no time zone 'Berlin'; did you mean Europe/Berlin?"),
        ("new york", "there is no time zone 'new york'; did you mean America/New_York?"),
        ("Europe", "there is no time zone 'Europe'; "),
        ("../etc/passwd", "there is no time zone '../etc/passwd'; "),
        ("", "there is no time zone ''; write one such as Europe/Berlin, or UTC"),
    ],
)
def test_a_zone_that_is_none_is_told_with_the_one_that_may_be_meant(zone: str, told: str) -> None:
    assert zone_wrong(zone).startswith(told)


def test_zones_are_none_to_complain_of() -> None:
    assert [zone_wrong(zone) for zone in ("Europe/Berlin", "UTC", "Australia/Lord_Howe")] == [""] * 3


def test_times_that_exist_twice_or_not_at_all_are_known_beforehand() -> None:
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    until = begins + timedelta(days=365)
    found = list(odd_times("30 2 * * *", ZoneInfo("Europe/Berlin"), begins, until))
    assert [(f"{at:%m-%d %H:%M}", twice) for at, twice in found] == [("03-29 02:30", False), ("10-25 02:30", True)]
    assert list(odd_times("30 14 * * *", ZoneInfo("Europe/Berlin"), begins, until)) == []
