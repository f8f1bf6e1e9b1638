"""Jaeger's spans, as its API and its pages write them, in the form of OTLP: times there are in microseconds, attributes are tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.incidents.stamps import number

_KINDS = {"server": 2, "client": 3}
_VALUES = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}


def as_otlp(span: Mapping[str, Any]) -> dict[str, Any]:
    """*span* with the names of OTLP. Raises KeyError, TypeError or ValueError where it is none of Jaeger's."""
    said = {tag["key"]: tag.get("value") for tag in span.get("tags") or ()}
    start_ns = 1_000 * int(number(span["startTime"]) or 0)
    failed = said.get("otel.status_code") == "ERROR" or said.get("error") in (True, "true")
    return {
        "traceId": span.get("traceID", ""),
        "spanId": span.get("spanID", ""),
        "parentSpanId": next(
            (one["spanID"] for one in span.get("references") or () if one["refType"] == "CHILD_OF"), ""
        ),
        "kind": _KINDS.get(str(said.get("span.kind")), 1),
        "startTimeUnixNano": start_ns,
        "endTimeUnixNano": start_ns + 1_000 * int(number(span["duration"]) or 0),
        "attributes": _attributes(span.get("tags") or ()),
        "events": [{"attributes": _attributes(one.get("fields") or ())} for one in span.get("logs") or ()],
        "status": {"code": 2 if failed else 0, "message": str(said.get("otel.status_description") or "")},
    }


def _attributes(tags: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"key": tag["key"], "value": {_VALUES[type(tag["value"])]: tag["value"]}}
        for tag in tags
        if type(tag.get("value")) in _VALUES
    ]
