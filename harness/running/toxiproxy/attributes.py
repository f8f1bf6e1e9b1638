"""What a server may be told of proxies and toxics: it takes anything, and some of that ends it or hangs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.registry import suggestion
from harness.running.toxiproxy.errors import ToxiproxyError

_DAY_MS = 86_400_000
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True, slots=True)
class _Range:
    low: int
    high: int
    unit: str
    needed: bool = False


# Left out, a needed one would be 0, and the toxic would do nothing, or something that its author did not mean.
_RANGES: dict[str, dict[str, _Range]] = {
    "latency": {"latency": _Range(0, _DAY_MS, "ms", needed=True), "jitter": _Range(0, _DAY_MS, "ms")},
    # A rate of 0 stalls a server before 2.13 and throttles nothing after; one below 0 ends the server.
    "bandwidth": {"rate": _Range(1, 10**9, "kB/s", needed=True)},
    "slow_close": {"delay": _Range(0, _DAY_MS, "ms", needed=True)},
    "timeout": {"timeout": _Range(0, _DAY_MS, "ms", needed=True)},
    "reset_peer": {"timeout": _Range(0, _DAY_MS, "ms")},
    "slicer": {
        "average_size": _Range(1, 2**31 - 1, "bytes", needed=True),
        "size_variation": _Range(0, 2**31 - 1, "bytes"),
        "delay": _Range(0, 1000 * _DAY_MS, "us"),
    },
    "limit_data": {"bytes": _Range(0, 2**53, "bytes", needed=True)},
}


def check_toxic(kind: str, stream: str, attributes: Mapping[str, object]) -> None:
    """Raise ToxiproxyError, saying what would be right, unless the server can carry this toxic as it is meant."""
    if kind not in _RANGES:
        raise ToxiproxyError(f"unknown kind of toxic {kind!r}; {suggestion(kind, list(_RANGES))}")
    if stream not in ("upstream", "downstream"):
        raise ToxiproxyError(f"{stream!r} is no stream of a proxy; write upstream or downstream")
    ranges = _RANGES[kind]
    for name in attributes:
        if name not in ranges:
            raise ToxiproxyError(f"{kind} has no attribute {name!r}; {suggestion(name, list(ranges))}")
    for name, allowed in ranges.items():
        _check_value(f"{kind}.{name}", attributes.get(name), allowed)
    if kind == "slicer":
        _check_slices(attributes)


def check_name(name: str) -> None:
    """Raise ToxiproxyError unless *name* can be addressed: a slash in it makes a proxy that cannot be deleted."""
    if not _SAFE_NAME.fullmatch(name):
        raise ToxiproxyError(f"{name!r} cannot be a name here; write a letter or digit, then those or '_', '.', '-'")


def check_address(address: str, *, port_low: int = 1) -> None:
    """Raise ToxiproxyError unless *address* is host:port; the server would fail only when somebody connects."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not port_low <= int(port) <= 65535:
        raise ToxiproxyError(f"{address!r} is not an address; write host:port with a port from {port_low} to 65535")


def _check_value(place: str, value: object, allowed: _Range) -> None:
    right = f"write an integer from {allowed.low} to {allowed.high} ({allowed.unit})"
    if value is None:
        if allowed.needed:
            raise ToxiproxyError(f"{place} is missing; {right}")
    elif isinstance(value, bool) or not isinstance(value, int) or not allowed.low <= value <= allowed.high:
        raise ToxiproxyError(f"{place} is {value!r}; {right}")


def _check_slices(attributes: Mapping[str, object]) -> None:
    average, variation = attributes["average_size"], attributes.get("size_variation", 0)
    assert isinstance(average, int)
    assert isinstance(variation, int)
    if variation >= average:
        # The server would cut slices of less than nothing, recurse, and end with its stack used up.
        raise ToxiproxyError(f"slicer.size_variation is {variation}; it has to be less than average_size, {average}")
