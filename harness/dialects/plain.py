"""The words of HTTP alone, for a provider whose API words errors in no way that is known here, and those of a draft for its limits."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import ClassVar

from harness.dialects.base import Dialect, Limit, Occasion, Word, phrase

_PLAIN = {of: Word(429, "", "") for of in ("requests", "tokens", "concurrent")}


class Plain(Dialect):
    """None but the words of HTTP: a status and ``retry-after``."""

    limited_by: ClassVar = _PLAIN
    pages = frozenset()
    content_type = "text/plain; charset=utf-8"

    def body(self, word: Word, on: Occasion) -> bytes:
        wait = f"Try again in {on.wait_s:g} s.\n" if on.wait_s is not None else ""
        return f"{word.status} {phrase(word.status)}\n{wait}".encode()


class RateLimitFields(Plain):
    """As none, with the RateLimit fields and problem types of draft-ietf-httpapi-ratelimit-headers-11."""

    limited_by: ClassVar = {of: word._replace(kind="quota-exceeded") for of, word in _PLAIN.items()}
    content_type = "application/problem+json"

    def body(self, word: Word, on: Occasion) -> bytes:
        kind = f"https://iana.org/assignments/http-problem-types#{word.kind}" if word.kind else "about:blank"
        said: dict[str, object] = {"type": kind, "title": phrase(word.status), "status": word.status}
        if on.wait_s is not None:
            said["detail"] = f"Try again in {on.wait_s:g} s."
        return json.dumps(said).encode()

    def limit_headers(self, limits: Sequence[Limit], at_s: float) -> dict[str, str]:
        told = [limit for limit in limits if limit.of != "concurrent"]
        if not told:
            return {}
        # What requests are counted in is the draft's default; tokens are a unit of our own.
        policy = (f'"{one.of}";q={one.per_min};w=60{_UNITS.get(one.of, "")}' for one in told)
        left = (f'"{one.of}";r={one.remaining};t={math.ceil(one.reset_s)}' for one in told)
        return {"ratelimit-policy": ", ".join(policy), "ratelimit": ", ".join(left)}


_UNITS = {"tokens": ';qu="tokens"'}
