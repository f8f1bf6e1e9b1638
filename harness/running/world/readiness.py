"""Whether something serves yet: its port accepts, or a path of it answers 2xx."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.reading.target import Ready

_TIMEOUT_S = 1.0
_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is looked at to tell whether what *url* leads to serves, in the way that *ready* says."""

    url: str
    ready: Ready

    def serves(self) -> bool:
        return _accepts(self.url) if self.ready.get is None else _answers(self._page)

    @property
    def tried(self) -> str:
        """For people."""
        return (
            f"GET {self._page}"
            if self.ready.get is not None
            else f"a connection to {':'.join(map(str, _place(self.url)))}"
        )

    @property
    def _page(self) -> str:
        return self.url.rstrip("/") + (self.ready.get or "")


def _accepts(url: str) -> bool:
    try:
        with socket.create_connection(_place(url), timeout=_TIMEOUT_S):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host, port = _place(url)
    connection = make(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        # To its end: a service whose client leaves while it speaks fills its log with that.
        answer.read(_BYTES_MAX)
        return 200 <= answer.status < 300
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
