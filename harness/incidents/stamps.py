"""Clocks of logs: seconds since 1970 of what a log calls a time, with the zone and the unit that it has, or that its size gives away."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.problems import Problem, UsageProblems

_EARLIEST_S, _LATEST_S = 631_152_000.0, 4_102_444_800.0
"""From 1990 to 2100: what lies outside is in another unit, or no time."""
_COUNT_MOST = 1e9
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?$")
_SAYABLE = re.compile(r"[\d\s:.,TZ+/-]{1,40}$")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")
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


def seconds(value: object, zone: tzinfo = UTC) -> tuple[float, bool]:
    """Seconds since 1970 of *value*, a number in s, ms, µs or ns or a stamp of ISO 8601, and whether it says its zone, else *zone*.

    Raises NoTimeError.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return of_number(float(value)), True
    text = str(value).strip() if isinstance(value, str) else ""
    if _NUMBER.match(text):
        return of_number(float(text)), True
    try:
        shorter = _LONG_FRACTION.sub(
            r"\1", _SPACED_ZONE.sub(lambda found: "" if found[0].isspace() else "+00:00", text)
        )
        stamp = datetime.fromisoformat(shorter.replace(",", "."))
    except ValueError:
        raise NoTimeError(f"{said(value)} is no time") from None
    named = stamp.tzinfo is not None
    return _sane((stamp if named else stamp.replace(tzinfo=zone)).timestamp(), value), named


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
    if isinstance(value, bool):
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


def _sane(at_s: float, value: object) -> float:
    if not _EARLIEST_S <= at_s < _LATEST_S:
        raise NoTimeError(f"{said(value)} lies before 1990 or after 2100")
    return at_s
