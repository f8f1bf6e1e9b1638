"""Header lines of HTTP as they stand on the wire, and which of them go on from one connection to the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection",
        b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip

_NEVER_HOP_BY_HOP = frozenset(
    {
        b"authorization", b"cache-control", b"content-encoding", b"content-length", b"content-location", b"content-type", b"cookie",
        b"host", b"set-cookie", b"te", b"trailer",
    }
)  # fmt: skip
"""What ``Connection`` may not name (RFC 9110, 7.6.1): without its length, a body would pass for the next request. It does name ``TE``,
which passes all the same, since trailers do.
"""
_NO_TRAILER = frozenset({b"content-length", b"host", b"trailer"})
"""What frames or routes a message is not said behind it (RFC 9110, 6.5.1)."""


_USUAL = frozenset({b"", b"keep-alive", b"close"})
"""What ``Connection`` says that names no header but those that never go on."""


def by_name(headers: Headers) -> dict[bytes, bytes]:
    """What each of *headers* says, by its name in lower case; of several of one name the first."""
    return {name.lower(): said for name, said in reversed(headers)}


def value(headers: Headers, name: bytes) -> bytes:
    """The first value of *name*, which is in lower case; empty where there is none."""
    for header, said in headers:
        if len(header) == len(name) and header.lower() == name:
            return said.strip()
    return b""


def joined(headers: Headers, name: bytes) -> bytes:
    """All the values of *name*, which is in lower case, in order, as one list (RFC 9110, 5.3)."""
    return b", ".join([said.strip() for header, said in headers if len(header) == len(name) and header.lower() == name])


def listed(headers: Headers, name: bytes) -> frozenset[bytes]:
    """What stands in all the comma-separated values of *name*, in lower case."""
    said = [said for header, said in headers if len(header) == len(name) and header.lower() == name]
    return frozenset(word.strip().lower() for word in b",".join(said).split(b",")) if said else frozenset()


def end_to_end(
    headers: Headers, drop: frozenset[bytes] = frozenset(), said: Mapping[bytes, bytes] | None = None
) -> Headers:
    """*headers* without those that speak of one connection only, and without those to *drop*; *said* is what `by_name` has of them."""
    if said is not None and len(said) == len(headers) and said.get(b"connection", b"").lower() in _USUAL:
        if _HOP_BY_HOP.isdisjoint(said) and drop.isdisjoint(said):
            return headers.copy()
        return [line for line in headers if (name := line[0].lower()) not in _HOP_BY_HOP and name not in drop]
    named = listed(headers, b"connection") - _NEVER_HOP_BY_HOP
    dropped = _HOP_BY_HOP | named | drop if named or drop else _HOP_BY_HOP
    return [line for line in headers if line[0].lower() not in dropped]


def trailer(headers: Headers) -> Headers:
    """Those of *headers* that can be said behind a body."""
    return end_to_end(headers, _NO_TRAILER) if headers else headers


def put(headers: Headers, others: Iterable[tuple[bytes, bytes]]) -> Headers:
    """*headers* with *others*, which stand in place of those of the same name."""
    new = list(others)
    names = {name.lower() for name, _ in new}
    return [line for line in headers if line[0].lower() not in names] + new


def chunk(body: bytes, *, last: bool, behind: Headers) -> bytes:
    """*body* as a chunk; *last*: nothing comes after it but the trailer *behind* it."""
    framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return framed + b"0\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % line for line in trailer(behind)]) if last else framed


# As browsers read one: a backslash is a slash, too.
_USER = re.compile(r"(^|[/\\]{2})[^/\\]*@")
_BEHIND_PATH = re.compile(r"[?#].*", re.DOTALL)
_NO_PORT = re.compile(r"([/\\]{2}[^/\\:\[\]]*):(?!\d*$)[^/\\]*$")
"""What is left of a user's password in which ``?`` or ``#`` stands as it is."""


def place_alone(address: str) -> str:
    """*address* without a user before its host and what stands behind its path, in both of which keys and tokens are."""
    return _NO_PORT.sub(r"\1", _USER.sub(r"\1", _BEHIND_PATH.sub("", address)))


def written(first: bytes, headers: Headers) -> bytes:
    """A whole head: the line *first*, *headers*, and the empty line."""
    return b"\r\n".join([first, *map(b": ".join, headers), b"", b""])
