"""Envoy's access log: its default line, or JSON with the names of its operators; durations in milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

from harness.incidents.calls import CUT, LEFT, OK, TIMED_OUT, UNREACHABLE, Broken, Call, Passed
from harness.incidents.outcomes import host_of, of_status
from harness.incidents.source import Source, decoded
from harness.incidents.stamps import number

_LINE = re.compile(
    r'\[(?P<start_time>[^\]]{1,60})\] "(?P<method>\S+) (?P<path>.*?) (?P<protocol>[^"\s]+)" (?P<response_code>\d+) '
    r"(?P<response_flags>\S+) (?:(?P<details>(?!\d+ )\S+) (?:\S+ )*?(?:\"[^\"]*\" )?)?(?P<bytes_received>\d+) (?P<bytes_sent>\d+) "
    r'(?P<duration>\d+|-) (?P<upstream_time>\d+|-)(?: "[^"]*" "[^"]*" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" "(?P<host>[^"]*)")?'
)
_BY_FLAG = {
    "UT": TIMED_OUT,  # upstream request timeout
    "SI": TIMED_OUT,  # stream idle timeout
    "DT": TIMED_OUT,  # the request or connection exceeded its greatest duration
    "UF": UNREACHABLE,  # upstream connection failure
    "UH": UNREACHABLE,  # no healthy upstream
    "NR": UNREACHABLE,  # no route
    "DF": UNREACHABLE,  # DNS resolution failed
    "UC": CUT,  # upstream connection termination
    "UR": CUT,  # upstream remote reset
    "UPE": CUT,  # upstream protocol error
    "DC": LEFT,  # downstream connection termination
    "DR": LEFT,  # downstream remote reset
}
_BY_FLAG |= {
    long: _BY_FLAG[short]
    for short, long in {
        "UT": "UpstreamRequestTimeout", "SI": "StreamIdleTimeout", "DT": "DurationTimeout", "UF": "UpstreamConnectionFailure",
        "UH": "NoHealthyUpstream", "NR": "NoRouteFound", "DF": "DnsResolutionFailed", "UC": "UpstreamConnectionTermination",
        "UR": "UpstreamRemoteReset", "UPE": "UpstreamProtocolError", "DC": "DownstreamConnectionTermination", "DR": "DownstreamRemoteReset",
    }.items()
}  # fmt: skip
"""What response flags say that a status does not (Envoy, "Access logging", %RESPONSE_FLAGS% and %RESPONSE_FLAGS_LONG%)."""
_LOOKED_AT = 50
"""In so many lines what Envoy says of itself may stand before the first request."""
_LINK = ("upstream_cluster", "upstream_cluster_name", "authority", ":authority", "host", "upstream_host")
_REQUEST = ("request_id", "x_request_id", "x-request-id")


class Envoy:
    """Envoy's access logs: the default text format, and JSON."""

    def suits(self, head: bytes) -> bool:
        text = head.lstrip()
        return any(_LINE.match(line[:4096].decode("utf-8", "replace")) for line in text.splitlines()[:_LOOKED_AT]) or (
            text[:1] in (b"{", b"[") and b"response_flags" in text and b"response_code" in text
        )

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        for found in source.documents():
            if isinstance(found, Broken):
                yield found
                continue
            line, text = found
            try:
                yield _call(_said(text.strip()), source)
            except (ValueError, OverflowError) as error:
                yield Broken(line, str(error))


def _said(line: bytes) -> Mapping[str, Any]:
    if line[:1] == b"{":
        value = decoded(line)
        return value if isinstance(value, dict) else {}
    found = _LINE.match(line[:8192].decode("utf-8", "replace"))
    if found is None:
        raise ValueError("is not a line of Envoy's default format; other text formats are read as CSV or JSON")
    return found.groupdict()


def _call(said: Mapping[str, Any], source: Source) -> Call:
    status, taken_ms = number(said.get("response_code")), number(said.get("duration"))
    if status is None:
        raise ValueError("has no response_code")
    return Call(
        source.seconds(said.get("start_time")),
        _came_to(int(status), str(said.get("response_flags") or "")),
        taken_ms if taken_ms is not None else nan,
        nan,
        next((host_of(str(said[name])) for name in _LINK if said.get(name) not in (None, "", "-")), ""),
        request=next((str(said[name]) for name in _REQUEST if said.get(name) not in (None, "", "-")), ""),
    )


def _came_to(status: int, flags: str) -> int:
    known = next((_BY_FLAG[flag] for flag in flags.split(",") if flag in _BY_FLAG), OK)
    if status == 0:
        return known or LEFT
    # A flag says more than the status that Envoy made of it; one on a success says that its stream broke off.
    return known if known != OK and (status >= 500 or status < 400) else of_status(status)
