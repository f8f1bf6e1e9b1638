"""What columns of a table of calls can hold, and the names by which they are known where none is said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_TOOK = ("duration", "took", "request_duration", "elapsed", "response_time", "latency", "total_time")
_FIRST = ("first_token", "time_to_first_token", "ttft")


def _in(unit: str, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{word}_{unit}" for word in words)


USUAL: dict[str, tuple[str, ...]] = {
    "start": (
        *(
            "start",
            "start_time",
            "starttime",
            "start_utc",
            "start_timestamp",
            "started_at",
            "timestamp",
            "time",
            "ts",
            "at",
            "date",
        ),
        *("timestamp_utc", "time_generated_utc"),
    ),
    "day": ("date", "day"),
    "end": ("end", "end_time", "endtime", "end_timestamp", "ended_at", "finished_at", "msec", "time_iso8601"),
    "duration_ms": (*_in("ms", _TOOK), "latencies_request"),  # Kong
    "duration_s": (*_in("s", _TOOK), *_in("seconds", _TOOK), "request_time", "http_request_latency"),  # nginx, Google
    "duration_us": _in("us", _TOOK),
    "duration_ns": (*_in("ns", _TOOK), "duration_nano", "duration_nanos", "origin_duration"),  # Traefik
    "first_token_ms": _in("ms", _FIRST),
    "first_token_s": _in("s", _FIRST),
    "status": (
        *(
            "status",
            "status_code",
            "response_code",
            "code",
            "http_status",
            "http_response_status_code",
            "http_status_code",
        ),
        *("response_status", "downstream_status", "result_code", "http_request_status"),
    ),
    "error": ("error", "error_type", "exception", "exception_type"),
    "success": ("success", "succeeded"),
    "link": ("link", "host", "upstream", "provider", "server_address", "api_base"),
    "model": ("model", "gen_ai_request_model"),
    "tokens_in": ("tokens_in", "prompt_tokens", "input_tokens"),
    "tokens_out": ("tokens_out", "completion_tokens", "output_tokens"),
    "retry_after_s": ("retry_after_s", "retry_after"),
    "conversation": ("conversation", "conversation_id", "session_id"),
    "request": ("request", "request_id", "trace_id", "x_request_id"),
    "prompt": ("prompt",),
}
"""What a column can hold, and the names by which it is known: in small letters, with `_` for whatever else stands between words."""
DURATIONS = {"duration_ms": 1.0, "duration_s": 1e3, "duration_us": 1e-3, "duration_ns": 1e-6}
"""How many milliseconds one is, of each column of durations."""
COME_TO = ("status", "error", "success")
_BY_END = {"end", *DURATIONS}
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_PERHAPS = re.compile(r"duration|latency|elapsed|took|response_time|request_time")
_NAME = re.compile(r"[A-Za-z_@$#][^\s,;|]*( [^\s,;|]+){0,2}$")
_NAME_MOST, _DIGITS_MOST, _LISTED_MOST = 40, 4, 30


def plain(name: str) -> str:
    """*name* as `USUAL` has names: ``http.statusCode`` is ``http_status_code``."""
    return "_".join(filter(None, _WORDS.split(name))).lower()


def known(names: Iterable[str]) -> dict[str, str]:
    """Of columns with these *names* which holds what, as far as it is known."""
    by_letters, by_words = dict[str, str](), dict[str, str]()
    for name in names:
        by_letters.setdefault(name.lower(), name)
        by_words.setdefault(plain(name), name)
    places = ((by_letters if one in by_letters else by_words, one) for usual in USUAL.values() for one in usual)
    found = {one: where[one] for where, one in places if one in where}
    return {
        what: name for what, usual in USUAL.items() if (name := next((found[one] for one in usual if one in found), ""))
    }


def of_calls(names: Iterable[str]) -> bool:
    """Whether a table with columns of these *names* says of each row when a call began, and what it came to or how long it took."""
    found = known(names)
    return tells_start(found) and any(what in found for what in (*COME_TO, *_BY_END))


def tells_start(columns: Mapping[str, str]) -> bool:
    """Whether it is known when a call began: by its beginning, or by its end and how long it took."""
    return "start" in columns or ("end" in columns and not columns.keys().isdisjoint(DURATIONS))


def listed(names: Iterable[str]) -> str:
    """Those of *names* that are names, and not values of a first line that names nothing: in those could be prompts and keys."""
    every = [*names]
    shown = [name for name in every if _is_name(name)][:_LISTED_MOST]
    more = f" and {len(every) - len(shown)} more" if len(shown) < len(every) else ""
    return f"{', '.join(shown)}{more}" if shown else "none that is a name"


def _is_name(name: str) -> bool:
    return len(name) <= _NAME_MOST and bool(_NAME.match(name)) and sum(map(str.isdigit, name)) <= _DIGITS_MOST


def missing(columns: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """What those *columns* of a table leave open that would change what is found, and how to say it."""
    said, free = [], [name for name in names if name not in columns.values() and _is_name(name)]
    if not any(what in columns for what in COME_TO):
        said.append(
            "No column is known to say what calls came to, so all are taken for successes: name one with --column status=NAME or "
            f"error=NAME. Its columns: {listed(names)}."
        )
    if columns.keys().isdisjoint(_BY_END):
        perhaps = next((name for name in free if _PERHAPS.search(plain(name))), "")
        where = f"{perhaps} may hold it, in a unit that it does not say" if perhaps else f"its columns: {listed(names)}"
        said.append(
            f"No column is known to say how long calls took: name one with --column duration_s={perhaps or 'NAME'}, or duration_ms, "
            f"duration_us or duration_ns ({where})."
        )
    return said
