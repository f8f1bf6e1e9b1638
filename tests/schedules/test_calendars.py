"""Calendars: days off are read, and times to come are written so that others read them."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from harness.schedules.calendars import CalendarHolidays, Entry, calendar_of, load_holidays

BERLIN = ZoneInfo("Europe/Berlin")


def ics(*events: str) -> bytes:
    inner = "".join(f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{inner}END:VCALENDAR\n".replace("\n", "\r\n").encode()


HOLIDAYS = ics(
    "DTSTART;VALUE=DATE:20201225\nDTEND;VALUE=DATE:20201227\nRRULE:FREQ=YEARLY\nSUMMARY:Christmas\\, both days\nTRANSP:TRANSPARENT",
    "DTSTART;VALUE=DATE:20261003\nSUMMARY:Unity",
    "DTSTART;VALUE=DATE:20261231\nDTEND;VALUE=DATE:20270102\nSUMMARY:New Year",
    "DTSTART:20260601T220000Z\nDTEND:20260602T220000Z\nSUMMARY:Move",
    "DTSTART;VALUE=DATE:20260801\nSTATUS:CANCELLED\nSUMMARY:Party",
    "DTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20281231T000000Z\nEXDATE;VALUE=DATE:20271125\nSUMMARY:Thanks",
    "DTSTART;TZID=Europe/Berlin:20260302T180000\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;COUNT=2\nRDATE;TZID=Europe/Berlin:20260701T180000\nSUMMARY:Night",
)


@pytest.mark.parametrize(
    ("day", "called"),
    [
        (date(2026, 12, 25), "Christmas, both days"),
        (date(2027, 12, 26), "Christmas, both days"),
        (date(2026, 12, 27), ""),
        (date(2026, 10, 3), "Unity"),
        (date(2026, 10, 4), ""),
        # From one year into the next.
        (date(2026, 12, 31), "New Year"),
        (date(2027, 1, 1), "New Year"),
        (date(2027, 1, 2), ""),
        # Midnight to midnight on the schedule's clock, which is another day's in UTC.
        (date(2026, 6, 1), ""),
        (date(2026, 6, 2), "Move"),
        (date(2026, 6, 3), ""),
        (date(2026, 8, 1), ""),
        (date(2026, 11, 26), "Thanks"),
        (date(2027, 11, 25), ""),
        (date(2028, 11, 23), "Thanks"),
        (date(2029, 11, 22), ""),
        (date(2026, 3, 3), "Night"),
        (date(2026, 3, 10), "Night"),
        (date(2026, 3, 16), ""),
        (date(2026, 7, 2), "Night"),
    ],
)
def test_a_day_off_is_known_by_its_name(day: date, called: str) -> None:
    assert CalendarHolidays(HOLIDAYS, BERLIN).on(day) == called


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"days: [2026-12-25]\n", "is no calendar that can be read: "),
        (ics(), "has no event in it; an .ics file with days off is wanted"),
        (b"\x00\xff\xfe", "is no calendar that can be read: "),
    ],
)
def test_what_is_no_calendar_is_told(content: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        CalendarHolidays(content, BERLIN)


def test_a_day_that_was_moved_is_another_day() -> None:
    moved = ics(
        "DTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY\nSUMMARY:May",
        "RECURRENCE-ID;VALUE=DATE:20270501\nDTSTART;VALUE=DATE:20270503\nSUMMARY:May, moved",
    )
    days = CalendarHolidays(moved.replace(b"UID:1", b"UID:0"), BERLIN)
    assert [days.on(date(year, 5, day)) for year, day in ((2026, 1), (2027, 1), (2027, 3), (2028, 1))] == [
        "May",
        "",
        "May, moved",
        "May",
    ]


def test_an_event_that_cannot_be_read_is_told_and_not_passed_over() -> None:
    with pytest.raises(ValueError, match="has an event 'odd' that cannot be read: "):
        CalendarHolidays(ics("DTSTART;VALUE=DATE:20260501\nDTEND;VALUE=DATE:20250501\nSUMMARY:odd"), BERLIN).on(
            date(2026, 5, 1)
        )


@pytest.mark.parametrize(
    "spoilt", ["RRULE:FREQ=YEARLYX", "RRULE:FREQ=YEARLY;UNTIL=never", "RDATE;VALUE=DATE:2026", "DURATION:long"]
)
def test_a_day_off_of_which_a_part_cannot_be_read_is_told_and_not_lost(spoilt: str) -> None:
    odd = CalendarHolidays(ics(f"DTSTART;VALUE=DATE:20201225\n{spoilt}\nSUMMARY:odd"), BERLIN)
    with pytest.raises(ValueError, match="has an event 'odd' that cannot be read"):
        odd.on(date(2026, 12, 25))


def test_a_calendar_of_something_else_that_never_ends_is_given_up() -> None:
    endless = CalendarHolidays(ics("DTSTART:20260101T000000Z\nRRULE:FREQ=MINUTELY;INTERVAL=20\nSUMMARY:ping"), BERLIN)
    with pytest.raises(ValueError, match="an event 'ping' that cannot be read: it comes more than 5,000 times"):
        endless.on(date(2026, 12, 31))


def test_a_file_that_is_not_there_is_told_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ics")
    with pytest.raises(ValueError, match="is no file"):
        load_holidays(tmp_path / "pipe.ics", BERLIN)
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        load_holidays(tmp_path / "none.ics", BERLIN)


NOON = datetime(2026, 12, 4, 13, tzinfo=UTC)
ENTRY = Entry(
    "friday", NOON, timedelta(hours=2), "Checkout; loses its region, ümlauts and " + "more " * 20, "one\ntwo, three"
)


def test_what_is_written_is_read_as_it_was_meant() -> None:
    written = calendar_of([ENTRY], made=datetime(2026, 11, 27, tzinfo=UTC))
    (event,) = Calendar.from_ical(written).walk("VEVENT")
    assert (event["SUMMARY"], event["DESCRIPTION"]) == (ENTRY.title, ENTRY.about)
    assert (event.start, event.end) == (NOON, NOON + timedelta(hours=2))
    assert all(len(line) <= 75 for line in written.split(b"\r\n"))
    assert b"\\; loses its region\\, " in written
    assert written.endswith(b"END:VCALENDAR\r\n")


def test_the_same_time_of_the_same_file_is_the_same_event_whenever_it_is_written() -> None:
    def uids(*entries: Entry) -> list[str]:
        made = calendar_of(entries, made=NOON + timedelta(days=len(entries)))
        return [str(event["UID"]) for event in Calendar.from_ical(made).walk("VEVENT")]

    other = Entry("friday", NOON + timedelta(days=7), timedelta(hours=1), "x")
    again = Entry("friday", NOON.astimezone(BERLIN), timedelta(hours=3), "another title")
    assert uids(other, again) == uids(other, ENTRY)
    assert len(set(uids(other, ENTRY, Entry("monday", NOON, timedelta(hours=1), "x")))) == 3
