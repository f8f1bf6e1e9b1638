"""Langfuse: observations as its blob export and its API have them, as JSON or CSV; generations are calls, times without zone UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

from harness.incidents.calls import OK, Broken, Call, Passed
from harness.incidents.formats.base import calls_in
from harness.incidents.outcomes import of_error
from harness.incidents.source import Source, decoded
from harness.incidents.stamps import number

_CALLS = ("GENERATION", "EMBEDDING")
_TOKENS_IN, _TOKENS_OUT = ("input", "prompt_tokens", "input_tokens"), ("output", "completion_tokens", "output_tokens")


class Langfuse:
    """Langfuse's observations: the blob storage export (JSON lines or CSV), or the API's answer."""

    def suits(self, head: bytes) -> bool:
        snake = b"start_time" in head and (b"trace_id" in head or b"parent_observation_id" in head)
        camel = b"startTime" in head and (b"parentObservationId" in head or b"traceId" in head)
        return (snake or camel) and (b"level" in head or b"GENERATION" in head) and b"resourceSpans" not in head

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        return calls_in(source, _call)


def _call(row: Mapping[str, Any], source: Source) -> Call | Passed:
    kind = str(row.get("type") or "")
    if kind not in _CALLS:
        return Passed(f"of type {kind[:20].lower()}" if kind.isalpha() else "of no type")
    began_s = source.seconds(_of(row, "start_time"))
    ended, first = _of(row, "end_time"), _of(row, "completion_start_time")
    # Of `latency` some say it is in seconds and some in milliseconds; two stamps say it by themselves.
    taken_ms = 1e3 * (source.seconds(ended) - began_s) if ended else nan
    first_ms = 1e3 * (source.seconds(first) - began_s) if first else nan
    usage = _mapping(_of(row, "usage_details")) or _mapping(row.get("usage"))
    failed = str(row.get("level") or "").upper() == "ERROR"
    return Call(
        began_s,
        of_error(str(_of(row, "status_message") or "")) if failed else OK,
        taken_ms if taken_ms >= 0 else nan,
        first_ms if first_ms >= 0 else nan,
        "",
        str(_of(row, "provided_model_name") or row.get("model") or ""),
        _tokens(usage, _TOKENS_IN),
        _tokens(usage, _TOKENS_OUT),
        nan,
        str(_of(row, "session_id") or ""),
        str(_of(row, "trace_id") or ""),
        prompt=_text(row.get("input")),
    )


def _of(row: Mapping[str, Any], name: str) -> Any:
    """What stands at *name*, as the export writes it or as the API does."""
    head, *rest = name.split("_")
    found = row.get(name)
    return found if found is not None else row.get(head + "".join(map(str.title, rest)))


def _mapping(value: object) -> Mapping[str, Any]:
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        value = decoded(value.encode())
    return value if isinstance(value, dict) else {}


def _tokens(usage: Mapping[str, Any], names: tuple[str, ...]) -> int:
    found = next((number(usage[name]) for name in names if usage.get(name) is not None), None)
    return int(found) if found is not None and 0 <= found < 1e9 else -1


def _text(given: object) -> str:
    """What the last message says, or the input itself where it is a text."""
    if isinstance(given, list) and given and isinstance(given[-1], dict):
        given = given[-1].get("content")
    return given if isinstance(given, str) else ""
