"""One server's HTTP interface: toxiproxy-python's consumer, with time limits and with failures told apart."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from toxiproxy.api import APIConsumer

from harness.running.toxiproxy.errors import ToxiproxyError, ToxiproxyWedged


class ServerConsumer(APIConsumer):  # type: ignore[misc]  # toxiproxy-python has no types
    """The consumer of the server at *url*, such as ``http://127.0.0.1:8474``; every call ends within about *timeout_s*.

    The package's own consumer is one for a whole process, waits for ever, sends what is meant for this machine to
    the proxy that the environment names, and takes most failures for success. Each method returns the answer of a
    call that succeeded; it raises ToxiproxyError with the server's message, or ToxiproxyWedged. Connections are
    kept, and threads may share one.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{url!r} is not the address of a Toxiproxy server; write http://host:port")
        self.host = parts.hostname
        self.port = parts.port or APIConsumer.port
        self.url = f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"
        self.timeout_s = timeout_s
        self._given_up = ""
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, *, timeout_s: float | None = None) -> requests.Response:
        return self._answer("GET", path, timeout_s=timeout_s)

    def post(self, path: str, json: dict[str, Any]) -> requests.Response:
        return self._answer("POST", path, json)

    def patch(self, path: str, json: dict[str, Any]) -> requests.Response:
        return self._answer("PATCH", path, json)

    def delete(self, path: str) -> requests.Response:
        return self._answer("DELETE", path)

    def give_up(self, why: str) -> None:
        """From now on every call fails at once with ToxiproxyWedged, and nobody waits for a server that does not answer."""
        self._given_up = why

    def close(self) -> None:
        """Close the connections that were kept."""
        self._session.close()

    def _answer(
        self, method: str, path: str, json: dict[str, Any] | None = None, *, timeout_s: float | None = None
    ) -> requests.Response:
        call, limit_s = f"{method} {self.url}{path}", timeout_s or self.timeout_s
        if self._given_up:
            raise ToxiproxyWedged(f"{call}: not tried: {self._given_up}")
        try:
            response = self._session.request(method, self.url + path, json=json, timeout=limit_s, allow_redirects=False)
        except requests.Timeout as error:
            raise ToxiproxyWedged(f"{call}: no answer from Toxiproxy within {limit_s:g} s") from error
        except requests.RequestException as error:
            raise ToxiproxyWedged(f"{call}: no answer from Toxiproxy: {error}") from error
        status = response.status_code
        if status == 503:
            # The server gave up waiting for a lock of its own; what was asked goes on behind it.
            raise ToxiproxyWedged(f"{call}: Toxiproxy answered 503, as it does when it waits for itself")
        if status not in (200, 201, 204):
            raise ToxiproxyError(f"{call}: Toxiproxy answered {status}: {_message(response)}", status)
        return response


def _message(response: requests.Response) -> str:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        answer = None
    told = answer.get("error") if isinstance(answer, dict) else None
    return str(told or response.text.strip()[:200] or response.reason)
