"""Calendars as RFC 5545 has them, by icalendar and dateutil: days off are read from one, and one is written of times to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_BYTES_MAX = 4 << 20
_EVENTS_MAX = 5_000
_OURS = UUID("6f3f1d5e-1df0-4a43-9d0c-2a5b0a1d9c11")
"""Under which our identities are made: one and the same for the same time of the same file, whenever and wherever it is written."""


class CalendarHolidays:
    """The days of an ``.ics`` file on a clock in *zone*: those of events that take whole days, and those that an event of hours touches.

    Raises ValueError that says why it cannot be read, also later, of a year that is asked for then.
    """

    def __init__(self, content: bytes, zone: ZoneInfo) -> None:
        from icalendar import Calendar

        try:
            calendars = Calendar.from_ical(content, multiple=True)
            self._events: list[Any] = [event for calendar in calendars for event in calendar.walk("VEVENT")]
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"is no calendar that can be read: {error}") from None
        if not self._events:
            raise ValueError("has no event in it; an .ics file with days off is wanted")
        self._zone = zone
        self._moved = {
            (str(event["UID"]), event["RECURRENCE-ID"].dt) for event in self._events if "RECURRENCE-ID" in event
        }
        self._years: dict[int, dict[date, str]] = {}

    def on(self, day: date) -> str:
        """What that day is called; empty where it is none of them."""
        if day.year not in self._years:
            self._years[day.year] = dict(self._of(day.year))
        return self._years[day.year].get(day, "")

    def _of(self, year: int) -> Iterator[tuple[date, str]]:
        for event in self._events:
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            name = str(event.get("SUMMARY", "")).strip() or "no name"
            try:
                start, takes = event.start, event.end - event.start
                if takes < timedelta():
                    raise ValueError("it ends before it begins")
                for begins in self._repeated(event, start, date(year + 1, 1, 1)):
                    yield from ((day, name) for day in self._days(begins, begins + takes) if day.year == year)
            # What cannot be read is an error: a day off that was passed over would be one on which something begins.
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"has an event {name!r} that cannot be read: {error}") from None

    def _repeated(self, event: Any, start: date, until: date) -> Iterator[Any]:
        """When *event* begins, each time before the day *until*; a time that was moved is an event of its own."""
        if not {"RRULE", "RDATE"} & set(event):
            yield start
            return
        moved = {at for uid, at in self._moved if uid == str(event.get("UID"))}
        for count, wall in enumerate(_rules(event, start)):
            if count > _EVENTS_MAX:
                raise ValueError(f"it comes more than {_EVENTS_MAX:,} times; a calendar of days off is wanted")
            if wall.date() > until:
                return
            at = wall.replace(tzinfo=start.tzinfo) if isinstance(start, datetime) else wall.date()
            if at not in moved:
                yield at

    def _days(self, start: Any, end: Any) -> Iterator[date]:
        """Each day from *start* to before *end*."""
        if isinstance(start, datetime):
            begins, ends = (one.astimezone(self._zone) if one.tzinfo else one for one in (start, end))
            # An event that ends at midnight has nothing of the day that begins then.
            start, end = begins.date(), (ends - timedelta(microseconds=1)).date() + _DAY
        yield from (start + number * _DAY for number in range(max(1, (end - start).days)))


def _rules(event: Any, start: date) -> Iterable[datetime]:
    """When a clock where *event* lives shows that it begins, by its rules and dates."""
    from dateutil.rrule import rruleset, rrulestr

    first = _wall(start, start)
    found = rruleset()
    found.rdate(first)
    for rule in _all(event, "RRULE"):
        until = rule.get("UNTIL", [None])[0]
        said = {key: value for key, value in rule.items() if key != "UNTIL"}
        text = type(rule)(said).to_ical().decode()
        found.rrule(
            rrulestr(text + (f";UNTIL={_wall(until, start, last=True):%Y%m%dT%H%M%S}" if until else ""), dtstart=first)
        )
    for key, take in (("RDATE", found.rdate), ("EXDATE", found.exdate)):
        for dates in _all(event, key):
            for one in dates.dts:
                take(_wall(one.dt[0] if isinstance(one.dt, tuple) else one.dt, start))
    return cast("Iterable[datetime]", found)


def _all(event: Any, key: str) -> list[Any]:
    found = event.get(key, [])
    return found if isinstance(found, list) else [found]


def _wall(at: date, start: date, *, last: bool = False) -> datetime:
    """What a clock where *start* lives shows at *at*; of a day its beginning, or its end where it is the *last*."""
    if not isinstance(at, datetime):
        return datetime.combine(at, time.max if last else time.min).replace(microsecond=0)
    if not isinstance(start, datetime):
        return datetime.combine(at.date(), time.max if last else time.min).replace(microsecond=0)
    return (at.astimezone(start.tzinfo) if at.tzinfo and start.tzinfo else at).replace(tzinfo=None)


def load_holidays(path: Path, zone: ZoneInfo) -> CalendarHolidays:
    """The holidays in the file at *path*. Raises ValueError that says what is wrong with it."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("is no file")  # nobody may ever write to a pipe, and to open it waits for that
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > _BYTES_MAX:
        raise ValueError(f"is larger than {_BYTES_MAX >> 20} MiB; no calendar of days off is")
    return CalendarHolidays(content, zone)


@dataclass(frozen=True, slots=True)
class Entry:
    """That a file of that *name* begins *at* this instant, and takes so long."""

    name: str
    at: datetime
    takes: timedelta
    title: str
    about: str = ""


def calendar_of(entries: Iterable[Entry], made: datetime) -> bytes:
    """A calendar with an event for each of *entries*, in UTC, written at *made*."""
    from icalendar import Calendar, Event

    calendar: Any = Calendar()
    calendar.add("prodid", "-//resilience-harness//schedule//EN")
    calendar.add("version", "2.0")
    for entry in entries:
        event: Any = Event()
        event.add("uid", str(uuid5(_OURS, f"{entry.name} {entry.at.astimezone(UTC):%Y%m%dT%H%M%SZ}")))
        event.add("dtstamp", made.astimezone(UTC))
        event.add("dtstart", entry.at.astimezone(UTC))
        event.add("duration", entry.takes)
        event.add("summary", entry.title)
        if entry.about:
            event.add("description", entry.about)
        calendar.add_component(event)
    return bytes(calendar.to_ical())
