"""The means to put the world back: what undoes something, as a value that can be written down and carried out by anybody.

A kind is one class here and one line in `KINDS`. It stands on the standard library alone, since the keeper has nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit


class Undo(Protocol):
    """One thing that undoes something, as often as it is carried out; printed, it says what it is."""

    def refusal(self) -> str:
        """Why it must not be carried out; empty where it may."""

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        """Whether what it undoes is gone now, and why one can say so or not; *timeout_s* for each thing that is waited for."""

    def written(self) -> dict[str, str]:
        """What stands on disk, from which its kind reads it again."""


class HttpUndo(NamedTuple):
    """One HTTP request to this machine; *body*, if any, is JSON text."""

    method: str
    url: str
    body: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    def written(self) -> dict[str, str]:
        return {name: value for name, value in self._asdict().items() if value is not None}

    def refusal(self) -> str:
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            return f"not a URL: {error}"
        if parts.scheme != "http" or not host:
            return "not a URL of the form http://host:port/path"
        return "" if _is_loopback(host) else f"host {host!r} is not this machine, and nothing is undone elsewhere"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        """Gone is what is answered with 2xx or 404, and what nobody listens for any more."""
        # Imported here: loading it takes as long as the whole keeper takes to start.
        from http.client import HTTPConnection, HTTPException

        parts = urlsplit(self.url)
        assert parts.hostname
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)
        place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json"} if self.body else {}
        try:
            connection.request(self.method, place, self.body, headers)
            status = connection.getresponse().status
        except ConnectionRefusedError:
            return True, "nobody listens there any more, so what it did is gone with it"
        except TimeoutError:
            return False, f"no answer within {timeout_s:g} s"
        except (OSError, HTTPException, ValueError) as error:
            return False, f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        if status == 404:
            return True, "already gone (404)"
        return 200 <= status < 300, f"answered {status}"


class UnknownUndo(NamedTuple):
    """What stands on disk and is of no kind that is known here; it is refused, and so it is told."""

    text: str

    def __str__(self) -> str:
        return self.text

    def written(self) -> dict[str, str]:
        return {"kind": self.text}

    def refusal(self) -> str:
        return f"nothing here knows how to undo that; known: {', '.join(KINDS)}"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        return False, self.refusal()


def _http(written: Mapping[str, object]) -> Undo | None:
    match written:
        case {"method": str(method), "url": str(url), "body": str(body)}:
            return HttpUndo(method, url, body)
        case {"method": str(method), "url": str(url)}:
            return HttpUndo(method, url)
    return None


KINDS: Mapping[str, Callable[[Mapping[str, object]], Undo | None]] = {"http": _http}
"""How each kind is read; None where what is written is none of its."""


def read(written: object) -> Undo:
    """What *written* stands for; one that names no kind is an HTTP request, as all once were."""
    if isinstance(written, Mapping):
        kind = KINDS.get(str(written.get("kind", "http")))
        known = kind(written) if kind else None
        if known is not None:
            return known
    return UnknownUndo(str(written))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
