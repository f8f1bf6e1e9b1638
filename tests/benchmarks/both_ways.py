"""What benchmarks of the wire stand on: a provider in a process of its own, and tap, Toxiproxy and edge in front of it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from harness.running.free_port import free_port
from harness.running.toxiproxy import ENVIRONMENT, ToxiproxyApi, ToxiproxyStage, obtain, wait_ready
from harness.running.toxiproxy import command as toxiproxy_command
from harness.running.wire import Config, LinkConfig, Ready, WireStage, command, ready, write

LINK = "east"
_READY_S = 15.0

T = TypeVar("T")


@dataclass(frozen=True)
class Ways:
    """Two ways to one provider: straight to port *direct*, and through port *tap*; *pid* is the wire's, whose files lie in *folder*."""

    direct: int
    tap: int
    stage: WireStage
    pid: int
    folder: Path


@contextmanager
def both_ways(new_provider: Callable[[], asyncio.Protocol]) -> Iterator[Ways]:
    """A provider each of whose connections is a *new_provider*, and the wire in front of it; all of it is ended on the way out."""
    running: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        provider, direct = _start_provider(new_provider)
        try:
            yield _joined(Path(folder), direct, running)
        finally:
            for process in running:
                process.kill()
                process.wait()
            provider.kill()
            provider.join()


def run(work: Coroutine[object, object, T]) -> T:
    """As the wire runs: on uvloop where it is there."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def cpu_s(pid: int) -> float:
    """The processor time that process *pid* has used so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _start_provider(new_provider: Callable[[], asyncio.Protocol]) -> tuple[multiprocessing.Process, int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_provide, args=(new_provider, theirs), daemon=True)
    process.start()
    return process, int(ours.recv())


def _provide(new_provider: Callable[[], asyncio.Protocol], told: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(new_provider, "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    run(serve())


def _joined(folder: Path, provider: int, running: list[subprocess.Popen[bytes]]) -> Ways:
    """Tap, Toxiproxy and edge in front of *provider*; *running* gets all that was started."""
    path, told = folder / "config.json", folder / "ready.json"
    links = [LinkConfig(LINK, f"http://127.0.0.1:{provider}")]
    write(Config(links, str(folder), 1, str(told), instrument=str(folder / "instrument")), path)
    wire = subprocess.Popen(command(path))
    running.append(wire)
    binary = obtain(Path.home() / ".cache" / "resilience-harness", print, path=os.environ.get("PATH"))
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    proxy = subprocess.Popen(toxiproxy_command(binary.path, port), env={**os.environ, **ENVIRONMENT}, **quiet)
    running.append(proxy)
    api = ToxiproxyApi(f"http://127.0.0.1:{port}")
    wait_ready(api, time.monotonic() + _READY_S, lambda: proxy.poll() is None)
    ports = _ready(told)
    _, proxied = ToxiproxyStage(api, "overhead-").open_link(LINK, f"127.0.0.1:{ports.links[LINK].edge}")
    stage = WireStage(ports.control_url)
    stage.connect_link(LINK, proxied)
    api.close()
    return Ways(provider, ports.links[LINK].tap, stage, wire.pid, folder)


def _ready(told: Path) -> Ready:
    late_s = time.monotonic() + _READY_S
    while (ports := ready(told)) is None:
        assert time.monotonic() < late_s, "the wire did not serve in time"
        time.sleep(0.02)
    return ports
