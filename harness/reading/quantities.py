"""Quantities as people write them in a file: ``3s``, ``250ms``, ``1.5 min``; bare numbers are refused, since their unit is a guess.

And shares as they are said to people, which is in one way everywhere.
"""

from __future__ import annotations

import re
from functools import partial
from math import floor, isfinite, log10
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_UNITS_S = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_LONGEST_S = 24 * 3600.0
_YEAR_S = 366 * _LONGEST_S
_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_DIGITS_MOST = 4
_LONG_UNITS_S = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_FORM = "write a number and a unit (ms, s, min or h), such as 3s, 250ms or 2min"


def seconds(written: Any, longest_s: float = _LONGEST_S) -> float:
    """Seconds of a duration such as ``3s``, ``250ms``, ``2min``; raises ValueError that says what would be right."""
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None or match[2].lower() not in _UNITS_S:
        said = "null" if written is None else repr(written)
        raise ValueError(f"{said} is not a duration; {_instead(written)}")
    duration_s = float(match[1]) * _UNITS_S[match[2].lower()]
    if duration_s > longest_s:
        raise ValueError(f"{written!r} is too long; nothing here may last more than {longest_s / 3600:g}h")
    return round(duration_s, 9)


_SEVERAL = re.compile(r"(?:\s*[0-9]+(?:\.[0-9]+)?\s*(?:ms|s|sec|m|min|h)){2,}\s*")


def _instead(written: Any) -> str:
    """What to write in the place of what is no duration."""
    if not isinstance(written, str):
        return _FORM
    low = written.strip().lower()
    if re.fullmatch(r"[0-9]+,[0-9]+\s*[a-z]+", low):
        return f"a number is written with a point, such as {low.replace(',', '.')}"
    if low.startswith("."):
        return f"a number begins with a digit, such as 0{low}"
    if low.startswith("-"):
        return "no time is less than none"
    if _SEVERAL.fullmatch(low):
        return "it has one number and one unit, such as 90min for an hour and a half"
    return _FORM


def period_s(written: Any) -> float:
    """Seconds of a long time such as ``30d``, ``12h`` or ``4w``; raises ValueError that says what would be right."""
    match = re.fullmatch(r"\s*([0-9]{1,6}(?:\.[0-9]+)?)\s*([hdw])\s*", written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f"{written!r} is no such time; write a number and h, d or w, such as 30d")
    return float(match[1]) * _LONG_UNITS_S[match[2]]


def ratio(written: Any) -> float:
    """A share of 0 to 1, as a number; raises ValueError that says what would be right."""
    if isinstance(written, int | float) and not isinstance(written, bool) and 0 <= written <= 1:
        return float(written)
    raise ValueError(f"{written!r} is not a share; write a number from 0 to 1, such as 0.1")


class Rule(BeforeValidator):
    """A rule of today about how a value is written; what was run before there was one is read all the same."""


def _small(written: Any) -> Any:
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is not None and match[2] != (small := match[2].lower()) and small in _UNITS_S:
        raise ValueError(f"{written!r} is not a duration; units are written small, such as {match[1]}{small}")
    return written


_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|sec|m|min|h)\s*$", "examples": ["3s", "250ms", "2min"]}
)
Seconds = Annotated[float, BeforeValidator(seconds), Rule(_small), _SCHEMA]
SecondsOfYear = Annotated[float, BeforeValidator(partial(seconds, longest_s=_YEAR_S)), Rule(_small), _SCHEMA]
"""Of what was recorded, which may have gone on for longer than a run may."""
Period = Annotated[
    float,
    BeforeValidator(period_s),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}(\.\d+)?\s*[hdw]\s*$", "examples": ["30d", "4w", "12h"]}),
]
"""Seconds of days and weeks, over which something is promised."""


_UNITS_BYTES = {"kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_BYTES_FORM = "write a number and a unit (kB, MB, GB, or KiB, MiB, GiB), such as 200MB or 1.5GiB"


def byte_count(written: Any) -> int:
    """Bytes of a size such as ``200MB`` (of 10^6) or ``64MiB`` (of 2^20); raises ValueError that says what would be right."""
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None or match[2].lower() not in _UNITS_BYTES:
        said = "null" if written is None else repr(written)
        raise ValueError(f"{said} is not a size; {_BYTES_FORM}")
    return round(float(match[1]) * _UNITS_BYTES[match[2].lower()])


def byte_count_said(count: int) -> str:
    """The same for people: ``200 MB``, or ``64 MiB`` where that is the whole number."""
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("GB", 1000**3), ("MB", 1000**2)):
        if count >= size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{plain(count / 1000**2, 4)} MB"


ByteCount = Annotated[
    int,
    BeforeValidator(byte_count),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[kKmMgG][iI]?[bB]\s*$", "examples": ["200MB", "1.5GiB"]}
    ),
]


def plain(value: float, digits: int = 3) -> str:
    """A number in a sentence with so many significant *digits*, and never with an exponent: ``1.06``, ``0.0000566``, ``1235``."""
    if not isfinite(value) or value == 0:
        return f"{value:g}"
    text = f"{value:.{max(0, digits - 1 - floor(log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: int, thing: str) -> str:
    """So many of a *thing*, which is named in the singular: ``1 event``, ``3 events``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def share(value: float, apart_from: float | None = None) -> str:
    """A ratio in a sentence: ``97 %``, ``99.6 %`` where whole per cents would say 100, and ``1.3 %`` where they would hide a third.

    It has so many digits more as show that it is not *apart_from*, such as its limit: ``94.8 %`` where 95 % is asked.
    """
    percent = 100 * value
    digits = 0 if percent in (0, 100) or 10 <= percent <= 99 else 1 if 0.1 <= percent <= 99.9 else 2
    if apart_from is not None and apart_from != value:
        while digits < _DIGITS_MOST and f"{percent:.{digits}f}" == f"{100 * apart_from:.{digits}f}":
            digits += 1
    text = f"{percent:.{digits}f}"
    return f"{text.removesuffix('.0')} %"
