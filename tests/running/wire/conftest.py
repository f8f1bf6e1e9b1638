"""A wire in a thread, a provider that does what a test tells it, and clients on bare sockets, for the tests in this folder."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import httptools
import pytest

from harness.record.rowfile import read_rows
from harness.record.rows import Arrival, Attempt, Traffic
from harness.running.free_port import free_port
from harness.running.toxiproxy import ENVIRONMENT, ToxiproxyApi, obtain, wait_ready
from harness.running.toxiproxy import command as toxiproxy_command
from harness.running.wire import (
    ARRIVALS,
    ATTEMPTS,
    TRAFFIC,
    Config,
    LinkConfig,
    Ready,
    WireStage,
    command,
    ready,
    write,
)
from harness.running.wire.config import load
from harness.running.wire.process import serve

DEADLINE_S = 60.0
TOO_MUCH = 1 << 26
"""More bytes than the buffers of all sockets on the way take, which may grow to 32 MB where somebody reads."""
NONCE = "n-00000000aa"
BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello there, n-00000000aa"}]}'
WHOLE = b'{"choices":[{"message":{"content":"Good day"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}'


def post(body: bytes = BODY, *, headers: bytes = b"", path: bytes = b"/v1/chat/completions") -> bytes:
    """A request as a client would write it."""
    length = str(len(body)).encode()
    return b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"Content-Length: " + length + b"\r\n\r\n" + body


def answer(body: bytes = WHOLE, *, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    length = str(len(body)).encode()
    kind = b"Content-Type: application/json\r\n"
    return b"HTTP/1.1 " + status + b"\r\n" + kind + headers + b"Content-Length: " + length + b"\r\n\r\n" + body


def eventually(condition: Callable[[], object], what: str = "") -> None:
    late_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < late_s, f"not within {DEADLINE_S:g} s: {what or condition}"
        time.sleep(0.002)


@dataclass
class Received:
    """A request that a provider has read to its last byte."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int  # counted from 1
    nth: int  # on its connection, counted from 1


class Line(asyncio.Protocol):
    """One connection of a provider's."""

    transport: asyncio.Transport

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.parser = httptools.HttpRequestParser(self)
        self.gone = asyncio.Event()
        self.lost_by: Exception | None = None
        self.nth = 0
        self.number = 0
        self.bytes_in = 0
        self.start()

    def start(self) -> None:
        self.url, self.headers, self.body = b"", [], bytearray()
        self.halfway = False

    def on_message_begin(self) -> None:
        self.halfway = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.provider.lines.append(self)
        self.number = len(self.provider.lines)
        if self.provider.over:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self.bytes_in += len(data)
        if self.provider.on_bytes is None:
            self.parser.feed_data(data)
        else:
            self.provider.on_bytes(self, data)

    def eof_received(self) -> bool:
        if self.provider.on_eof is None:
            return False
        self.provider.on_eof(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_by = exc
        self.gone.set()

    def on_headers_complete(self) -> None:
        if self.provider.on_head is not None:
            self.provider.on_head(self)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode(), value.decode()))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.nth += 1
        method = self.parser.get_method().decode()
        received = Received(method, self.url.decode(), self.headers, bytes(self.body), self.number, self.nth)
        self.start()
        self.provider.accepted.append(received)
        task = asyncio.get_running_loop().create_task(self.provider.script(received, self))
        self.provider.tasks.add(task)
        task.add_done_callback(self.provider.tasks.discard)

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def flushed(self) -> None:
        while self.transport.get_write_buffer_size():
            await asyncio.sleep(0.001)

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        no_linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.transport.abort()


Script = Callable[[Received, Line], Awaitable[None]]
NewLoop = Callable[[], asyncio.AbstractEventLoop]


async def good(request: Received, line: Line) -> None:
    line.write(answer())


@dataclass
class Provider:
    """A provider that counts a request when its last byte is parsed, and then does what *script* says."""

    script: Script = good
    on_bytes: Callable[[Line, bytes], None] | None = None  # in place of reading requests
    on_eof: Callable[[Line], None] | None = None  # a client says no more; then the connection stays, else it is closed
    on_head: Callable[[Line], None] | None = None  # a head has come, and perhaps no body yet
    accepted: list[Received] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    port: int = 0
    loop: asyncio.AbstractEventLoop | None = None
    over: bool = False
    """Who was accepted last becomes a line only now, and is told to leave at once."""

    def call(self, work: Callable[[], object]) -> None:
        """Have *work* done where the connections live."""
        assert self.loop
        done: Future[object] = Future()
        self.loop.call_soon_threadsafe(lambda: done.set_result(work()))
        done.result(DEADLINE_S)

    @property
    def gone(self) -> int:
        """Connections that have ended."""
        return sum(line.gone.is_set() for line in self.lines)


