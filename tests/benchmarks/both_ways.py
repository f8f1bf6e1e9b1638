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

LINK, OTHER_LINK = "east", "west"
_READY_S = 15.0

T = TypeVar("T")


@dataclass(frozen=True)
class Ways:
    """Two ways to one provider: straight to port *direct*, and through port *tap*; *pid* is the wire's, whose files lie in *folder*.

    *other_tap* is that of a second link to the same provider. Through port *edge* the wire's far end alone is asked. *proxied* opens
    another proxy at the same Toxiproxy, of a name, to a port, and has the port at which it listens.
    """

    direct: int
    tap: int
    other_tap: int
    stage: WireStage
    pid: int
    folder: Path
    edge: int
    proxied: Callable[[str, int], int]


@contextmanager
def both_ways(new_provider: Callable[[], asyncio.Protocol]) -> Iterator[Ways]:
    """A provider each of whose connections is a *new_provider*, and the wire in front of it; all of it is ended on the way out."""
    running: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder, provider(new_provider) as direct:
        try:
            yield _joined(Path(folder), direct, running)
        finally:
            for process in running:
                process.kill()
                process.wait()


@contextmanager
def provider(new_provider: Callable[[], asyncio.Protocol], core: int | None = None) -> Iterator[int]:
    """The port of a process each of whose connections is a *new_provider*, on *core* alone where that is one."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_provide, args=(new_provider, theirs, core), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        process.kill()
        process.join()


def run(work: Coroutine[object, object, T]) -> T:
    """As the wire runs: on uvloop where it is there."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def cpu_s(pid: int) -> float:
    """The processor time that the threads of process *pid* have used so far, to the nanosecond; those that have ended are left out."""
    try:
        threads = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except OSError:
        return float("nan")
    return sum(int(ran_ns) for ran_ns, *_ in threads) / 1e9 if threads else float("nan")


def _provide(new_provider: Callable[[], asyncio.Protocol], told: Connection, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(new_provider, "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    run(serve())


def _joined(folder: Path, provider: int, running: list[subprocess.Popen[bytes]]) -> Ways:
    """Tap, Toxiproxy and edge in front of *provider*; *running* gets all that was started."""
    path, told = folder / "config.json", folder / "ready.json"
    links = [LinkConfig(name, f"http://127.0.0.1:{provider}") for name in (LINK, OTHER_LINK)]
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
    toxiproxy = ToxiproxyStage(api, "overhead-")

    def proxied(name: str, to: int) -> int:
        return toxiproxy.open_link(name, f"127.0.0.1:{to}")[1]

    stage, edges = WireStage(ports.control_url), dict[str, int]()
    for name, link in ports.links.items():
        assert link.edge is not None, "a link that carries HTTP has an edge"
        edges[name] = link.edge
        stage.connect_link(name, proxied(name, link.edge))
    taps = [ports.links[name].tap for name in (LINK, OTHER_LINK)]
    return Ways(provider, *taps, stage, wire.pid, folder, edges[LINK], proxied)


def _ready(told: Path) -> Ready:
    late_s = time.monotonic() + _READY_S
    while (ports := ready(told)) is None:
        assert time.monotonic() < late_s, "the wire did not serve in time"
        time.sleep(0.02)
    return ports
