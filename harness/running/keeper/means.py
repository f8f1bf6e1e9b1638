"""The means to put the world back: what undoes something, as a value that can be written down and carried out by anybody.

A kind is one class here and one line in `KINDS`. It stands on the standard library alone, since the keeper has nothing else.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from http.client import HTTPConnection


class Undo(Protocol):
    """One thing that undoes something, as often as it is carried out; printed, it says what it is."""

    def refusal(self) -> str:
        """Why it must not be carried out; empty where it may."""

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        """Whether what it undoes is gone now, and why one can say so or not; *timeout_s* for each thing that is waited for.

        What there is a `refusal` for is not carried out, whoever wrote it down.
        """

    def written(self) -> dict[str, str]:
        """What stands on disk, from which its kind reads it again."""


class HttpUndo(NamedTuple):
    """One HTTP request to this machine, of a kind that the harness writes; *body*, if any, is JSON text."""

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
        if not _is_loopback(host):
            return f"host {host!r} is not this machine, and nothing is undone elsewhere"
        return "" if self._server() else "the harness makes no such request"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        """Sent to a server of the kind that it is meant for alone; where another one is there now, what it undoes is gone."""
        # Imported here: loading it takes as long as the whole keeper takes to start.
        from http.client import HTTPConnection, HTTPException

        if reason := self.refusal():
            return False, reason
        parts, server = urlsplit(self.url), self._server()
        assert parts.hostname
        assert server
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)
        headers = {"Content-Type": "application/json"} if self.body else {}
        try:
            connection.request("GET", server.looks_at)
            status, said = _answer(connection)
            if status >= 500:
                return False, f"GET {server.looks_at} was answered {status}"
            if status != 200 or not server.known(said):
                return True, f"what listens there now is no {server.name}, so what that did is gone with it"
            connection.request(self.method, parts.path, self.body, headers)
            status, _ = _answer(connection)
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

    def _server(self) -> _Server | None:
        """The kind of server that this is a request to; None: the harness makes none like it."""
        parts = urlsplit(self.url)
        if not _ADDRESS.fullmatch(parts.netloc) or parts.query or parts.fragment or not self.url.endswith(parts.path):
            return None
        for method, path, body, server in _REQUESTS:
            if method == self.method and path.fullmatch(parts.path) and body(self.body):
                return server
        return None


class _Server(NamedTuple):
    """One kind of server, *known* by what it answers where one *looks_at* it."""

    name: str
    looks_at: str
    known: Callable[[bytes], bool]


def _answer(connection: HTTPConnection) -> tuple[int, bytes]:
    answer = connection.getresponse()
    return answer.status, answer.read(_ANSWER_BYTES_MAX)


def _is_version(said: bytes) -> bool:
    """As Toxiproxy says it: ``{"version": "2.12.0"}``; ``git`` where it was built without a release's flags."""
    return len(said) < 200 and re.search(rb'"version": *"(\d+\.\d+\.\d+|git)', said) is not None


def _is_counts(said: bytes) -> bool:
    """As the wire says it: an object of links, each of which names what is in force there."""
    try:
        links = json.loads(said)
    except (ValueError, RecursionError):
        return False
    return isinstance(links, dict) and all(isinstance(link, dict) and "in_force" in link for link in links.values())


def _is_felt(said: bytes) -> bool:
    """As a simulated provider says it: of each fault that it has in force, how many chats felt it."""
    try:
        document = json.loads(said)
    except (ValueError, RecursionError):
        return False
    match document:
        case {"faults": dict(faults)}:
            return len(document) == 1 and all(isinstance(felt, int) for felt in faults.values())
    return False


def _is_nothing(body: str | None) -> bool:
    return body is None


def _is_enabling(body: str | None) -> bool:
    return body is not None and _read(body) == {"enabled": True}


def _is_making(body: str | None) -> bool:
    """Whether it makes one of our proxies, listening on this machine, anew."""
    match _read(body or ""):
        case {"name": str(name), "upstream": str(upstream), "listen": str(listen), "enabled": True, **rest}:
            host = listen.rpartition(":")[0].strip("[]")
            return (
                not rest
                and bool(_OUR_NAME.fullmatch(name) and _HOST_AND_PORT.fullmatch(upstream))
                and _is_loopback(host)
            )
    return False


