"""What of a request no file may hold."""

from __future__ import annotations

from harness.http1.request import origin_form

SECRET = frozenset({b"authorization", b"proxy-authorization", b"api-key", b"x-api-key", b"x-goog-api-key", b"cookie"})
"""Headers that are looked into for nothing but whose key it is that they carry; see `credentials`."""


def path_alone(target: bytes) -> str:
    """The path of a request's *target*, without the query, where some providers take their key, and without an address before it."""
    if target.startswith(b"/") and b"?" not in target and b"#" not in target:
        return target.decode("latin-1")
    return origin_form(target).partition(b"?")[0].partition(b"#")[0].decode("latin-1")
