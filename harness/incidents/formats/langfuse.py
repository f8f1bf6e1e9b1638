"""Langfuse: observations as its blob export and its API have them, as JSON or CSV; generations are calls, times without zone UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

from harness.incidents.calls import OK, Broken, Call, Passed, hashed
from harness.incidents.formats.base import calls_in
from harness.incidents.outcomes import of_error
from harness.incidents.source import Source, decoded
from harness.incidents.stamps import count

_CALLS = ("GENERATION", "EMBEDDING")
_TOKENS_IN, _TOKENS_OUT = ("input", "prompt_tokens", "input_tokens"), ("output", "completion_tokens", "output_tokens")

_WORD = re.compile(rb"\w+")
_BEGINS = {b"start_time", b"startTime"}
_OWN = {
    *(b"parent_observation_id", b"completion_start_time", b"provided_model_name", b"usage_details", b"prompt_version"),
    *(b"parentObservationId", b"completionStartTime", b"providedModelName", b"usageDetails", b"promptVersion"),
    *(b"status_message", b"statusMessage", b"GENERATION"),
}
"""Some of what an observation has and a table of anybody's has not, who also has a trace and a level."""


class Langfuse:
    """Langfuse's observations: the blob storage export (JSON lines or CSV), or the API's answer."""

    def suits(self, head: bytes) -> bool:
        names = head if head.lstrip()[:1] in (b"{", b"[") else head.lstrip().partition(b"\n")[0]
        known = set(_WORD.findall(names))
        return bool(known & _BEGINS and b"type" in known and known & _OWN and b"resourceSpans" not in known)

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        return calls_in(source, _call, _observations)


def _observations(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The observations that a trace has in it, with its session; any other row is itself."""
    nested = row.get("observations")
    if not (isinstance(nested, list) and nested and all(isinstance(one, dict) for one in nested)):
        return [row]
    return [{"sessionId": _of(row, "session_id"), **one} for one in nested]


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
        taken_ms,
        first_ms if first_ms >= 0 else nan,
        "",
        str(_of(row, "provided_model_name") or row.get("model") or ""),
        count(_first(usage, _TOKENS_IN)),
        count(_first(usage, _TOKENS_OUT)),
        nan,
        str(_of(row, "session_id") or ""),
        str(_of(row, "trace_id") or ""),
        span=hashed(str(row.get("id") or "")),
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


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> object:
    return next((usage[name] for name in names if usage.get(name) is not None), None)


def _text(given: object) -> str:
    """What the last message says, or the input itself where it is a text."""
    if isinstance(given, list) and given and isinstance(given[-1], dict):
        given = given[-1].get("content")
    return given if isinstance(given, str) else ""
