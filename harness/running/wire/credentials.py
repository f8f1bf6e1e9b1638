"""Whose key a client presents, told without keeping it: by the links whose key it is, or by a mark that nobody can turn back.

A mark is a hash with a salt that this process draws when it starts and never writes down, so it stands for one key in one run and says
nothing of it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from urllib.parse import parse_qsl

from harness.record.rows import UNKNOWN_KEY

HEADERS = frozenset({b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key"})
"""In which providers take keys, in lower case."""
_QUERY = frozenset({"key", "api_key", "api-key", "apikey", "access_token"})
_SIGNED = re.compile(rb"AWS4-[A-Z0-9-]+ .*?Credential=([^/,\s]+)")
"""A request that is signed in place of carrying a key; what it names changes only with the key."""


class Credentials:
    """The keys of links, *of* each by its name; what is presented is told as those links' names, or as a mark."""

    def __init__(self, of: Mapping[str, str] | None = None) -> None:
        self._salt = secrets.token_bytes(32)
        self._links: dict[bytes, str] = {}
        for link, key in (of or {}).items():
            mark = self._mark(_alone(key.encode("utf-8", "surrogateescape")))
            self._links[mark] = f"{self._links[mark]} {link}" if mark in self._links else link

    def in_header(self, name: bytes, value: bytes) -> str:
        """Whose key stands in the header *name*, in lower case; empty where that is none for keys."""
        return self._told(_alone(value)) if name in HEADERS else ""

    def in_target(self, target: bytes) -> str:
        """Whose key stands in the query of a request's *target*, where some providers take it; empty where none does."""
        query = target.partition(b"?")[2].decode("latin-1")
        found = [value for name, value in parse_qsl(query) if name.lower() in _QUERY] if query else []
        return self._told(found[0].encode("latin-1", "replace")) if found else ""

    def _told(self, key: bytes) -> str:
        if not key:
            return ""
        mark = self._mark(key)
        return self._links.get(mark) or UNKNOWN_KEY + mark[:6].hex()

    def _mark(self, key: bytes) -> bytes:
        return blake2b(key, key=self._salt, digest_size=16).digest()


def _alone(value: bytes) -> bytes:
    """The key in *value* without the scheme before it, such as ``Bearer``."""
    signed = _SIGNED.match(value)
    return signed[1] if signed else value.split()[-1] if value.split() else b""
