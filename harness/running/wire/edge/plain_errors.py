"""Errors in the words of HTTP alone, for a provider whose API words them in no way that is known here."""

from __future__ import annotations

import math

from harness.running.wire.edge.words import Answer, Limit, phrase


def rate_limited(limit: Limit, *, model: str, request_id: str) -> Answer:  # noqa: ARG001 - HTTP has no word for either
    """As `words.Words` says: ``retry-after`` in whole seconds (RFC 9110, 10.2.3) is all that HTTP has."""
    return _plain(429, {"retry-after": str(max(1, math.ceil(limit.retry_s)))})


def limit_headers(limit: Limit) -> dict[str, str]:  # noqa: ARG001 - HTTP has no header for it
    """As `words.Words` says: nothing, until the limit is reached."""
    return {}


def error(status: int, *, request_id: str) -> Answer:  # noqa: ARG001 - HTTP has no header for it
    """As `words.Words` says."""
    return _plain(status, {})


def _plain(status: int, headers: dict[str, str]) -> Answer:
    body = f"{status} {phrase(status)}\n".encode()
    return Answer(status, phrase(status), body, {"content-type": "text/plain; charset=utf-8", **headers})
