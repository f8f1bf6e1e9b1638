"""A recorded curve: a file that says second by second how many requests came in an incident, how many failed, and how long they took."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import StringIO
from itertools import islice
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from harness.problems import Problem, UsageProblems
from harness.reading.table_text import other_width
from harness.registry import nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

Of = Literal["requests", "calls"]
COUNTED: tuple[Of, ...] = ("requests", "calls")
"""What a curve can be of, as its column says: requests of clients, or calls that a service made."""
NEEDED = ("second", "failed")
KNOWN = (*NEEDED, "p50_ms", "p95_ms", "per_s")
BYTES_MOST = 32 << 20
SECONDS_MOST = 7 * 86_400
"""A week: no scenario lasts as long."""
_SHOWN = 5
_QUOTED = 40
_WHOLE = re.compile(r"[0-9]{1,15}")


class Second(NamedTuple):
    """One second: how many *came*, how many of those *failed*, and at what quantiles answers took so many milliseconds (NaN: not known).

    *per_s*: how many are to be expected a second in a run of the scenario; of a shortened incident fewer than the *came* that were logged.
    """

    second: int
    came: int
    failed: int
    p50_ms: float
    p95_ms: float
    per_s: float


@dataclass(frozen=True, slots=True)
class RecordedCurve:
    """The seconds of a *file* in their order, counted from when the load begins; one that is not there was not recorded."""

    file: str
    of: Of
    sha256: str = ""
    seconds: tuple[Second, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)

    @property
    def end_s(self) -> int:
        """When its last second ends."""
        return self.seconds[-1].second + 1


QUANTILES = (0.5, 0.95)


def quantiles(second: Ints, took_ms: Floats, length: int) -> tuple[Floats, Floats]:
    """The `QUANTILES` of *took_ms* in each second from 0 on, as whoever makes a curve makes them; NaN in one that has none.

    *second* of each is below *length*. They are numpy's own (linear between neighbours), of all seconds at once.
    """
    import numpy as np

    values = took_ms[np.lexsort((took_ms, second))]
    many = np.bincount(second, minlength=length)
    first = np.concatenate([[0], np.cumsum(many)[:-1]])
    there = np.flatnonzero(many)
    found = np.full((len(QUANTILES), length), np.nan)
    for row, q in enumerate(QUANTILES):
        place = q * (many[there] - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, many[there] - 1)
        below, above = values[first[there] + low], values[first[there] + high]
        found[row, there] = below + (place - low) * (above - below)
    return found[0], found[1]


def read_curve(path: Path) -> RecordedCurve:
    """The curve in the file at *path*. Raises UsageProblems that says what is wrong, in which line, and what would be right."""
    content, file = _content(path), str(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblems(Problem(f"is not UTF-8: {error.reason}; save the file as UTF-8", file)) from None
    reader = csv.reader(StringIO(text, newline=""))
    try:
        columns = [name.strip() for name in next((row for row in reader if any(row)), [])]
        of = _of(columns, file)
        rows = list(islice(((reader.line_num, row) for row in reader if any(row)), SECONDS_MOST + 1))
    except csv.Error as error:
        raise UsageProblems(Problem(f"is no CSV: {error}", file, reader.line_num)) from None
    return RecordedCurve(file, of, sha256(content).hexdigest(), tuple(_seconds(rows, columns, of, file)), text)


def _content(path: Path) -> bytes:
    file = str(path)
    if path.suffix.lower() != ".csv":
        raise UsageProblems(Problem("is no recorded curve by its name; it ends in .csv", file))
    try:
        if path.exists() and not path.is_file():
            raise UsageProblems(Problem("is no file", file))
        if (size := path.stat().st_size) > BYTES_MOST:
            what = f"has {size:,} bytes, and a recorded curve at most {BYTES_MOST:,}; it has one row a second"
            raise UsageProblems(Problem(what, file))
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageProblems(Problem("there is no such file", file)) from None
    except OSError as error:
        raise UsageProblems(Problem(f"cannot be read: {error.strerror}", file)) from None


def _of(columns: Sequence[str], file: str) -> Of:
    """What the curve is of, by its *columns*; raises UsageProblems where they are not those of one."""
    right = "; its first line is second,requests,failed,p50_ms,p95_ms,per_s, of which the last three may be left out"
    if not columns:
        raise UsageProblems(Problem(f"is empty{right}", file))
    every = [*KNOWN, *COUNTED]
    problems = [
        Problem(f"unknown column {name[:_QUOTED]!r}{_meant(name, every)}", file, 1)
        for name in [name for name in columns if name not in every][:_SHOWN]
    ]
    problems += [Problem(f"has no column {name!r}{right}", file, 1) for name in NEEDED if name not in columns]
    problems += [Problem(f"has the column {name!r} twice", file, 1) for name in every if columns.count(name) > 1]
    there = [name for name in COUNTED if name in columns]
    if len(there) != 1:
        what = "has both requests and calls" if there else "says neither requests nor calls"
        problems.append(Problem(f"{what}; a curve is of one of them{right}", file, 1))
    if problems:
        raise UsageProblems(*problems)
    return there[0]


def _meant(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"


def _seconds(rows: Sequence[tuple[int, list[str]]], columns: Sequence[str], of: Of, file: str) -> list[Second]:
    """Each row as a second; raises UsageProblems with the first few rows that are none."""
    found: list[Second] = []
    problems: list[Problem] = []
    if not rows:
        problems.append(Problem("has no row, so nothing was recorded", file))
    if len(rows) > SECONDS_MOST:
        problems.append(Problem(f"has more than {SECONDS_MOST:,} rows, a week: a recorded curve has no more", file))
    for line, row in rows if not problems else ():
        wrong: list[tuple[str, str]] = []
        if len(row) != len(columns):
            wrong = [("", other_width(row, columns))]
        else:
            said = dict(zip(columns, (value.strip() for value in row), strict=True))
            wrong = list(_wrong(said, of, found[-1].second if found else -1))
        problems += [Problem(what, file, line, column) for column, what in wrong]
        if len(problems) >= _SHOWN:
            break
        if not wrong:
            found.append(_second(said, of))
    if problems:
        raise UsageProblems(*problems[:_SHOWN])
    return found


def _second(said: Mapping[str, str], of: Of) -> Second:
    came = int(said[of])
    p50_ms, p95_ms = (float(said.get(name) or nan) for name in ("p50_ms", "p95_ms"))
    return Second(int(said["second"]), came, int(said["failed"]), p50_ms, p95_ms, float(said.get("per_s") or came))


def _wrong(said: Mapping[str, str], of: Of, before: int) -> Iterator[tuple[str, str]]:
    """What is wrong with a row: the column, and what; *before* is the second of the row before it."""
    odd = [name for name in ("second", of, "failed") if not _WHOLE.fullmatch(said[name])]
    yield from ((name, f"{_quoted(said[name])} is no whole number from 0 on") for name in odd)
    if "second" not in odd and int(said["second"]) <= before:
        yield "second", f"{said['second']} comes after {before}; seconds rise, and each stands there once"
    if not {of, "failed"} & {*odd} and int(said["failed"]) > int(said[of]):
        yield "failed", f"{said['failed']} of {said[of]} {of} cannot have failed"
    for name in ("p50_ms", "p95_ms", "per_s"):
        least = 0.0 if name == "per_s" else 1e-6
        if (value := said.get(name)) and not least <= _number(value) <= 1e9:
            what = "a rate" if name == "per_s" else "a time in milliseconds"
            yield name, f"{_quoted(value)} is not {what}; leave it empty where it is not known"
    if (low := said.get("p50_ms")) and (high := said.get("p95_ms")) and 0 < _number(high) < _number(low):
        yield "p95_ms", f"{high} is below the median of {low}"


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return nan
    return value if isfinite(value) else nan


def _quoted(text: str) -> str:
    return repr(text[:_QUOTED]) if text else "nothing"