def _read(body: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


_ANSWER_BYTES_MAX = 1 << 22
_ADDRESS = re.compile(r"(?:[a-z0-9.]+|\[[0-9a-f:]+\])(?::\d{1,5})?")
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9._:\[\]-]+:\d{1,5}")
_NAME = r"[A-Za-z0-9._~%-]+"
_OUR_NAME = re.compile(r"harness-[A-Za-z0-9._-]+")
_OUR_PROXY = rf"/proxies/{_OUR_NAME.pattern}"
_TOXIPROXY = _Server("Toxiproxy", "/version", _is_version)
_WIRE = _Server("wire", "/counts", _is_counts)
_PROVIDER = _Server("simulated provider", "/.harness/faults", _is_felt)
_REQUESTS: tuple[tuple[str, re.Pattern[str], Callable[[str | None], bool], _Server], ...] = (
    ("DELETE", re.compile(_OUR_PROXY), _is_nothing, _TOXIPROXY),
    ("DELETE", re.compile(rf"{_OUR_PROXY}/toxics/{_NAME}"), _is_nothing, _TOXIPROXY),
    ("PATCH", re.compile(_OUR_PROXY), _is_enabling, _TOXIPROXY),
    ("POST", re.compile("/proxies"), _is_making, _TOXIPROXY),
    ("DELETE", re.compile(rf"/links/{_NAME}/faults/{_NAME}"), _is_nothing, _WIRE),
    ("DELETE", re.compile(rf"/\.harness/faults/{_NAME}"), _is_nothing, _PROVIDER),
)
"""All that the harness ever asks of a server to put something back, and of which kind of server."""


class Continue(NamedTuple):
    """The process *pid*, and all that descends from it, goes on; *started* tells it from a later one of that number."""

    pid: int
    started: int

    def __str__(self) -> str:
        return f"kill -CONT {self.pid}"

    def written(self) -> dict[str, str]:
        return {"kind": "continue", "pid": str(self.pid), "started": str(self.started)}

    def refusal(self) -> str:
        return "" if self.pid > 1 else f"{self.pid} is no process of a run"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        # Imported here: of what is put back, most is none of this.
        from harness.running.keeper.processes import below, everyone, look

        if reason := self.refusal():
            return False, reason
        found = look(self.pid)
        if found is None or found.started != self.started:
            return True, "it has ended, and with it what stood still"
        for one in (self.pid, *(child.pid for child in below({self.pid}, everyone()))):
            try:
                os.kill(one, signal.SIGCONT)
            except ProcessLookupError:
                continue  # that one ended meanwhile, and the others stand still
            except PermissionError:
                return False, "it is somebody else's"
        return True, "it goes on"


class MemoryUndo(NamedTuple):
    """The process *pid*, and all that descends from it, may use *soft* bytes of addresses again (-1: as many as it likes).

    *started* tells it from a later one of that number. It only ever allows more than there is allowed.
    """

    pid: int
    started: int
    soft: int

    def __str__(self) -> str:
        return f"prlimit --pid {self.pid} --as={'unlimited' if self.soft < 0 else self.soft}:"

    def written(self) -> dict[str, str]:
        return {"kind": "memory", **{name: str(value) for name, value in self._asdict().items()}}

    def refusal(self) -> str:
        if self.pid <= 1:
            return f"{self.pid} is no process of a run"
        return "" if self.soft >= -1 else f"{self.soft} is no number of bytes"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        from harness.running.keeper.processes import below, everyone, look

        if reason := self.refusal():
            return False, reason
        found = look(self.pid)
        if found is None or found.started != self.started:
            return True, "it has ended, and its limit with it"
        for one in (self.pid, *(child.pid for child in below({self.pid}, everyone()))):
            try:
                _allow(one, self.soft)
            except ProcessLookupError:
                continue  # that one ended meanwhile, and the others are still held
            except (OSError, ValueError, OverflowError) as error:
                return False, f"its limit cannot be changed: {error}"
        return True, "it may use as much as before"


def _allow(pid: int, soft: int) -> None:
    """Let *pid* use *soft* bytes of addresses (-1: as many as it likes), if that is more than it may. Raises OSError and ValueError."""
    import resource

    now, hard = resource.prlimit(pid, resource.RLIMIT_AS)
    highest = soft if hard == resource.RLIM_INFINITY or 0 <= soft <= hard else hard
    if now != resource.RLIM_INFINITY and (highest == resource.RLIM_INFINITY or highest > now):
        resource.prlimit(pid, resource.RLIMIT_AS, (highest, hard))


