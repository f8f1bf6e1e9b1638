"""Real Toxiproxy servers, and small real upstreams behind them, for the tests in this folder."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.faults.effects import Probe
from harness.running.free_port import free_port
from harness.running.toxiproxy import ENVIRONMENT, Binary, ToxiproxyApi, ToxiproxyStage, command, obtain, wait_ready
from harness.running.world.probe import Protocol, look


@pytest.fixture(scope="session")
def binary() -> Binary:
    return obtain(Path.home() / ".cache" / "resilience-harness", print, path=os.environ.get("PATH"))


class ProbedStage(ToxiproxyStage):
    """A stage whose proxies are looked at as a client of theirs would."""

    def probe(self, link: str, protocol: Protocol, timeout_s: float) -> Probe:
        opened = self._link(link)
        return look(link, (opened.host, opened.port), protocol, timeout_s)


class Toxiproxies:
    """Servers that are ended with the test, whatever state they are in."""

    def __init__(self, binary: Binary) -> None:
        self._binary = binary
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *, port: int | None = None) -> ToxiproxyApi:
        port = port or free_port()
        process = subprocess.Popen(
            command(self._binary.path, port),
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        api = ToxiproxyApi(f"http://127.0.0.1:{port}")
        self._processes[api.url] = process
        wait_ready(api, time.monotonic() + 60, lambda: process.poll() is None)
        return api

    def end(self, api: ToxiproxyApi) -> None:
        process = self._processes.pop(api.url)
        process.kill()
        process.wait()
        api.close()

    def end_all(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def toxiproxies(binary: Binary) -> Iterator[Toxiproxies]:
    servers = Toxiproxies(binary)
    yield servers
    servers.end_all()


@pytest.fixture
def api(toxiproxies: Toxiproxies) -> ToxiproxyApi:
    return toxiproxies.start()


@pytest.fixture
def stage(api: ToxiproxyApi) -> ToxiproxyStage:
    return ProbedStage(api, "run7-")


Serve = Callable[[socket.socket], None]


@dataclass
class Upstream:
    """A server that gives each connection to *serve*; *address* is host:port."""

    serve: Serve
    connections: int = 0
    received: bytearray = field(default_factory=bytearray)
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        # A listener that is merely closed goes on being waited for by the thread that accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self.connections += 1
                threading.Thread(target=self._served, args=(connection,), daemon=True).start()

    def _served(self, connection: socket.socket) -> None:
        with suppress(OSError), closing(connection):
            self.serve(connection)


@pytest.fixture
def upstream() -> Iterator[Callable[[Serve], Upstream]]:
    """Start an upstream from what it does with a connection; it is closed with the test."""
    started: list[Upstream] = []

    def start(serve: Serve) -> Upstream:
        started.append(Upstream(serve))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def echo(upstream: Callable[[Serve], Upstream]) -> Upstream:
    """An upstream that sends back what it receives, and remembers it."""

    def serve(connection: socket.socket) -> None:
        while data := connection.recv(4096):
            one.received.extend(data)
            connection.sendall(data)

    one = upstream(serve)
    return one
