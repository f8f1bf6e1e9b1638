"""The wire process: a tap and an edge for each link, one control port, and row files that are whole when it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from harness.record.instrument import InstrumentFile, OwnLateness
from harness.record.masking import Mask
from harness.record.rows import Arrival, Attempt
from harness.running.wire.client import LinkPorts, Ready, ResolverPorts
from harness.running.wire.config import ARRIVALS, ATTEMPTS, TRAFFIC, Carries, Config, LinkConfig, load
from harness.running.wire.control import Control, Ends
from harness.running.wire.credentials import Credentials
from harness.running.wire.edge.edge import Edge
from harness.running.wire.edge.rules.in_force import Shared
from harness.running.wire.ledger import Ledger
from harness.running.wire.tap.http_exchanges import HttpExchanges
from harness.running.wire.tap.redis_commands import RedisCommands
from harness.running.wire.tap.tap import Tap
from harness.running.wire.tap.tls import contexts
from harness.running.wire.tap.traffic import TrafficFile
from harness.running.wire.tap.watch import Unread, Watch

if TYPE_CHECKING:
    from harness.running.wire.names.resolver import Resolver

USAGE = 2
BROKEN = 70
_ANSWERED_WITHIN_S = 1.0
_GARBAGE = (5_000, 20, 50)
"""When garbage is looked for, as `gc.set_threshold` has it: seldom, since what a connection leaves is nearly always freed by itself."""


def main(arguments: list[str]) -> int:
    """Serve what the config file named in *arguments* says, until SIGTERM, SIGINT or ``POST /finish``; the exit status."""
    if len(arguments) != 1:
        print("usage: python -m harness.running.wire CONFIG.json", file=sys.stderr)  # noqa: T201 - its log
        return USAGE
    try:
        config = load(Path(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"the wire cannot start: {error}", file=sys.stderr)  # noqa: T201 - its log
        return USAGE
    _allow_many_connections()
    # What was loaded stays: to look for garbage in it would hold up streams.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    try:
        _run(serve(config, _on_signals))
    except OSError as error:
        print(f"the wire cannot go on: {error}", file=sys.stderr)  # noqa: T201 - its log
        return BROKEN
    return 0


async def serve(config: Config, watch: Callable[[asyncio.Event], None]) -> None:
    """Serve *config* until it is told to finish; *watch* gets the event by which it can be told.

    Raises OSError where a port or a file cannot be had.
    """
    rows, mask = Path(config.rows), Mask(config.secrets)
    attempts: Ledger[Attempt] = Ledger(rows / ATTEMPTS, mask)
    arrivals: Ledger[Arrival] = Ledger(rows / ARRIVALS, mask)
    traffic = TrafficFile(rows / TRAFFIC)
    credentials = Credentials({link.name: link.credential for link in config.links if link.credential})
    accounts: defaultdict[str, Shared] = defaultdict(Shared)
    shared = {link.name: accounts[link.account] for link in config.links if link.account}
    links = {
        link.name: _ends(link, config, attempts, arrivals, traffic, credentials, shared.get(link.name))
        for link in config.links
    }
    resolver = _resolver(config, links)
    control = Control(links, lambda: attempts.problem or arrivals.problem or traffic.problem)
    watch(control.finished)
    runner = web.AppRunner(control.application(), access_log=None)
    await runner.setup()
    try:
        for ends in links.values():
            await ends.tap.open()
            if ends.edge is not None:
                await ends.edge.open()
        if resolver is not None:
            await resolver.open()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        _announce(Path(config.ready), runner.addresses[0][1], links, resolver)
        async with _watching_itself(config.instrument):
            await control.finished.wait()
    finally:
        if resolver is not None:
            await resolver.close()
        for ends in links.values():
            await ends.tap.close()
        attempts.finish()
        traffic.finish()
        await asyncio.gather(*(ends.edge.close() for ends in links.values() if ends.edge is not None))
        arrivals.finish()
        control.ended.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(runner.cleanup(), _ANSWERED_WITHIN_S)


def _ends(
    link: LinkConfig,
    config: Config,
    attempts: Ledger[Attempt],
    arrivals: Ledger[Arrival],
    traffic: TrafficFile,
    credentials: Credentials,
    shared: Shared | None,
) -> Ends:
    passing = traffic.of(link.name)
    watches: dict[Carries, Callable[[], Watch]] = {
        "http": lambda: HttpExchanges(link.name, attempts, config.nonces, credentials),
        "redis": lambda: RedisCommands(passing.commanded, passing.pushed),
        "tcp": Unread,
    }
    shown = contexts(Path(link.tls), http=link.carries == "http") if link.tls else None
    watch = watches[link.carries]
    tap = Tap(link.name, watch, passing, link.listen, config.seed, link.at, gated=link.gated, contexts=shown)
    if link.carries != "http":
        return Ends(tap, None, attempts, link.carries, bool(link.dns))
    edge = Edge(link, tap.port, config, arrivals, shared)
    tap.passage.farewell, tap.passage.upward = edge.account.farewell, edge.account.upward
    return Ends(tap, edge, attempts, link.carries, bool(link.dns))


def _resolver(config: Config, links: dict[str, Ends]) -> Resolver | None:
    """What answers for the names of *links*; None where none has one. Raises OSError where its port cannot be had."""
    named = [link for link in config.links if link.dns]
    if not named:
        return None
    # What reads DNS is loaded by who needs it.
    from harness.running.wire.names.resolver import Name, Resolver

    known = {link.dns.lower(): Name(links[link.name].tap.passage, link.at, link.ttl_s) for link in named}
    return Resolver(known, named[0].at, config.resolver)


@asynccontextmanager
async def _watching_itself(path: str) -> AsyncIterator[None]:
    """Has the file at *path* told meanwhile how late this loop runs."""
    if not path:
        yield
        return
    file = InstrumentFile(Path(path))
    task = asyncio.get_running_loop().create_task(_count_lateness(OwnLateness(file, "wire", monotonic())))
    try:
        yield
    finally:
        task.cancel()
        file.close()


async def _count_lateness(own: OwnLateness) -> None:
    while True:
        await asyncio.sleep(max(0.0, own.due_s - monotonic()))
        own.ran(monotonic())


def _announce(path: Path, control: int, links: dict[str, Ends], resolver: Resolver | None) -> None:
    ports = {
        name: LinkPorts(ends.tap.port, ends.edge.port if ends.edge else None, ends.tap.probe_port)
        for name, ends in links.items()
    }
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    asked = ResolverPorts(resolver.port, resolver.probe_port) if resolver else None
    draft.write_bytes(msgspec.json.encode(Ready(control, ports, asked)))
    draft.replace(path)


def _on_signals(finished: asyncio.Event) -> None:
    for told in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(told, finished.set)


def _run(work: Coroutine[object, object, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


def _allow_many_connections() -> None:
    # A stream takes four descriptors, and many systems allow 1024 unless asked.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
