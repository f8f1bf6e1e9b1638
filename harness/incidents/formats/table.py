"""A table of calls as CSV or as JSON, whose columns are named on the command line, or known by their usual names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import chain, islice
from math import isnan, nan

from harness.incidents.calls import OK, Broken, Call, Passed
from harness.incidents.columns import DURATIONS, USUAL, known, listed, missing, of_calls, tells_start
from harness.incidents.documents import documents
from harness.incidents.outcomes import host_of, of_error, of_status
from harness.incidents.source import Source, decoded, rows, several, table
from harness.incidents.stamps import NoTimeError, began, count, is_of_a_day, number, seconds, wait_s
from harness.problems import Problem, UsageProblems
from harness.registry import nearest, suggestion

_GOOD_WORDS = {"", "ok", "success", "succeeded", "true", "none", "null", "nan", "-"}
_NO_ERROR = {"", "ok", "success", "false", "no", "0", "none", "null", "nan", "-"}
_NO_SUCCESS = {"false", "no", "0"}
_STATUS = re.compile(r"(\d{1,3})(?:\.0+)?(?:(?<=\d\d\d)\s+[A-Za-z' -]+)?$")
_LOOKED_AT = 1_000
_DEEP_MOST = 6
_ANSWER = re.compile(rb"\s*\{\s*\"data\"\s*:\s*(?=\[)")
"""How the answer of an API begins, with the rows in it."""
_UNIT = re.compile(r"(\d[\d.]*)\s*(ns|us|µs|μs|ms|s|sec|seconds?)$", re.IGNORECASE)
_IN_MS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0}
_SEPARATOR = re.compile(rb"[,;\t|]")


class Table:
    """CSV or JSON objects, a call in each row; --column start=NAME says which column holds what."""

    def suits(self, head: bytes) -> bool:
        return _names_columns(head) or of_calls(names_in(head))

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        if source.head().lstrip()[:1] in (b"{", b"["):
            yield from _objects(source)
            return
        names, found = table(source)
        where = _told(names, source)
        for one in found:
            yield one if isinstance(one, Broken) else _row(*one, where, source)


def _names_columns(head: bytes) -> bool:
    line, ended, _ = head.partition(b"\n")
    first, *others = _SEPARATOR.split(line, maxsplit=1)
    return bool(ended and others) and first[:1] != b"[" and b"{" not in first


def names_in(head: bytes) -> list[str]:
    """The names in the first JSON object in *head*; none where there is none."""
    rows_in = _ANSWER.sub(b"", head)
    first = next(documents(BytesIO(rows_in), len(rows_in)), None)
    if not isinstance(first, tuple) or isinstance(first, Broken):
        return []
    try:
        return [*flat(decoded(first[1]))]
    except ValueError:  # such as a text that is not UTF-8: none of its names can be told
        return []


def _told(names: list[str], source: Source) -> dict[str, int]:
    """Which column is where, after it was said which is what."""
    where = columns(names, source.columns, str(source.path))
    columns_read = {what: names[at] for what, at in where.items()}
    said = ", ".join(f"{what}={name}" for what, name in columns_read.items())
    source.told.extend((f"Columns that are read: {said}.", *missing(columns_read, names)))
    return where


def _objects(source: Source) -> Iterator[Call | Broken]:
    """The rows of a table of JSON objects, whose columns are the names in its first ones."""
    found = (one if isinstance(one, Broken) else (one[0], flat(one[1])) for one in rows(source))
    first = list(islice(found, _LOOKED_AT))
    names = list(dict.fromkeys(name for one in first if not isinstance(one, Broken) for name in one[1]))
    where = _told(names, source)
    for one in chain(first, found):
        if isinstance(one, Broken):
            yield one
        else:
            values = [_text(one[1].get(name)) for name in names]
            yield _row(one[0], values, where, source)


def flat(row: Mapping[str, object], before: str = "", deep: int = _DEEP_MOST) -> dict[str, object]:
    """*row* with what stands in objects inside of it, by names such as ``response.status``."""
    found: dict[str, object] = {}
    for name, value in row.items():
        found |= (
            flat(value, f"{before}{name}.", deep - 1)
            if isinstance(value, dict) and deep
            else {f"{before}{name}": value}
        )
    return found


def _text(value: object) -> str:
    """*value* as a table has it; nothing, where it is none of a single value."""
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def columns(names: list[str], said: Mapping[str, str], file: str) -> dict[str, int]:
    """At which place what stands, of a table whose columns have these *names*. Raises UsageProblems."""
    problems = [
        Problem(
            f"there is nothing called {what!r} to read; {suggestion(what, list(USUAL))}", path=f"--column {what}={name}"
        )
        for what, name in said.items()
        if what not in USUAL
    ] + [
        Problem(f"there is no column {name!r}; {_instead(name, names)}", file, 1, f"--column {what}={name}")
        for what, name in said.items()
        if what in USUAL and name not in names
    ]
    if problems:
        raise UsageProblems(*problems)
    found = {
        what: name for what, name in known(one for one in names if one not in said.values()).items() if what not in said
    }
    found |= said
    lower = [name.lower() for name in names]
    twice = [
        name for what, name in found.items() if (names.count(name) if what in said else lower.count(name.lower())) > 1
    ]
    if twice:
        raise UsageProblems(*(Problem(several(name), file, 1) for name in dict.fromkeys(twice)))
    if not tells_start(found):
        raise UsageProblems(Problem(_no_start(names), file, 1))
    return {what: names.index(name) for what, name in found.items()}


def _instead(name: str, names: list[str]) -> str:
    near = nearest(name, names)
    return f"did you mean {near[0]!r}?" if near else f"its columns: {listed(names)}"


def _no_start(names: list[str]) -> str:
    if any(map(_is_value, names)):
        return (
            "its first line holds values and no names of columns: put one before it that names them, such as start,duration_ms,status; "
            "a log of lines of text is read where it is one of the other forms alone"
        )
    return (
        f"no column is known to say when a call began; name it with --column start=NAME. Its columns: {listed(names)}"
    )


def _is_value(text: str) -> bool:
    """Whether *text* is a time or a number, which no column is called by."""
    for read in (seconds, number):
        try:
            return read(text) is not None
        except ValueError:
            continue
    return False


def _row(line: int, values: list[str], where: Mapping[str, int], source: Source) -> Call | Broken:
    try:
        return of_columns({what: values[at] for what, at in where.items()}, source)
    except (ValueError, OverflowError) as error:
        return Broken(line, str(error))


def of_columns(said: Mapping[str, str], source: Source) -> Call:
    """The call that a row says, by what stands where. Raises ValueError."""
    took_ms = _duration_ms(said)
    try:
        ended_s = source.seconds(said["end"]) if said.get("end") else nan
        at_s = source.seconds(_of_its_day(said)) if "start" in said else began(ended_s, took_ms / 1e3)
    except NoTimeError as error:
        raise ValueError(f"start or end: {error}") from None
    took_ms = took_ms if isnan(ended_s) or "start" not in said else 1e3 * (ended_s - at_s)
    return Call(
        at_s,
        _came_to(said.get("status", ""), said.get("error", "") or _failed(said.get("success", ""))),
        took_ms,
        _first_ms(said),
        host_of(said.get("link", "")),
        said.get("model", ""),
        count(said.get("tokens_in")),
        count(said.get("tokens_out")),
        _wait_s(said.get("retry_after_s"), at_s + (0.0 if isnan(took_ms) else took_ms / 1e3)),
        said.get("conversation", ""),
        _id(said.get("request", "")),
        prompt=said.get("prompt", ""),
    )


def _id(request: str) -> str:
    """What calls for one request have in common; the first line of a request (``POST /chat``), which many have, is no such thing."""
    return "" if " " in request.strip() else request


def _of_its_day(said: Mapping[str, str]) -> str:
    """When it began, with its day where that stands in a column of its own."""
    return f"{said['day']} {said['start']}" if said.get("day") and is_of_a_day(said["start"]) else said["start"]


def _came_to(status: str, error: str) -> int:
    status, error = status.strip(), error.strip()
    error = "" if error.lower() in _NO_ERROR else error
    if found := _STATUS.match(status):
        came_to = of_status(int(found[1]))
        return came_to if came_to != OK or not error else of_error(error)
    text = f"{'' if status.lower() in _GOOD_WORDS else status} {error}".strip()
    return of_error(text) if text else OK


def _wait_s(said: str | None, told_s: float) -> float:
    found = wait_s(said, told_s)
    if found < 0:
        raise ValueError("retry_after_s: a time below 0")
    return found


def _failed(success: str) -> str:
    """An error in words that say nothing, where *success* says that there was none."""
    return "failed" if success.strip().lower() in _NO_SUCCESS else ""


def _duration_ms(said: Mapping[str, str]) -> float:
    return next((ms for what, times in DURATIONS.items() if not isnan(ms := _ms(said, what, times))), nan)


def _first_ms(said: Mapping[str, str]) -> float:
    found = _ms(said, "first_token_ms", 1.0)
    return _ms(said, "first_token_s", 1e3) if isnan(found) else found


def _ms(said: Mapping[str, str], what: str, times: float) -> float:
    """Milliseconds, of a number that is so many *times* as many, or has a unit of its own; NaN where there are none."""
    text = said.get(what, "")
    if of_unit := _UNIT.match(text.strip()):
        text, times = of_unit[1], _IN_MS.get(of_unit[2].lower().replace("µ", "u").replace("μ", "u"), 1e3)
    found = number(text)
    if found is not None and found < 0:
        raise ValueError(f"{what}: a time below 0")
    return nan if found is None else found * times
