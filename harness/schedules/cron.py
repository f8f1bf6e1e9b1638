"""When a schedule comes: five fields of cron on the clock of a time zone, as instants; each time on that clock once.

What the fields mean, cronsim knows (as Debian's cron reads them, with ``L`` and ``FRI#1`` beside that). It is asked for times on a clock
that never changes, and what becomes of each where a clock is put forward or back is one rule for all, by zoneinfo: a time that does not
exist comes at the first moment after that does, and one that exists twice comes the first time. Two that come to one moment come once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from harness.registry import nearest

_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31 that one of the months has, or L for the last",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT, FRI#1 for the first Friday of a month, or 5L for the last one",
}
"""The fields in order, by cronsim's names, with what each may be."""
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ANY = datetime(2026, 1, 1)  # noqa: DTZ001 - on a clock that never changes


def cron_wrong(cron: str) -> str:
    """What is wrong with the five fields, and what would be right; empty where nothing is."""
    fields = cron.split()
    if (long := _SHORT.get(cron.strip().lower())) is not None:
        return f"{cron!r} is not known here; write {long!r}"
    if len(fields) != len(_FIELDS):
        return f"{cron!r} has {len(fields)} fields, not five: minute hour day month weekday, such as 0 14 * * FRI"
    try:
        next(CronSim(cron, _ANY))
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        said = fields[list(_FIELDS).index(name)] if name in _FIELDS else cron
        return f"{said!r} is no {name}; it is {_FIELDS.get(name, 'five fields, such as 0 14 * * FRI')}, a list or a range of these, or *"
    except StopIteration:
        return f"{cron!r} never comes"
    return ""


def zone_wrong(name: str) -> str:
    """Why there is no time zone of that *name*, and which may be meant; empty where there is one."""
    known = available_timezones()
    if name in known:
        return ""
    same = [
        zone for zone in known if zone.rpartition("/")[2].lower() == name.rpartition("/")[2].replace(" ", "_").lower()
    ]
    near = sorted(same, key=lambda zone: (zone.count("/") != 1, zone))[:1] or nearest(name, sorted(known))
    return f"there is no time zone {name!r}; " + (
        f"did you mean {near[0]}?" if near else "write one such as Europe/Berlin, or UTC"
    )


def moments(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Every instant later than *after* at which the schedule comes, in UTC and in order; without end, where it comes for ever."""
    last = after
    # No time on the clock up to that of *after* is an instant later than it, so none has to be looked at before that.
    for written in CronSim(cron, shows(after, zone)):
        at = instant(written, zone)
        if at > last:
            yield at
            last = at


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock in *zone* first shows *wall*, which has no zone of its own; where it never does, when it first shows a later time."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if shows(first, zone) == wall:
        return first
    # As PEP 495 has it: of a time that is left out, the two lie on either side of the change.
    minutes = range(round((first - second) / timedelta(minutes=1)))
    return second + timedelta(
        minutes=bisect_right(minutes, wall, key=lambda one: shows(second + timedelta(minutes=one), zone))
    )


def shows(at: datetime, zone: ZoneInfo) -> datetime:
    """What a clock in *zone* shows *at* this instant, without a zone of its own."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def odd_times(cron: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[tuple[datetime, bool]]:
    """Times of the schedule on the clock that exist twice (True), or do not at all (False), in order, up to *until*."""
    day = timedelta(days=1)
    for number in range((until - after) // day + 1):
        begins = after + number * day
        if begins.astimezone(zone).utcoffset() == (begins + day).astimezone(zone).utcoffset():
            continue
        # The clock is put forward or back on that day.
        for written in CronSim(cron, shows(begins, zone)):
            if (at := instant(written, zone)) > begins + day:
                break
            # PEP 495: of such a time alone the fold says anything.
            if written.replace(tzinfo=zone, fold=1).utcoffset() != written.replace(tzinfo=zone).utcoffset():
                yield written, shows(at, zone) == written
