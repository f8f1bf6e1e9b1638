"""A table of calls as CSV or as JSON, whose columns are named on the command line, or known by their usual names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import chain, islice
from math import isnan, nan

from harness.incidents.calls import OK, Broken, Call, Passed
from harness.incidents.documents import documents
from harness.incidents.outcomes import host_of, of_error, of_status
from harness.incidents.source import Source, decoded, rows, several, table
from harness.incidents.stamps import NoTimeError, count, number, wait_s
from harness.problems import Problem, UsageProblems
from harness.registry import suggestion

USUAL: dict[str, tuple[str, ...]] = {
    "start": ("start", "start_time", "starttime", "timestamp", "time", "ts", "at", "@timestamp", "date"),
    "end": ("end", "end_time", "endtime"),
    "duration_ms": ("duration_ms", "took_ms", "request_duration_ms", "elapsed_ms", "response_time_ms"),
    "duration_s": ("duration_s", "latency_s", "elapsed_s", "request_time"),
    "first_token_ms": ("first_token_ms", "time_to_first_token_ms"),
    "first_token_s": ("first_token_s", "time_to_first_token_s"),
    "status": ("status", "status_code", "response_code", "code", "http_status"),
    "error": ("error", "error_type", "exception", "exception_type"),
    "link": ("link", "host", "upstream", "provider", "server_address", "api_base"),
    "model": ("model",),
    "tokens_in": ("tokens_in", "prompt_tokens", "input_tokens"),
    "tokens_out": ("tokens_out", "completion_tokens", "output_tokens"),
    "retry_after_s": ("retry_after_s", "retry_after", "retry-after"),
    "conversation": ("conversation", "conversation_id", "session_id"),
    "request": ("request", "request_id", "trace_id", "x-request-id"),
    "prompt": ("prompt",),
}
"""What a column can hold, and the names by which it is known where none is said."""
_GOOD_WORDS = {"", "ok", "success", "succeeded", "true", "none", "null", "nan", "-"}
_NO_ERROR = {"", "ok", "success", "false", "no", "0", "none", "null", "nan", "-"}
_STATUS = re.compile(r"(\d{1,3})(?:\.0+)?(?:(?<=\d\d\d)\s+[A-Za-z' -]+)?$")
_LOOKED_AT = 1_000
_LINE_OF_CSV = re.compile(rb"[^\n{\[]*[,;\t|][^\n]*\n")


class Table:
    """CSV or JSON objects, a call in each row; --column start=NAME says which column holds what."""

    def suits(self, head: bytes) -> bool:
        return bool(_LINE_OF_CSV.match(head)) or _names_a_call(head)

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        if source.head().lstrip()[:1] in (b"{", b"["):
            yield from _objects(source)
            return
        names, found = table(source)
        where = columns(names, source.columns, str(source.path))
        for one in found:
            yield one if isinstance(one, Broken) else _row(*one, where, source)


def _names_a_call(head: bytes) -> bool:
    """Whether the first JSON object in *head* says when it began and what it came to, by names that are known."""
    first = next(documents(BytesIO(head), len(head)), None)
    if not isinstance(first, tuple) or isinstance(first, Broken):
        return False
    names = {name.lower() for name in decoded(first[1])}
    came_to = ("status", "end", "duration_ms", "duration_s")
    return any(names & {*USUAL["start"]}) and any(names & {*USUAL[what]} for what in came_to)


def _objects(source: Source) -> Iterator[Call | Broken]:
    """The rows of a table of JSON objects, whose columns are the names in its first ones."""
    found = rows(source)
    first = list(islice(found, _LOOKED_AT))
    names = list(dict.fromkeys(name for one in first if not isinstance(one, Broken) for name in one[1]))
    where = columns(names, source.columns, str(source.path))
    for one in chain(first, found):
        if isinstance(one, Broken):
            yield one
        else:
            values = [_text(one[1].get(name)) for name in names]
            yield _row(one[0], values, where, source)


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
        Problem(f"there is no column {name!r}; {suggestion(name, names)}", file, 1, f"--column {what}={name}")
        for what, name in said.items()
        if what in USUAL and name not in names
    ]
    if problems:
        raise UsageProblems(*problems)
    lower = [name.lower() for name in names]
    known = {
        what: next((one for one in usual if one in lower), "") for what, usual in USUAL.items() if what not in said
    }
    twice = [name for name in known.values() if lower.count(name) > 1] + [
        name for name in said.values() if names.count(name) > 1
    ]
    if twice:
        raise UsageProblems(*(Problem(several(name), file, 1) for name in dict.fromkeys(twice)))
    found = {what: lower.index(name) for what, name in known.items() if name} | {
        what: names.index(name) for what, name in said.items()
    }
    if "start" not in found:
        listed = ", ".join(name[:40] for name in names[:30]) or "none"
        what = f"no column is known to say when a call began; name it with --column start=NAME. Its columns: {listed}"
        raise UsageProblems(Problem(what, file, 1))
    return found


def _row(line: int, values: list[str], where: Mapping[str, int], source: Source) -> Call | Broken:
    try:
        return of_columns({what: values[at] for what, at in where.items()}, source)
    except (ValueError, OverflowError) as error:
        return Broken(line, str(error))


def of_columns(said: Mapping[str, str], source: Source) -> Call:
    """The call that a row says, by what stands where. Raises ValueError."""
    try:
        at_s = source.seconds(said["start"])
        ended = said.get("end")
        taken_ms = 1e3 * (source.seconds(ended) - at_s) if ended else None
    except NoTimeError as error:
        raise ValueError(f"start or end: {error}") from None
    took_ms = _ms(said, "duration") if taken_ms is None else taken_ms
    return Call(
        at_s,
        _came_to(said.get("status", ""), said.get("error", "")),
        took_ms,
        _ms(said, "first_token"),
        host_of(said.get("link", "")),
        said.get("model", ""),
        count(said.get("tokens_in")),
        count(said.get("tokens_out")),
        _wait_s(said.get("retry_after_s"), at_s + (0.0 if isnan(took_ms) else took_ms / 1e3)),
        said.get("conversation", ""),
        said.get("request", ""),
        prompt=said.get("prompt", ""),
    )


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


def _ms(said: Mapping[str, str], what: str) -> float:
    """Milliseconds; NaN where there are none."""
    for unit, times in (("ms", 1.0), ("s", 1e3)):
        found = number(said.get(f"{what}_{unit}"))
        if found is not None:
            if found < 0:
                raise ValueError(f"{what}_{unit}: a time below 0")
            return found * times
    return nan
