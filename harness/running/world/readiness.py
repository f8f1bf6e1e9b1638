"""Whether something serves yet: its port accepts, or a path of it answers 2xx."""

from __future__ import annotations

import http.client
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.problems import HarnessError, UsageProblems
from harness.reading.scenario import Scenario
from harness.reading.target import Ready, Target
from harness.reading.yaml import Document

_TIMEOUT_S = 1.0
_BYTES_MAX = 1 << 20
_PIECE_BYTES = 1 << 16


class NotLoadedError(HarnessError):
    """The locustfile that is the load cannot be loaded: whoever wrote it has to say something else."""

    def placed(self, scenario: Document[Scenario]) -> UsageProblems:
        """The same, with the line of the *scenario* file that names it."""
        return UsageProblems(scenario.problem("load.locustfile", str(self)))


class NotReadyError(HarnessError):
    """Something did not come to serve in the time that *setting* of the target file allows; *more* is what is known of it."""

    def __init__(self, late: str, setting: str, more: str) -> None:
        super().__init__(f"{late} ({setting}); {more}")
        self._late, self._setting, self._more = late, setting, more

    def placed(self, target: Document[Target]) -> HarnessError:
        """The same, with the line at which the setting stands in the file of *target*, or would stand."""
        place = target.problem(self._setting, "")
        where = f"{place.file}:{place.line}" if place.line else place.file
        return HarnessError(f"{self._late} ({self._setting}, {where}); {self._more}")


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
    return 200 <= answered(url, _TIMEOUT_S) < 300


def answered(url: str, within_s: float) -> int:
    """The status with which a GET of *url* is answered, on a connection of its own; 0: nothing came for *within_s*, or no whole answer."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host, port = _place(url)
    connection = make(host, port, timeout=within_s)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        # To its end: a service whose client leaves while it speaks fills its log with that.
        read, late_s = 0, time.monotonic() + within_s
        while (piece := answer.read1(_PIECE_BYTES)) and (read := read + len(piece)) < _BYTES_MAX:
            if time.monotonic() > late_s:
                return 0
        return answer.status
    except (OSError, ValueError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
