"""The tap of one link: where it listens, what it refuses, resets or keeps silent, and the connections that go through it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from harness.faults.effects import TapMode
from harness.running.wire.sockets import bound
from harness.running.wire.tap.connection import Far, Near
from harness.running.wire.tap.passage import Passage, Stream
from harness.running.wire.tap.traffic import LinkTraffic
from harness.running.wire.tap.watch import Unread, Watch

_REFUSED_WITHIN_S = 2.0
_BACKLOG = 1024


class Tap:
    """The tap of *link*, at *listen*, or at a port that is free; `passage` says where it leads.

    At *probe_port* a look takes the same way as the target's connections, and is counted nowhere. Raises OSError that names the port when
    somebody else has it.
    """

    def __init__(self, link: str, watch: Callable[[], Watch], traffic: LinkTraffic, listen: int | None = None) -> None:
        self.passage = Passage(link, watch, traffic)
        self._connections: set[Near] = set()
        self._far_sides: set[Far] = set()
        self._modes: dict[str, TapMode] = {}
        self._listeners: list[asyncio.Server] = []
        self._changing = asyncio.Lock()
        self._reserved: list[socket.socket] = []
        try:
            self._reserved = [bound(listen or 0), bound()]
        except OSError as error:
            raise OSError(f"link {link}: {error}") from error
        self.port, self.probe_port = (int(held.getsockname()[1]) for held in self._reserved)

    @property
    def faults(self) -> tuple[str, ...]:
        """Ids of those that have a mode in force."""
        return tuple(self._modes)

    async def open(self) -> None:
        """Listen on both ports, unless that is done already."""
        if not self._listeners:
            self._listeners = [
                await self._listen(self._near, self.port),
                await self._listen(self._probing, self.probe_port),
            ]

    async def put_mode(self, fault_id: str, mode: TapMode) -> None:
        """Make *mode* true for *fault_id*; it is in force when this returns. Raises OSError if it cannot be."""
        async with self._changing:
            await self._settle({**self._modes, fault_id: mode}, ended=self._modes.get(fault_id))

    async def drop_mode(self, fault_id: str) -> None:
        """Make the mode of *fault_id* false, if there is one; it no longer is in force when this returns.

        Raises OSError if the port cannot be listened on.
        """
        async with self._changing:
            modes = {name: mode for name, mode in self._modes.items() if name != fault_id}
            await self._settle(modes, ended=self._modes.get(fault_id))

    async def close(self) -> None:
        """Listen no more, and drop all connections. What is still open in the ledger stays so."""
        self.passage.closed = True
        self._stop_listening()
        for connection in list(self._connections):
            connection.drop()
        # Those of clients who have left may be kept open for what is still owed.
        for dial in self.passage.dials:
            dial.cancel()
        for far in self._far_sides:
            far.abort()
        for held in self._reserved:
            held.close()

    def _near(self) -> Near:
        passage = self.passage
        return Near(passage, passage.watch(), passage.traffic, self._connections, self._far_sides)

    def _probing(self) -> Near:
        return Near(self.passage, Unread(), None, self._connections, self._far_sides)

    async def _listen(self, connection: Callable[[], Near], port: int) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            connection, sock=bound(port, again=True), backlog=_BACKLOG
        )

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    async def _settle(self, modes: dict[str, TapMode], ended: TapMode | None) -> None:
        """Have *modes* be those in force; *ended* is the one that is no longer among them."""
        self._modes = modes
        passage = self.passage
        passage.refusing = any(mode.mode == "refuse" for mode in modes.values())
        passage.resetting = any(mode.mode == "reset" for mode in modes.values())
        self._silence(modes, ended)
        if passage.refusing:
            self._stop_listening()
        if passage.refusing or passage.resetting:
            for connection in list(self._connections):
                connection.fail()
        if passage.refusing:
            await self._until_refused()
        else:
            await self.open()

    def _silence(self, modes: dict[str, TapMode], ended: TapMode | None) -> None:
        was, passage = self.passage.silent, self.passage
        passage.silent = frozenset(stream for mode in modes.values() for stream in _silent(mode))
        for connection in list(self._connections) if passage.silent - was else ():
            connection.fall_silent()
        if ended is not None and was - passage.silent:
            for connection in list(self._connections):
                connection.speak_again(ended.open_connections)

    async def _until_refused(self) -> None:
        late_s = time.monotonic() + _REFUSED_WITHIN_S
        while time.monotonic() < late_s:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionRefusedError:
                return
            except ConnectionError:
                continue
            writer.close()
            await asyncio.sleep(0.005)
        raise OSError(f"the tap of {self.passage.link} still accepts connections on port {self.port}")


def _silent(mode: TapMode) -> tuple[Stream, ...]:
    if mode.mode != "silence":
        return ()
    return ("upstream", "downstream") if mode.streams == "both" else (mode.streams,)
