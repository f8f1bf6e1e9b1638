"""The resolver of a run: it answers for the names by which links are reached, over UDP and TCP, and for no other."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple, cast

from harness.running.wire.names import answers
from harness.running.wire.sockets import bound
from harness.running.wire.tap.passage import Named, Passage

_TRIES = 20
_IDLE_S = 10.0
"""For so long a connection is kept on which nothing is asked (RFC 7766, 6.2.3)."""
_STRANGERS_MAX = 100
_HERE = "localhost"

_log = logging.getLogger(__name__)


class Name(NamedTuple):
    """What a name leads to: the tap at whose *passage* faults are told, *address*, which may be kept for *ttl_s*."""

    passage: Passage
    address: str
    ttl_s: int


class Resolver:
    """The resolver for *names* (in small letters) at *port* of *at*, by UDP and TCP; which is *listen*, or one that is free.

    At *probe_port* of loopback, by UDP, a look is answered as clients are, and counted nowhere. Raises OSError when somebody has the port.
    """

    def __init__(self, names: Mapping[str, Name], at: str = "127.0.0.1", listen: int | None = None) -> None:
        self._names = names
        self._tcp, self._udp = _pair(at, listen)
        self._probed = _datagrams("127.0.0.1", 0)
        self.port, self.probe_port = (int(held.getsockname()[1]) for held in (self._tcp, self._probed))
        self._listening: list[asyncio.BaseTransport | asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._strangers: set[str] = set()

    async def open(self) -> None:
        """Answer from now on."""
        loop = asyncio.get_running_loop()
        for held, probes in ((self._udp, False), (self._probed, True)):
            transport, _ = await loop.create_datagram_endpoint(partial(_Asked, self, probes), sock=held)
            self._listening.append(transport)
        self._listening.append(await asyncio.start_server(self._serve, sock=self._tcp))

    async def close(self) -> None:
        """Answer nobody any more."""
        for one in self._listening:
            one.close()
        for task in list(self._connections):
            task.cancel()
        for held in (self._tcp, self._udp, self._probed):
            held.close()

    def said(self, data: bytes, *, whole: bool, probes: bool = False) -> tuple[bytes | None, float]:
        """What is answered to *data*, and after how many seconds; None: nothing."""
        asked = answers.read(data)
        if asked is None:
            return None, 0.0
        if asked.name == _HERE:  # RFC 6761, 6.3
            return answers.answer(asked, Named(), "127.0.0.1", 0, whole=whole), 0.0
        if (name := self._names.get(asked.name)) is None:
            self._tell_of(asked.name)
            return answers.refused(asked), 0.0
        named = name.passage.look_up(time.monotonic(), counts=asked.address, probes=probes)
        return answers.answer(asked, named, name.address, name.ttl_s, whole=whole), named.delay_s

    def _tell_of(self, stranger: str) -> None:
        if stranger not in self._strangers and len(self._strangers) < _STRANGERS_MAX:
            self._strangers.add(stranger)
            _log.warning("looked up %s, which is the name of no link: refused", stranger)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(OSError, EOFError):  # a TimeoutError is one; who has left, or says nothing, is not waited for
                while True:
                    await self._answer_one(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_IDLE_S):
            size = int.from_bytes(await reader.readexactly(2), "big")
            data = await reader.readexactly(size)
        said, after_s = self.said(data, whole=True)
        await asyncio.sleep(after_s)
        if said is not None:
            writer.write(len(said).to_bytes(2, "big") + said)
            await writer.drain()


class _Asked(asyncio.DatagramProtocol):
    """What comes by UDP to *resolver*."""

    def __init__(self, resolver: Resolver, probes: bool) -> None:
        self._resolver, self._probes = resolver, probes
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is none by inheritance

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said, after_s = self._resolver.said(data, whole=False, probes=self._probes)
        if said is None:
            return
        if after_s > 0:
            asyncio.get_running_loop().call_later(after_s, self._send, said, addr)
        else:
            self._send(said, addr)

    def _send(self, said: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(said, addr)


def _pair(at: str, listen: int | None) -> tuple[socket.socket, socket.socket]:
    """A socket for TCP and one for UDP, of one port."""
    for tried in range(_TRIES):
        tcp = bound(listen or 0, host=at)
        port = int(tcp.getsockname()[1])
        try:
            return tcp, _datagrams(at, port)
        except OSError:
            tcp.close()
            if listen or tried == _TRIES - 1:
                raise
    raise AssertionError("the last try raises")


def _datagrams(at: str, port: int) -> socket.socket:
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind((at, port))
    except OSError as error:
        held.close()
        raise OSError(f"port {port} of {at} cannot be answered on by UDP: {error.strerror}") from error
    held.setblocking(False)
    return held
