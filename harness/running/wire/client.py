"""The parent's side of the wire process: how it is started, and told what to do."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from harness.faults.effects import (
    EdgeRule,
    LinkCounts,
    NameAnswer,
    NameDelay,
    TapAnswers,
    TapCertificate,
    TapMode,
    TapShape,
)
from harness.problems import HarnessError

_FINISH_S = 10.0
WireEffect = TapMode | TapShape | TapAnswers | TapCertificate | NameAnswer | NameDelay | EdgeRule
"""What a tap, the resolver or an edge makes true."""


class WireError(HarnessError):
    """The wire process refused, or did not answer."""


class WireSilentError(WireError):
    """It did not answer in time; its process may be stopped, or too busy."""


class LinkPorts(msgspec.Struct, frozen=True):
    """Where both ends of a link listen on 127.0.0.1: the target is sent to the *tap*, Toxiproxy to the *edge*, where there is one.

    Who wants to see what the target would see connects to *probe*, and is counted nowhere.
    """

    tap: int
    edge: int | None = None
    probe: int = 0


class ResolverPorts(msgspec.Struct, frozen=True):
    """Where names are looked up, and where who wants to see what the target would be told asks, by UDP on 127.0.0.1, uncounted."""

    port: int
    probe: int


class Ready(msgspec.Struct, frozen=True):
    """What the wire process says once every port is bound; *resolver*: where it answers for names, if any link has one."""

    control: int
    links: dict[str, LinkPorts]
    resolver: ResolverPorts | None = None

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control}"


def command(config_path: Path) -> list[str]:
    """The command line of a wire process that serves what the file at *config_path* says."""
    # -P: a types.py where the harness was started must not stand in for the library's.
    return [sys.executable, "-P", "-m", "harness.running.wire", str(config_path)]


def ready(path: Path) -> Ready | None:
    """What the wire process wrote to *path*; None until it has."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ready)
    except FileNotFoundError:
        return None


class WireStage:
    """The taps and edges of one wire process, by its control interface.

    Every call returns once what it asks is in force, may be made twice without harm, and raises WireError if it is refused
    or not answered within *timeout_s*.
    """

    def __init__(self, control_url: str, *, timeout_s: float = 3.0) -> None:
        self._url = control_url.rstrip("/")
        self._timeout_s = timeout_s

    def connect_link(self, link: str, port: int) -> None:
        """Have the tap of *link* dial 127.0.0.1:*port*, its Toxiproxy proxy."""
        self._ask("PUT", f"/links/{_name(link)}/via", {"port": port})

    def inject(self, fault_id: str, effect: WireEffect) -> None:
        """Make *effect* true, in place of what *fault_id* made true on that end of the link before."""
        self._ask("PUT", _place(fault_id, effect), effect)

    def revert(self, fault_id: str, effect: WireEffect) -> None:
        """Make all effects of *fault_id* on the link of *effect* false."""
        self._ask("DELETE", _place(fault_id, effect))

    def undo_requests(self, fault_id: str, effect: WireEffect) -> list[dict[str, str]]:
        """What `revert` sends, as method and url, so that anybody can send it later."""
        return [{"method": "DELETE", "url": self._url + _place(fault_id, effect)}]

    def owe(self, link: str, seconds: float) -> None:
        """From now on, what a client of *link* sent is still on its way for so long once the client has left."""
        self._ask("PUT", f"/links/{_name(link)}/owed", {"seconds": seconds})

    def counts(self, *, timeout_s: float | None = None) -> dict[str, LinkCounts]:
        """What has been seen on each link. Raises WireError also where rows could not be written."""
        return msgspec.json.decode(self._ask("GET", "/counts", timeout_s=timeout_s), type=dict[str, LinkCounts])

    def finish(self) -> None:
        """Have everything that is still open written down; then the process ends by itself, with status 0."""
        self._ask("POST", "/finish", timeout_s=_FINISH_S)

    def _ask(self, method: str, place: str, what: object = None, *, timeout_s: float | None = None) -> bytes:
        parts = urlsplit(self._url)
        assert parts.hostname
        body = None if what is None else msgspec.json.encode(what)
        limit_s = timeout_s or self._timeout_s
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=limit_s)
        try:
            connection.request(method, place, body, {"content-type": "application/json"} if body else {})
            answer = connection.getresponse()
            text = answer.read()
        except TimeoutError as error:
            raise WireSilentError(
                f"{method} {self._url}{place}: the wire did not answer within {limit_s:g} s"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise WireError(f"{method} {self._url}{place}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise WireError(f"{method} {self._url}{place}: {answer.status}: {_why(text)}")
        return text


def _place(fault_id: str, effect: WireEffect) -> str:
    return f"/links/{_name(effect.aim)}/faults/{_name(fault_id)}"


def _name(name: str) -> str:
    return quote(name, safe="")


def _why(text: bytes) -> str:
    try:
        return str(msgspec.json.decode(text, type=dict[str, str])["error"])
    except (msgspec.DecodeError, KeyError):
        return text.decode(errors="replace")
