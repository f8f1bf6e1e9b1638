"""A schedule as a file has it: checked, and then what it means: when it comes, and when nothing begins all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from harness.problems import Problem
from harness.reading.schedule import HOLIDAYS, Schedule
from harness.reading.yaml import Document
from harness.registry import nearest
from harness.schedules.calendars import load_holidays
from harness.schedules.closed import Holidays, NoHolidays, Once, Weekly, closed, parsed, window_problems
from harness.schedules.cron import cron_wrong, moments, shows, zone_wrong

_AHEAD = timedelta(days=366)
_LOOKED_AT = 1000
"""So many of the times to come are looked at for one that begins."""


@dataclass(frozen=True)
class Hours:
    """When a schedule comes, and when nothing begins all the same."""

    cron: str
    zone: ZoneInfo
    late: timedelta
    windows: tuple[Weekly | Once, ...] = ()
    holidays: Holidays = field(default_factory=NoHolidays)

    def moments(self, after: datetime) -> Iterator[datetime]:
        """Every instant later than *after* at which it comes, in UTC."""
        return moments(self.cron, self.zone, after)

    def closed(self, at: datetime) -> tuple[str, str] | None:
        """``blackout`` or ``holiday`` and a sentence, where nothing begins *at* this instant; else None."""
        try:
            return closed(self.windows, self.holidays, shows(at, self.zone))
        except ValueError as error:
            # Of a calendar that cannot be read for that year nobody knows whether it is a day off.
            return "holiday", f"the calendar of holidays {error}"

    def said(self, at: datetime) -> str:
        """This instant as a clock of the schedule shows it."""
        return f"{at.astimezone(self.zone):%a %Y-%m-%d %H:%M %Z}"


def hours(schedule: Schedule, beside: Path) -> Hours:
    """What *schedule* of a file in the folder *beside* means. Raises ValueError where `problems` finds any."""
    zone = ZoneInfo(schedule.zone)
    holidays = load_holidays(beside / schedule.holidays, zone) if schedule.holidays else NoHolidays()
    return Hours(
        " ".join(schedule.cron.split()),
        zone,
        timedelta(seconds=schedule.late),
        tuple(map(parsed, schedule.blackout)),
        holidays,
    )


def problems(schedule: Schedule, beside: Path, now: datetime | None = None) -> list[tuple[str, str]]:
    """All that is wrong with the *schedule* of a file in the folder *beside*: where, such as ``schedule.cron``, and what would be right."""
    now = now or datetime.now(UTC)
    asked = (("cron", cron_wrong(schedule.cron)), ("zone", zone_wrong(schedule.zone)))
    found = [*((place, what) for place, what in asked if what), *window_problems(schedule.blackout)]
    # Whatever its zone, the days of a calendar can be read.
    if schedule.holidays and (what := _holidays_wrong(beside / schedule.holidays, "UTC", now.date())):
        found.append(("holidays", what))
    if not found and (what := _never(hours(schedule, beside), now)):
        found.append(("cron", what))
    return [(f"schedule.{place}", what) for place, what in found]


def of_document(document: Document[Any], schedule: Schedule | None, beside: Path) -> list[Problem]:
    """The same with lines, of a *document* that has it at its key ``schedule``, or has none."""
    return [document.problem(place, what) for place, what in problems(schedule, beside)] if schedule else []


def _holidays_wrong(path: Path, zone: str, today: date) -> str:
    if not path.exists():
        near = nearest(path.name, [other.name for other in path.parent.glob("*.ics")])
        beside = f"an .ics file is looked for beside this one, such as {HOLIDAYS}"
        return f"there is no {path}; " + (f"did you mean {near[0]}?" if near else beside)
    try:
        load_holidays(path, ZoneInfo(zone)).on(today)
    except ValueError as error:
        return f"{path} {error}"
    return ""


def _never(one: Hours, now: datetime) -> str:
    """What to say of a schedule of which nothing begins within a year, because it is closed each time."""
    count, why = 0, ""
    for count, at in enumerate(one.moments(now), 1):
        if count > _LOOKED_AT:
            return ""  # so many are closed, and nobody can tell of those behind them
        if at > now + _AHEAD:
            break
        if (found := one.closed(at)) is None:
            return ""
        why = found[1]
    return f"nothing begins within a year: it is closed each time, as by {why}" if why else ""
