"""A page of a day for as long as it is wanted: a server on a thread and an event loop of its own, which nobody there can hold up."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.gameday.control import Control
from harness.gameday.desk import Desk

if TYPE_CHECKING:
    from aiohttp import web

    from harness.interfaces.gameday_page.application import Limits

TOKEN_CHARS_MIN = 16
_END_WITHIN_S = 2.0


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@contextmanager
def served(
    desk: Desk,
    control: Control,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    told: Callable[[str], object] = _to_stderr,
    limits: Limits | None = None,
) -> Iterator[str]:
    """The address of a page of the day at *desk*, with its *token* (drawn where none is given), served until the block is left.

    *port* 0: one that is free. Where *host* is not this machine alone, who can come there is *told*. Raises ValueError for a token that is
    easily guessed, and OSError where *host* and *port* cannot be listened on.
    """
    from harness.interfaces.gameday_page.application import Limits, application
    from harness.interfaces.gameday_page.door import Door

    token = secrets.token_urlsafe(24) if token is None else token
    if len(token) < TOKEN_CHARS_MIN:
        raise ValueError(f"a token of {len(token)} characters is easily guessed; at least {TOKEN_CHARS_MIN}")
    door = Door(token, host)
    ready: Future[tuple[Callable[[], None], int]] = Future()

    def made() -> web.Application:
        return application(desk, control, door, limits or Limits())

    thread = threading.Thread(target=lambda: _run(made, host, port, ready), name="game-day page", daemon=True)
    thread.start()
    end, bound = ready.result()
    try:
        if not _is_loopback(host):
            told(reachable(host, bound))
        yield f"http://{_shown(host)}:{bound}{door.path}?token={quote(token, safe='')}"
    finally:
        end()
        thread.join()


def try_to_listen(host: str, port: int) -> None:
    """Raises OSError where no page can be served at *host* and *port*: better before a day is opened than after."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    socket.create_server(address[:2], family=family).close()


def reachable(host: str, port: int) -> str:
    """Who can come to a page there, in a sentence."""
    return (
        f"the page is served at {host} port {port}, and not for this machine alone: whoever can reach it there and has the address with "
        "its token sees the day and can stop it; what passes is not encrypted, so whoever sees that has the token, too"
    )


def _run(
    made: Callable[[], web.Application], host: str, port: int, ready: Future[tuple[Callable[[], None], int]]
) -> None:
    """Serve until it is told to end; *ready* gets what tells it so, and the port."""
    try:
        asyncio.run(_serve(made, host, port, ready))
    except BaseException as error:  # it belongs to who waits for the page
        if ready.done():
            raise
        ready.set_exception(error)


async def _serve(
    made: Callable[[], web.Application], host: str, port: int, ready: Future[tuple[Callable[[], None], int]]
) -> None:
    from aiohttp import web

    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    runner = web.AppRunner(made(), access_log=None, shutdown_timeout=_END_WITHIN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        ready.set_result((lambda: _tell(loop, ended), runner.addresses[0][1]))
        await ended.wait()
    finally:
        server = runner.server
        left = _open(server)
        await runner.cleanup()
        await asyncio.sleep(0)
        # One whose page reads nothing would never be rid of what is still there for it; one that came at the last moment nobody has closed.
        for transport in {*left, *_open(server)}:
            transport.abort()
        await asyncio.sleep(0)


def _open(server: web.Server | None) -> list[asyncio.Transport]:
    """The connections to *server*."""
    return [one.transport for one in server.connections if one.transport is not None] if server is not None else []


def _tell(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(ended.set)


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _shown(host: str) -> str:
    """*host* as it stands in an address that others can use."""
    address = _address(host)
    if address is None:
        return host
    if address.is_unspecified:
        return _outward(address.version)
    return f"[{address}]" if address.version == 6 else str(address)


def _outward(version: int) -> str:
    """By which address this machine goes to others; nothing is sent to find out."""
    family, other = (socket.AF_INET, "192.0.2.1") if version == 4 else (socket.AF_INET6, "2001:db8::1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((other, 9))
            return _shown(probe.getsockname()[0])
    except OSError:
        return "localhost"
