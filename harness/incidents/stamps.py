"""Clocks of logs: seconds since 1970 of what a log calls a time, with the zone and the unit that it has, or that its size gives away."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from math import isfinite, isnan, nan
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.problems import Problem, UsageProblems
from harness.reading.recorded_curves import SECONDS_MOST

_EARLIEST_S, _LATEST_S = 631_152_000.0, 4_102_444_800.0
"""From 1990 to 2100: what lies outside is in another unit, or no time."""
_COUNT_MOST = 1e9
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")
_SAYABLE = re.compile(r"[\d\s:.,TZ+/-]{1,40}$")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")
_SLASHES = re.compile(r"^(\d{4})/(\d\d)/(\d\d)")
_OF_A_DAY = re.compile(r"\d\d?:\d\d(:|$)")
_OF_TWO_DAYS = re.compile(r"\d\d?[/.]\d\d?[/.]\d{4}(?!.*[AP]M$)")
_OF_MAIL = re.compile(r"[A-Z][a-z][a-z], \d")
_AMERICAN = r"\d\d?/\d\d?/\d{4},? \d\d?:\d\d:\d\d"
_FORMS = (
    (re.compile(r"\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$"), "%d/%b/%Y:%H:%M:%S %z"),
    (re.compile(rf"{_AMERICAN}\.\d{{1,6}} [AP]M$"), "%m/%d/%Y %I:%M:%S.%f %p"),
    (re.compile(rf"{_AMERICAN} [AP]M$"), "%m/%d/%Y %I:%M:%S %p"),
    (re.compile(r"[A-Z][a-z][a-z] \d\d?, \d{4} @ \d\d:\d\d:\d\d\.\d{1,6}$"), "%b %d %Y @ %H:%M:%S.%f"),
)
"""The access logs of Apache and nginx; Azure's tables; Kibana's. With AM and PM the month stands first."""
_SPACED_ZONE = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)|\s*(?:UTC|GMT)$")


class NoTimeError(ValueError):
    """A value that is no time; the message says it only where it holds nothing but digits and signs."""


def zone_named(name: str) -> tzinfo:
    """The time zone of a *name* such as ``Europe/Berlin``. Raises UsageProblems."""
    try:
        return UTC if name.upper() in ("UTC", "Z") else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        what = f"there is no time zone {name[:40]!r}; write UTC, or one such as Europe/Berlin"
        raise UsageProblems(Problem(what, path="--zone")) from None


def seconds(value: object, zone: tzinfo = UTC, before_s: float | None = None) -> tuple[float, bool]:
    """Seconds since 1970 of *value*, a number in s, ms, µs or ns or a stamp of ISO 8601, and whether it says its zone, else *zone*.

    *before_s* is the time that was read before it: by that it is told which hour is meant where the clock has it twice. Raises NoTimeError.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return of_number(float(value)), True
    text = str(value).strip() if isinstance(value, str) else ""
    if _NUMBER.match(text):
        return of_number(float(text)), True
    try:
        stamp = _stamp(text)
    except ValueError:
        raise NoTimeError(f"{said(value)} {_why_none(text)}") from None
    named = stamp.tzinfo is not None
    return _sane(stamp.timestamp() if named else _seconds(stamp, zone, before_s), value), named


def _stamp(text: str) -> datetime:
    """The time that *text* is, of ISO 8601 or as one of those who write logs has it. Raises ValueError."""
    shorter = _LONG_FRACTION.sub(r"\1", _SPACED_ZONE.sub(lambda found: "" if found[0].isspace() else "+00:00", text))
    try:
        return datetime.fromisoformat(_SLASHES.sub(r"\1-\2-\3", shorter).replace(",", "."))
    except ValueError:
        if _OF_MAIL.match(text):
            return parsedate_to_datetime(text)
    if not (form := next((form for looks, form in _FORMS if looks.match(text)), "")):
        raise ValueError(text)
    return datetime.strptime(text.replace(", ", " "), form)  # noqa: DTZ007 - who asked gives it the zone that it does not name


def _why_none(text: str) -> str:
    if is_of_a_day(text):
        return "names no day; of a table give the column of the days, too: --column day=NAME"
    if _OF_TWO_DAYS.match(text):
        return "may be of two days: write the year first, such as 2026-03-31 14:00:00"
    return "is no time"


def is_of_a_day(text: str) -> bool:
    """Whether *text* is a time of a day of which it does not say which it is."""
    return bool(_OF_A_DAY.match(text))


def of_number(value: float) -> float:
    """Seconds since 1970 of a number whose size tells its unit: between 1990 and 2100 only one of the four fits."""
    for per_s in (1e9, 1e6, 1e3, 1.0):
        if _EARLIEST_S <= value / per_s < _LATEST_S:
            return value / per_s
    raise NoTimeError(f"{value:g} is no time since 1970 in s, ms, µs or ns")


def said(value: object) -> str:
    """*value* in quotes where it holds nothing that could be a secret, else what it is."""
    text = str(value)
    if value is None or not text.strip():
        return "nothing"
    return repr(text) if _SAYABLE.match(text) else "a text (not shown)"


def number(value: object) -> float | None:
    """*value* as a number; None where there is none. Raises ValueError for what should be one and is not."""
    if value is None or value == "" or value == "-":
        return None
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):  # to Python 3_00 is one
        raise ValueError(f"{said(value)} is no number")
    try:
        found = float(value)  # type: ignore[arg-type]  # what is none raises
    except (TypeError, ValueError):
        raise ValueError(f"{said(value)} is no number") from None
    if not isfinite(found):
        raise ValueError("a number that is not finite")
    return found


def count(value: object) -> int:
    """How many tokens *value* says; -1 where it says none, or more than can be. Raises ValueError for what should be a number."""
    found = number(value)
    return int(found) if found is not None and 0 <= found < _COUNT_MOST else -1


def wait_s(value: object, told_s: float) -> float:
    """The wait in s that *value*, of a header told at *told_s*, states: a number, or a date of HTTP; NaN where it states none.

    Raises ValueError for what is neither.
    """
    text = value.strip() if isinstance(value, str) else value
    try:
        found = number(text)
    except ValueError:
        try:
            left_s = parsedate_to_datetime(str(text)).timestamp() - told_s
        except (ValueError, OverflowError):
            left_s = None
        if left_s is None:
            raise
        # One that had passed states no wait.
        return left_s if left_s > 0 else nan
    return nan if found is None else found


def _seconds(naive: datetime, zone: tzinfo, before_s: float | None) -> float:
    """Of a time that the clock of *zone* says twice, at the end of summer time, the one that is nearer to *before_s*, or else the first."""
    at_s = naive.replace(tzinfo=zone).timestamp()
    if before_s is None or zone is UTC:
        return at_s
    again_s = naive.replace(tzinfo=zone, fold=1).timestamp()
    # One that no clock said, as summer time begins, is as good as that an hour later.
    return again_s if again_s > at_s and abs(again_s - before_s) < abs(at_s - before_s) else at_s


def began(ended_s: float, took_s: float) -> float:
    """Seconds since 1970 at which began what had *ended* then and *took* so long. Raises ValueError where that is no duration."""
    if not 0 <= took_s <= SECONDS_MOST or isnan(ended_s):
        raise ValueError(
            "when it began is not known: there is no end, or no time between 0 and a week that it took until then"
        )
    return ended_s - took_s


def _sane(at_s: float, value: object) -> float:
    if not _EARLIEST_S <= at_s < _LATEST_S:
        raise NoTimeError(f"{said(value)} lies before 1990 or after 2100")
    return at_s