class EngineUndo(NamedTuple):
    """One request to the engine of containers that listens at *socket*, of a kind that the harness writes; *body*, if any, is JSON text."""

    socket: str
    path: str
    body: str | None = None

    def __str__(self) -> str:
        return f"POST {self.path} of the engine at {self.socket}"

    def written(self) -> dict[str, str]:
        return {"kind": "engine", **{name: value for name, value in self._asdict().items() if value is not None}}

    def refusal(self) -> str:
        if not self.socket.startswith("/"):
            return f"{self.socket!r} is no socket of this machine, and nothing is undone elsewhere"
        if _CONTAINER.fullmatch(self.path):
            return "" if self.body is None else "the harness says nothing there"
        if _UPDATE.fullmatch(self.path):
            return "" if _is_limits(self.body) else "the harness says nothing but limits there"
        return "" if _NETWORK.fullmatch(self.path) and _is_joining(self.body) else "the harness makes no such request"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        from http.client import HTTPException

        if reason := self.refusal():
            return False, reason
        connection = _over_a_socket(self.socket, timeout_s)
        headers = {"Content-Type": "application/json"} if self.body else {"Content-Length": "0"}
        try:
            connection.request("POST", self.path, self.body, headers)
            status, said = _answer(connection)
        except FileNotFoundError:
            return False, f"no engine listens at {self.socket} any more; when it is back: harness heal"
        except ConnectionRefusedError:
            return False, f"the engine at {self.socket} does not answer; when it does: harness heal"
        except TimeoutError:
            return False, f"no answer within {timeout_s:g} s"
        except (OSError, HTTPException, ValueError) as error:
            return False, f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        if status == 404:
            return True, "there is no such container or network any more (404)"
        if 200 <= status < 300 or status == 304 or any(word in said for word in _AS_IT_WAS):
            return True, f"answered {status}"
        return False, f"answered {status}: {said[:400].decode(errors='replace')}"


def _over_a_socket(path: str, timeout_s: float) -> HTTPConnection:
    import socket
    from http.client import HTTPConnection

    class Connection(HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout_s)
            self.sock.connect(path)

    return Connection("localhost", timeout=timeout_s)


def _is_joining(body: str | None) -> bool:
    """Whether it puts a container back on a network as it was."""
    match _read(body or ""):
        case {"Container": str(container), "EndpointConfig": dict(), **rest}:
            return not rest and bool(_ID.fullmatch(container))
    return False


def _is_limits(body: str | None) -> bool:
    """Whether it says how much a container may have, and nothing else."""
    match _read(body or ""):
        case dict() as said:
            return bool(said) and said.keys() <= _LIMITS and all(type(value) is int for value in said.values())
    return False


_LIMITS = frozenset({"CpuPeriod", "CpuQuota", "NanoCpus", "Memory", "MemorySwap"})
_ID = re.compile(r"[0-9a-f]{64}")
_UPDATE = re.compile(r"/containers/[0-9a-f]{64}/update")
_CONTAINER = re.compile(r"/containers/[0-9a-f]{64}/(?:start|unpause|restart\?t=0)")
_NETWORK = re.compile(r"/networks/[0-9a-f]{64}/connect")
_AS_IT_WAS = (b"is not paused", b"already exists in network", b"already attached to network", b"is already connected")
"""What an engine says of a container that is as it was before."""


