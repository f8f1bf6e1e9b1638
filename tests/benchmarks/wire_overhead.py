"""What the wire adds to the time to the first token: ``python tests/benchmarks/wire_overhead.py`` (about 20 s).

Streams are opened at a constant rate, in turn straight to a provider and through tap, Toxiproxy and edge, so that both see the
same moments of the machine. All processes are on this machine and share its processors, so what is printed is an upper bound.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from harness.running.free_port import free_port
from harness.running.toxiproxy import ENVIRONMENT, ToxiproxyApi, ToxiproxyStage, obtain, wait_ready
from harness.running.toxiproxy import command as toxiproxy_command
from harness.running.wire import Config, LinkConfig, WireStage, command, ready, write

RATE_PER_S = 200
CHUNKS = 20
GAP_S = 0.005
STRETCH_S = 2.0
STRETCHES = 4
TARGET_MS = 1.2

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"token "}}]}\n\n'
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"%b n-0123456789"}]}' % (b"words " * 300)
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class _Provider(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._bytes = 0

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        if data.endswith(b"]}"):
            self._transport.write(_HEAD)
            self._say(1)

    def _say(self, number: int) -> None:
        if number > CHUNKS:
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(_CHUNK)
        asyncio.get_running_loop().call_later(GAP_S, self._say, number + 1)


class _Stream(asyncio.Protocol):
    """A client's connection, used for one stream after another."""

    def __init__(self, idle: list[_Stream], waits_ms: list[float]) -> None:
        self._idle = idle
        self._waits_ms = waits_ms

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self) -> None:
        self._waiting = True
        self._began_s = time.perf_counter()
        self.transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        if self._waiting and b"data: " in data:
            self._waiting = False
            self._waits_ms.append((time.perf_counter() - self._began_s) * 1000)
        if data.endswith(b"0\r\n\r\n"):
            self._idle.append(self)


class _Load:
    """Streams to one port at a constant rate."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Stream] = []
        self.waits_ms: list[float] = []
        self.sent = 0

    async def stretch(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        count = int(RATE_PER_S * STRETCH_S)
        for number in range(count):
            await asyncio.sleep(began_s + number / RATE_PER_S - loop.time())
            if not self._idle:
                _, stream = await loop.create_connection(
                    lambda: _Stream(self._idle, self.waits_ms), "127.0.0.1", self._port
                )
                self._idle.append(stream)
            self._idle.pop().ask()
        self.sent += count
        await asyncio.sleep(2 * CHUNKS * GAP_S)


def main() -> None:
    """Print the time to the first token both ways, and what the wire added."""
    with tempfile.TemporaryDirectory() as folder:
        running: list[subprocess.Popen[bytes]] = []
        provider = _start_provider()
        try:
            taps, wire = start_wire(Path(folder), provider, running)
            direct, through = run(_measure(provider, taps))
            _print("direct", direct)
            _print("tap + Toxiproxy + edge", through)
            _print_difference(direct, through, _cpu_s(wire))
        finally:
            for process in running:
                process.kill()
                process.wait()
            for child in multiprocessing.active_children():
                child.kill()
                child.join()


async def _measure(provider: int, tap: int) -> tuple[_Load, _Load]:
    direct, through = _Load(provider), _Load(tap)
    for load in (direct, through):
        await load.stretch()  # to open connections and fill caches
        load.waits_ms.clear()
        load.sent = 0
    for _ in range(STRETCHES):
        await direct.stretch()
        await through.stretch()
    return direct, through


def _start_provider() -> int:
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.Process(target=_provide, args=(theirs,), daemon=True).start()
    return int(ours.recv())


def _provide(told: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    run(serve())


def start_wire(folder: Path, provider: int, running: list[subprocess.Popen[bytes]]) -> tuple[int, int]:
    """Tap, Toxiproxy and edge in front of *provider*: the tap's port, and the wire's process; *running* gets all that was started."""
    path, told = folder / "config.json", folder / "ready.json"
    write(
        Config(
            [LinkConfig("east", f"http://127.0.0.1:{provider}")],
            str(folder),
            1,
            str(told),
            instrument=str(folder / "instrument"),
        ),
        path,
    )
    running.append(subprocess.Popen(command(path)))
    wire = running[-1]
    binary = obtain(Path.home() / ".cache" / "resilience-harness", print, path=os.environ.get("PATH"))
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running.append(subprocess.Popen(toxiproxy_command(binary.path, port), env={**os.environ, **ENVIRONMENT}, **quiet))
    api = ToxiproxyApi(f"http://127.0.0.1:{port}")
    wait_ready(api, time.monotonic() + 15, lambda: running[-1].poll() is None)
    late_s = time.monotonic() + 15
    while (ports := ready(told)) is None:
        assert time.monotonic() < late_s
        time.sleep(0.02)
    _, proxied = ToxiproxyStage(api, "overhead-").open_link("east", f"127.0.0.1:{ports.links['east'].edge}")
    WireStage(ports.control_url).connect_link("east", proxied)
    api.close()
    return ports.links["east"].tap, wire.pid


def run(work):
    """As the wire runs: on uvloop where it is there."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _at(values: list[float], share_ratio: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share_ratio))]


def _print(name: str, load: _Load) -> None:
    p50_ms, p99_ms = _at(load.waits_ms, 0.5), _at(load.waits_ms, 0.99)
    print(
        f"{name:24} {len(load.waits_ms)} of {load.sent} streams, first token p50 {p50_ms:.3f} ms, p99 {p99_ms:.3f} ms"
    )


def _print_difference(direct: _Load, through: _Load, cpu_s: float) -> None:
    added_ms = [_at(through.waits_ms, share) - _at(direct.waits_ms, share) for share in (0.5, 0.99)]
    each_ms = cpu_s / (RATE_PER_S * STRETCH_S * (STRETCHES + 1)) * 1000
    print(f"{'added':24} p50 {added_ms[0]:.3f} ms (target {TARGET_MS} ms), p99 {added_ms[1]:.3f} ms")
    print(f"{'wire process':24} {each_ms:.2f} ms of CPU a stream of {CHUNKS} chunks, its start included")


if __name__ == "__main__":
    sys.exit(main())
