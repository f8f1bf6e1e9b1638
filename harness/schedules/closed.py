"""When nothing begins although its time has come: blackout windows, every week or once, and the days of a calendar of holidays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from harness.reading.schedule import Window

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_DAY = timedelta(days=1)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = "write a time of day such as 18:00, or a day and a time such as 2026-12-20T00:00"


@dataclass(frozen=True, slots=True)
class Weekly:
    """From *start* to before *end*, counted from the beginning of each of *days* (0 is Monday); *said* tells a person of it."""

    days: frozenset[int]
    start: timedelta
    end: timedelta
    said: str

    def holds(self, wall: datetime) -> bool:
        """Whether what a clock in the schedule's zone shows lies in it."""
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        return any(
            day.weekday() in self.days and day + self.start <= wall < day + self.end
            for day in (midnight, midnight - _DAY)
        )


@dataclass(frozen=True, slots=True)
class Once:
    """From *start* to before *end*, on a clock in the schedule's zone."""

    start: datetime
    end: datetime
    said: str

    def holds(self, wall: datetime) -> bool:
        """As that of `Weekly`."""
        return self.start <= wall < self.end


class WindowError(ValueError):
    """A window cannot be what is written; *place* is the key of it at which that stands."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(what)
        self.place = place


class Holidays(Protocol):
    """Days on which nothing begins."""

    def on(self, day: date) -> str:
        """What that day is called; empty where it is an ordinary one."""
        ...


class NoHolidays:
    """A year of ordinary days."""

    def on(self, day: date) -> str:
        return ""


def parsed(window: Window) -> Weekly | Once:
    """What *window* means. Raises WindowError."""
    start, end = _moment("start", window.start), _moment("end", window.end)
    why = f": {window.why}" if window.why else ""
    if isinstance(start, timedelta) and isinstance(end, timedelta):
        days = frozenset(map(_DAYS.index, window.days or _DAYS))
        said = f"blackout {', '.join(window.days) or 'every day'} {window.start} to {window.end}{why}"
        return Weekly(days, start, end + _DAY if end <= start else end, said)
    if isinstance(start, timedelta) or isinstance(end, timedelta):
        raise WindowError(
            "end",
            f"{window.start} to {window.end}: one is a time of day, and the other of one day alone; {_FORM}, twice",
        )
    if window.days:
        raise WindowError("days", "goes with times of day; a day and a time come once")
    if end <= start:
        raise WindowError("end", f"{window.end} is not after {window.start}")
    return Once(start, end, f"blackout {window.start} to {window.end}{why}")


def window_problems(windows: Sequence[Window]) -> Iterator[tuple[str, str]]:
    """What is wrong with each of *windows*: where, such as ``blackout[0].start``, and what."""
    for index, window in enumerate(windows):
        try:
            parsed(window)
        except WindowError as error:
            yield f"blackout[{index}].{error.place}", str(error)


def closed(windows: Sequence[Weekly | Once], holidays: Holidays, wall: datetime) -> tuple[str, str] | None:
    """``blackout`` or ``holiday``, and a sentence, where nothing begins while the schedule's clock shows *wall*; else None."""
    for window in windows:
        if window.holds(wall):
            return "blackout", window.said
    day = holidays.on(wall.date())
    return ("holiday", f"holiday {wall:%Y-%m-%d}: {day}") if day else None


def _moment(place: str, written: str) -> timedelta | datetime:
    clock = _CLOCK.fullmatch(written.strip())
    if clock is not None:
        hours, minutes = int(clock[1]), int(clock[2])
        if minutes < 60 and (hours < 24 or (hours, minutes) == (24, 0)):
            return timedelta(hours=hours, minutes=minutes)
    try:
        at = datetime.fromisoformat(written.strip())
    except ValueError:
        raise WindowError(place, f"{written!r} is no time; {_FORM}") from None
    if len(written.strip()) <= len("2026-12-20"):
        raise WindowError(place, f"{written!r} is a day without a time; write {written.strip()}T00:00")
    if at.tzinfo is not None:
        raise WindowError(
            place,
            f"{written!r} names an offset; its zone is that of the schedule, so write {at.replace(tzinfo=None).isoformat()[:16]}",
        )
    return at
