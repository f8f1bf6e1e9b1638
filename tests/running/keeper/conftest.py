"""Real processes, a real HTTP server, and conditions that are waited for with a deadline."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import waiting

from harness.running.keeper.keeper import Child, Keeper
from harness.running.keeper.means import HttpUndo
from harness.running.keeper.processes import look

Eventually = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Named as no other of this machine: a keeper's run is called like its folder, and its strays are looked for everywhere."""
    own = tmp_path / f"{tmp_path.name}-{os.getpid()}"
    own.mkdir()
    return own


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a condition holds, and returns what it gave."""
    return waiting.eventually


@pytest.fixture
def runs() -> Callable[[int], bool]:
    """Whether a pid is that of a running process."""
    return lambda pid: look(pid) is not None


@pytest.fixture
def listens() -> Callable[[int], bool]:
    """Whether someone accepts connections on a port of this machine."""

    def connects(port: int) -> bool:
        with socket.socket() as client:
            client.settimeout(10)
            return client.connect_ex(("127.0.0.1", port)) == 0

    return connects


@dataclass
class Api:
    """A server that answers as Toxiproxy does, notes what it is asked of which of our proxies, and answers as *answers* says, else 204."""

    url: str
    asked: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    version: str = '{"version": "2.12.0"}'

    def undo(self, name: str) -> HttpUndo:
        """What puts back what was done to our proxy *name*."""
        return HttpUndo("DELETE", f"{self.url}/proxies/harness-{name}")


@pytest.fixture
def api() -> Iterator[Api]:
    class Answering(BaseHTTPRequestHandler):
        def answer(self) -> None:
            noted.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
            name = self.path.removeprefix("/proxies/harness-")
            noted.asked.append(f"{self.command} {name}")
            self.send_response(noted.answers.get(name, 204))
            self.end_headers()

        do_DELETE = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server calls

        def do_GET(self) -> None:
            if self.path == "/version":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(noted.version.encode())
            else:
                self.answer()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    noted = Api(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield noted
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path / "undo.jsonl", tmp_path / "temp", tmp_path / "keeper.log")
    with keeper:
        yield keeper


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str, str], Child]:
    """A child that runs a shell script; what it prints is in `<name>.log`."""
    return lambda name, script: Child(name, ("sh", "-c", script), dict(os.environ), tmp_path / f"{name}.log")


@dataclass
class Standin:
    """A harness that was started as a process of its own: it has a keeper with children, and waits."""

    process: subprocess.Popen[str]
    keeper_pid: int
    folder: Path
    eventually: Eventually

    def printed(self, name: str) -> int:
        """The number that child *name* printed."""
        log = self.folder / f"{name}.log"
        return int(self.eventually(lambda: log.exists() and log.read_text().endswith("\n") and log.read_text()))


@pytest.fixture
def standin(tmp_path: Path, api: Api, eventually: Eventually) -> Iterator[Callable[..., Standin]]:
    """Starts harnesses, each in a process group of its own as from a terminal."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> Standin:
        folder = tmp_path / f"{tmp_path.name}-{len(started)}"
        folder.mkdir()
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "standin.py"), str(folder), api.url, *words],
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        started.append(process)
        assert process.stdout
        return Standin(process, json.loads(process.stdout.readline()), folder, eventually)

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout
        process.stdout.close()