@dataclass
class Wire:
    """A wire that runs, with one link or more."""

    stage: WireStage
    ports: Ready
    rows: Path

    def tap(self, link: str = "east") -> int:
        return self.ports.links[link].tap

    def edge(self, link: str = "east") -> int:
        edge = self.ports.links[link].edge
        assert edge is not None
        return edge

    def probe(self, link: str = "east") -> int:
        return self.ports.links[link].probe

    def attempts(self) -> list[Attempt]:
        return list(read_rows(self.rows / ATTEMPTS, Attempt))

    def traffic(self) -> list[Traffic]:
        return list(read_rows(self.rows / TRAFFIC, Traffic))

    def arrivals(self) -> list[Arrival]:
        return list(read_rows(self.rows / ARRIVALS, Arrival))


class Client:
    """A client on a bare socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.heard = b""
        self.end = ""

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, until: bytes, *, times: int = 1) -> bytes:
        """Everything heard so far, once *until* is a part of it, as often as that."""
        while self.heard.count(until) < times:
            assert not self._listen(), f"ended by {self.end} after {self.heard!r}"
        return self.heard

    def hear_whole(self, size: int) -> bytes:
        """Everything heard so far, once it is *size* bytes."""
        pieces = [self.heard]
        while sum(map(len, pieces)) < size:
            pieces.append(self.socket.recv(1 << 20))
            assert pieces[-1]
        self.heard = b"".join(pieces)
        return self.heard

    def hear_all(self) -> bytes:
        """Everything up to the end of the connection, which `end` then names: close or reset."""
        while not self._listen():
            pass
        return self.heard

    def silent_for(self, seconds: float) -> bool:
        self.socket.settimeout(seconds)
        try:
            return not self._listen() and False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(DEADLINE_S)

    def leave(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _listen(self) -> str:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            self.end = "reset"
        else:
            self.heard += data
            self.end = "" if data else "close"
        return self.end


class _Loops:
    """Event loops in threads, which end with the test."""

    def __init__(self) -> None:
        self._running: list[tuple[asyncio.AbstractEventLoop, threading.Thread, asyncio.Event]] = []

    def run(self, new_loop: NewLoop, work: Callable[[asyncio.Event], Awaitable[None]]) -> asyncio.AbstractEventLoop:
        begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

        async def main() -> None:
            ended = asyncio.Event()
            begun.set_result((asyncio.get_running_loop(), ended))
            await work(ended)
            # asyncio's own list: of a handshake that never came to its end nobody else knows.
            for transport in [*getattr(asyncio.get_running_loop(), "_transports", {}).values()]:
                transport.abort()
            for _ in range(20):  # turns in which closed transports let go of their sockets
                await asyncio.sleep(0)

        def live() -> None:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(main())

        thread = threading.Thread(target=live, daemon=True)
        thread.start()
        loop, ended = begun.result(DEADLINE_S)
        self._running.append((loop, thread, ended))
        return loop

    def end(self) -> None:
        for loop, thread, ended in reversed(self._running):
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


@pytest.fixture
def kit() -> SimpleNamespace:
    """What tests of this folder share and that is no fixture by itself."""
    return SimpleNamespace(
        NONCE=NONCE, BODY=BODY, WHOLE=WHOLE, TOO_MUCH=TOO_MUCH, post=post, answer=answer, eventually=eventually
    )


@pytest.fixture
def loops() -> Iterator[_Loops]:
    running = _Loops()
    yield running
    running.end()


@pytest.fixture
def new_provider(loops: _Loops) -> Callable[..., Provider]:
    def start(script: Script = good, *, tls: ssl.SSLContext | None = None) -> Provider:
        provider = Provider(script)

        async def work(ended: asyncio.Event) -> None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Line(provider), "127.0.0.1", 0, ssl=tls, backlog=1024)
            provider.port = server.sockets[0].getsockname()[1]
            await ended.wait()
            server.close()
            provider.over = True
            for line in provider.lines:
                line.transport.abort()
            for task in provider.tasks:
                task.cancel()
            await asyncio.gather(*provider.tasks, return_exceptions=True)
            await asyncio.sleep(0)

        provider.loop = loops.run(asyncio.new_event_loop, work)
        eventually(lambda: provider.port)
        return provider

    return start


@pytest.fixture
def provider(new_provider: Callable[..., Provider]) -> Provider:
    return new_provider()


@pytest.fixture
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """The loop that runs use; what lies close to sockets is tried with the one that stands in for it, too."""
    if getattr(request, "param", "uvloop") == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


@pytest.fixture
def new_wire(loops: _Loops, new_loop: NewLoop, tmp_path: Path) -> Callable[..., Wire]:
    """Starts a wire whose taps dial their edges, with nothing between."""

    def start(
        upstreams: Mapping[str, str],
        *,
        connected: bool = True,
        others: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
        others_tls: str = "",
        dns: Mapping[str, str] | None = None,
        **same: object,
    ) -> Wire:
        rows = tmp_path / f"rows{len(list(tmp_path.iterdir()))}"
        rows.mkdir()
        path = rows / "config.json"
        own = {name: {"credential": key} for name, key in (credentials or {}).items()}
        own |= {name: own.get(name, {}) | {"dns": known, "ttl_s": 7} for name, known in (dns or {}).items()}
        links = [LinkConfig(name, url, **(own.get(name, {}) | same)) for name, url in upstreams.items()]
        links += [
            LinkConfig(name, carries=it, gated=it == "redis", tls=others_tls) for name, it in (others or {}).items()
        ]
        write(Config(links, str(rows), 7, str(rows / "ready.json")), path)

        async def work(ended: asyncio.Event) -> None:
            told: list[asyncio.Task[None]] = []

            def watch(finished: asyncio.Event) -> None:
                async def pass_on() -> None:
                    await ended.wait()
                    finished.set()

                told.append(asyncio.get_running_loop().create_task(pass_on()))

            await serve(load(path), watch)
            told[0].cancel()

        loops.run(new_loop, work)
        eventually(lambda: ready(rows / "ready.json"))
        ports = ready(rows / "ready.json")
        assert ports
        stage = WireStage(ports.control_url)
        for link, ends in ports.links.items():
            if connected and ends.edge is not None:
                stage.connect_link(link, ends.edge)
        return Wire(stage, ports, rows)

    return start


@pytest.fixture
def wire_process(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], tuple[Wire, subprocess.Popen[bytes]]]]:
    """Starts a wire as a process of its own, whose taps dial their edges."""
    running: list[subprocess.Popen[bytes]] = []

    def start(upstreams: Mapping[str, str]) -> tuple[Wire, subprocess.Popen[bytes]]:
        path, told = tmp_path / "config.json", tmp_path / "ready.json"
        links = [LinkConfig(name, url) for name, url in upstreams.items()]
        write(Config(links, str(tmp_path), 7, str(told), instrument=str(tmp_path / "instrument")), path)
        process = subprocess.Popen(command(path), stdin=subprocess.DEVNULL)
        running.append(process)
        eventually(lambda: ready(told) or process.poll() is not None)
        ports = ready(told)
        assert ports, f"the wire ended with status {process.returncode}"
        wire = Wire(WireStage(ports.control_url), ports, tmp_path)
        for link, ends in ports.links.items():
            wire.stage.connect_link(link, ends.edge)
        return wire, process

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def wire(new_wire: Callable[..., Wire], provider: Provider) -> Wire:
    return new_wire({"east": f"http://127.0.0.1:{provider.port}"})


@pytest.fixture
def toxiproxy() -> Iterator[ToxiproxyApi]:
    """One that runs, with no proxies yet."""
    binary = obtain(Path.home() / ".cache" / "resilience-harness", print, path=os.environ.get("PATH"))
    port = free_port()
    process = subprocess.Popen(
        toxiproxy_command(binary.path, port),
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    api = ToxiproxyApi(f"http://127.0.0.1:{port}")
    try:
        wait_ready(api, time.monotonic() + 60, lambda: process.poll() is None)
        yield api
    finally:
        api.close()
        process.kill()
        process.wait()


@pytest.fixture
def clients() -> Iterator[Callable[[int], Client]]:
    opened: list[Client] = []

    def connect(port: int) -> Client:
        opened.append(Client(port))
        return opened[-1]

    yield connect
    for client in opened:
        client.leave()
