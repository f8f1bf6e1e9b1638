"""The system under test, as far as a run touches it itself: its publish hook, and what its simulated providers counted."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from harness.problems import HarnessError
from harness.protocols.pointer import version_at
from harness.reading.target import Target
from harness.reading.templates import fill
from harness.running.world.processes import Processes

_TIMEOUT_S = 5.0


class ServiceUnderTest:
    """Publishes the next snapshot in the way that the target file says."""

    def __init__(self, target: Target, processes: Processes) -> None:
        self._publish, self._processes = target.publish, processes

    def publish(self) -> int:
        """Returns the version once the primary has it. Raises HarnessError that says what was asked and what came back."""
        assert self._publish is not None, "the plan refuses to publish where the target does not say how"
        url = fill(self._publish.post, self._processes.outside)
        with self._processes.blamed():
            document = ask_json("POST", url)
        try:
            version = version_at(document, self._publish.version)
        except ValueError as error:
            raise HarnessError(f"POST {url} answered {document!r:.200}: {error}") from error
        if version is None:
            raise HarnessError(
                f"POST {url} answered {document!r:.200}; expected a whole number at {self._publish.version}"
            )
        return version


def accepted(port: int) -> int:
    """How many requests the simulated provider at *port* has accepted, chats and others, as the edge passes on both."""
    counts = ask_json("GET", f"http://127.0.0.1:{port}/counts")
    return int(counts["accepted"]) + int(counts["others"])


def posted(url: str) -> None:
    """Sends a POST with nothing in it; raises HarnessError that says what was asked and what came back where that is not 2xx."""
    _asked("POST", url)


def ask_json(method: str, url: str) -> Any:
    """What *url* answers; raises HarnessError that says what was asked and what came back."""
    try:
        return json.loads(_asked(method, url))
    except ValueError as error:
        raise HarnessError(f"{method} {url} failed: {error}") from error


def _asked(method: str, url: str) -> bytes:
    """The body of what *url* answers."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, parts.path or "/", headers={"content-length": "0"} if method == "POST" else {})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 300:
            raise HarnessError(f"{method} {url} answered {answer.status}: {body[:200]!r}")
        return body
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HarnessError(f"{method} {url} failed: {error}") from error
    finally:
        connection.close()
