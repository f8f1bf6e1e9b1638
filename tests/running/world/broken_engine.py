"""An engine of containers for tests: it answers over a socket what the harness asks of one, and keeps what it was told."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

NETWORK = "e" * 64
PROJECT = "com.docker.compose.project"


@dataclass
class Box:
    """One container."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    status: str = "running"
    starts: int = 1
    networks: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "shop": {"NetworkID": NETWORK, "Aliases": ["cache"], "Links": None, "IPAMConfig": None}
        }
    )
    mode: str = "shop"
    deaf: bool = False
    removed_at_end: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    exit_code: int = 0
    health: str = "none"

    @property
    def told(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "State": {
                "Status": self.status,
                "StartedAt": f"start {self.starts}",
                "ExitCode": self.exit_code,
                "Health": {"Status": self.health},
            },
            "HostConfig": {"NetworkMode": self.mode, "AutoRemove": self.removed_at_end, **self.limits},
            "NetworkSettings": {"Networks": self.networks},
            "Config": {"Labels": self.labels, "Tty": True},
        }

    @property
    def id(self) -> str:
        return self.name.encode().hex().ljust(64, "0")


class Engine:
    """Its containers by name; *path* is its socket."""

    def __init__(self, path: Path, *boxes: Box) -> None:
        self.path, self.boxes = path, {box.name: box for box in boxes}
        self.asked: list[str] = []
        self.others: dict[str, dict[str, str]] = {"networks": {}, "volumes": {}}
        """The project of each network and of each volume."""
        self.gateway = "127.0.0.9"
        self.busy = 0
        """So many removals are refused, since one goes on already."""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        path = re.sub(r"^/v[0-9.]+", "", path.partition("?")[0])
        self.asked.append(f"{method} {path}")
        if method == "DELETE":
            return self._removed(*path.strip("/").split("/"))
        if path == "/_ping":
            return 200, "OK"
        if path == "/networks/create":
            self.others["networks"][NETWORK] = body["Labels"][PROJECT]
            return 201, {"Id": NETWORK}
        if path == "/version":
            return 200, {"ApiVersion": "1.44", "Version": "27"}
        if found := re.fullmatch(r"/networks/(\w+)(/(?:dis)?connect)?", path):
            if found[2] is None:
                return 200, {"Id": NETWORK, "Name": "shop", "IPAM": {"Config": [{"Gateway": self.gateway}]}}
            box = next(one for one in self.boxes.values() if one.id == body["Container"])
            if found[2] == "/disconnect":
                box.networks = {}
            elif box.networks:
                return 403, {"message": "endpoint with name cache already exists in network shop"}
            else:
                box.networks = {"shop": {"NetworkID": found[1], **body["EndpointConfig"]}}
            return 200, {}
        found = re.fullmatch(r"/containers/([^/]+)/(\w+)", path)
        assert found, path
        # As an engine does: by an id, a name, or the beginning of an id.
        by_name = [one for one in self.boxes.values() if found[1] in (one.id, one.name)]
        box = next(iter(by_name or [one for one in self.boxes.values() if one.id.startswith(found[1])]), None)
        return (
            (404, {"message": f"No such container: {found[1]}"})
            if box is None
            else self._done(box, method, found[2], body)
        )

    def _removed(self, kind: str, name: str) -> tuple[int, Any]:
        if self.busy:
            self.busy -= 1
            return 409, {"message": f"removal of {name} is already in progress"}
        if kind != "containers":
            return (204, None) if self.others[kind].pop(name, None) else (404, {"message": "no such thing"})
        box = next(one for one in self.boxes.values() if one.id == name)
        del self.boxes[box.name]
        return 204, None

    def listed(self, path: str) -> Any:
        """What is answered where somebody asks for all that bear a label; only what runs, unless all are asked for."""
        kind, wanted, everything = path.split("?")[0].split("/")[-1], _labels(path), "all=1" in path
        if kind == "json":
            there = [box for box in self.boxes.values() if everything or box.status == "running"]
            return [{"Id": box.id} for box in there if wanted <= {*_pairs(box)}]
        of = [name for name, project in self.others[kind].items() if wanted == {f"{PROJECT}={project}"}]
        return (
            {"Volumes": [{"Name": name} for name in of] or None} if kind == "volumes" else [{"Id": name} for name in of]
        )

    def _done(self, box: Box, method: str, verb: str, body: dict[str, Any]) -> tuple[int, Any]:
        match verb:
            case "update":
                box.limits |= body
                return 200, {"Warnings": None}
            case "json":
                return 200, box.told
            case "kill" | "stop":
                box.status = "running" if box.deaf and verb == "kill" and method == "POST" else "exited"
                box.deaf = False
            case "restart":
                box.status, box.starts, box.deaf = "running", box.starts + 1, False
            case "start":
                if box.status == "running":
                    return 304, None
                box.status, box.starts = "running", box.starts + 1
            case "pause":
                box.status = "paused"
            case "unpause":
                if box.status != "paused":
                    return 409, {"message": f"Container {box.id} is not paused"}
                box.status = "running"
        return 204, None


@contextmanager
def serving(engine: Engine) -> Iterator[Engine]:
    """The engine answers meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status: int
            said: Any
            if re.search(r"/(containers/json|networks|volumes)\?", self.path):
                status, said = 200, engine.listed(self.path)
            else:
                status, said = engine.answer(self.command, self.path, body)
            text = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self._any()

        def do_POST(self) -> None:
            self._any()

        def do_DELETE(self) -> None:
            self._any()

        def address_string(self) -> str:
            return "a socket"

        def log_message(self, *_: object) -> None: ...

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = False  # each is waited for, so that it leaves no connection open

    with Server(str(engine.path), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield engine
        finally:
            server.shutdown()


def _pairs(box: Box) -> Iterator[str]:
    for key, value in box.labels.items():
        yield from (key, f"{key}={value}")


def _labels(path: str) -> set[str]:
    filters = json.loads(parse_qs(urlsplit(path).query).get("filters", ["{}"])[0])
    return set(filters.get("label", []))