class ProjectUndo(NamedTuple):
    """All that a Compose *project* of a run has at the engine that listens at *socket* is removed: containers, networks, volumes.

    What is known as its own is what bears its label, and a project is a run's own by its name.
    """

    socket: str
    project: str

    def __str__(self) -> str:
        return f"docker compose --project-name {self.project} down --volumes, at {self.socket}"

    def written(self) -> dict[str, str]:
        return {"kind": "project", **self._asdict()}

    def refusal(self) -> str:
        if not self.socket.startswith("/"):
            return f"{self.socket!r} is no socket of this machine, and nothing is undone elsewhere"
        return "" if _PROJECT.fullmatch(self.project) else f"{self.project!r} is no project of a run"

    def carry_out(self, timeout_s: float) -> tuple[bool, str]:
        from http.client import HTTPException

        if reason := self.refusal():
            return False, reason
        _end_composing(self.project)
        try:
            left = [self._removed(kind, timeout_s) for kind in _OF_A_PROJECT]
        except FileNotFoundError:
            return False, f"no engine listens at {self.socket} any more; when it is back: harness heal"
        except (OSError, HTTPException, ValueError) as error:
            return False, f"the engine at {self.socket}: {type(error).__name__}: {error}; later: harness heal"
        return not any(left), "; ".join(filter(None, left)) or "nothing of it is left"

    def _removed(self, kind: str, timeout_s: float) -> str:
        """Removes all of one *kind*, at once; what is said of those that are left. Raises OSError, HTTPException and ValueError."""
        late_s, names = time.monotonic() + timeout_s, self._listed(kind, timeout_s)
        while names:
            refused = [said for said in self._deleted(kind, names, timeout_s) if said[0] >= 300 and said[0] != 404]
            names = self._listed(kind, timeout_s)
            if names and time.monotonic() > late_s:
                status, text = refused[0] if refused else (0, b"")
                return f"{len(names)} {kind} are left; answered {status}: {text[:200].decode(errors='replace')}"
            if refused:
                time.sleep(_AGAIN_S)
        return ""

    def _deleted(self, kind: str, names: list[str], timeout_s: float) -> list[tuple[int, bytes]]:
        """What the engine answers where it is asked to remove all of *names* at once."""
        asked = [(_over_a_socket(self.socket, timeout_s), f"/{kind}/{name}{_OF_A_PROJECT[kind]}") for name in names]
        try:
            for connection, path in asked:
                connection.request("DELETE", path)
            return [_answer(connection) for connection, _ in asked]
        finally:
            for connection, _ in asked:
                connection.close()

    def _listed(self, kind: str, timeout_s: float) -> list[str]:
        """What the engine calls those of one *kind*."""
        from urllib.parse import quote

        connection = _over_a_socket(self.socket, timeout_s)
        try:
            label = quote(json.dumps({"label": [f"com.docker.compose.project={self.project}"]}))
            everything = "all=1&" if kind == "containers" else ""
            connection.request("GET", f"/{kind}{'/json' if everything else ''}?{everything}filters={label}")
            status, said = _answer(connection)
        finally:
            connection.close()
        if status != 200:
            raise ValueError(f"asked for {kind}, it answered {status}")
        found = json.loads(said)
        rows = found.get("Volumes") if isinstance(found, dict) else found
        return [quote(str(row["Name" if kind == "volumes" else "Id"]), safe="") for row in rows or []]


def _end_composing(project: str) -> None:
    """Whoever still brings *project* up would put there again what is removed."""
    from harness.running.keeper.processes import everyone

    for process in everyone():
        try:
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            if project.encode() in words and any(b"compose" in word for word in words):
                os.kill(process.pid, signal.SIGKILL)
        except OSError:
            continue  # it has ended, or is somebody else's


_PROJECT = re.compile(r"harness-[a-z0-9_-]{8,}")
_OF_A_PROJECT = {"containers": "?force=1&v=1", "networks": "", "volumes": ""}
"""What it has, in the order in which it can be removed, and how a removal is asked for."""
_AGAIN_S = 0.1


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


def _continue(written: Mapping[str, object]) -> Undo | None:
    match written:
        case {"pid": str(pid), "started": str(started)} if pid.isdecimal() and started.isdecimal():
            return Continue(int(pid), int(started))
    return None


def _memory(written: Mapping[str, object]) -> Undo | None:
    match written:
        case {"pid": str(pid), "started": str(started), "soft": str(soft)}:
            numbers = pid.isdecimal() and started.isdecimal() and (soft == "-1" or soft.isdecimal())
            return MemoryUndo(int(pid), int(started), int(soft)) if numbers else None
    return None


def _engine(written: Mapping[str, object]) -> Undo | None:
    match written:
        case {"socket": str(where), "path": str(path), "body": str(body)}:
            return EngineUndo(where, path, body)
        case {"socket": str(where), "path": str(path)}:
            return EngineUndo(where, path)
    return None


def _project(written: Mapping[str, object]) -> Undo | None:
    match written:
        case {"socket": str(where), "project": str(project)}:
            return ProjectUndo(where, project)
    return None


KINDS: Mapping[str, Callable[[Mapping[str, object]], Undo | None]] = {
    "http": _http,
    "continue": _continue,
    "memory": _memory,
    "engine": _engine,
    "project": _project,
}
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
