"""What of a request no file may hold."""

from __future__ import annotations

SECRET = frozenset({b"authorization", b"proxy-authorization", b"api-key", b"x-api-key", b"x-goog-api-key", b"cookie"})
"""Headers that are not even looked into."""


def path_alone(target: str) -> str:
    """The path of a request's *target*, without the query: some providers take their key there."""
    return target.split("?", 1)[0]
