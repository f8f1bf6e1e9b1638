"""The tap of one link: where it listens, what it refuses, resets, keeps silent or shapes, and the connections that go through it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping

from harness.faults.effects import NameAnswer, TapCertificate, TapMode
from harness.running.wire.sockets import bound
from harness.running.wire.tap.connection import Far, Near
from harness.running.wire.tap.passage import PROBE, Passage, Standing, TapEffect
from harness.running.wire.tap.tls import Encrypted
from harness.running.wire.tap.traffic import LinkTraffic
from harness.running.wire.tap.watch import Unread, Watch

_REFUSED_WITHIN_S = 2.0
_BACKLOG = 1024


class Tap:
    """The tap of *link*, at port *listen* of *at*, or at one that is free; `passage` says where it leads.

    At *probe_port* a look takes the same way as the target's connections, in clear, and is counted nowhere. *gated* and *contexts* are as
    in `Passage`. Raises OSError that names the port when somebody else has it.
    """

    def __init__(
        self,
        link: str,
        watch: Callable[[], Watch],
        traffic: LinkTraffic,
        listen: int | None = None,
        seed: int = 0,
        at: str = "127.0.0.1",
        *,
        gated: bool = False,
        contexts: Mapping[str, ssl.SSLContext] | None = None,
    ) -> None:
        self._at = at
        self.passage = Passage(link, watch, traffic, seed, gated=gated, contexts=contexts)
        self._connections: set[Near] = set()
        self._far_sides: set[Far] = set()
        self._listeners: list[asyncio.Server] = []
        self._changing = asyncio.Lock()
        self._reserved: list[socket.socket] = []
        try:
            self._reserved = [bound(listen or 0, host=at), bound()]
        except OSError as error:
            raise OSError(f"link {link}: {error}") from error
        self.port, self.probe_port = (int(held.getsockname()[1]) for held in self._reserved)

    @property
    def faults(self) -> tuple[str, ...]:
        """Ids of those that have something in force."""
        return tuple(self.passage.in_force)

    async def open(self) -> None:
        """Listen on both ports, unless that is done already."""
        if not self._listeners:
            self._listeners = [
                await self._listen(self._near, self.port, self._at),
                await self._listen(self._probing, self.probe_port),
            ]

    async def put(self, fault_id: str, effect: TapEffect) -> None:
        """Make *effect* true for *fault_id*; it is in force when this returns. Raises OSError if it cannot be."""
        async with self._changing:
            was = self.passage.in_force.get(fault_id)
            # Told twice, it goes on as it began.
            now = was if was and was.effect == effect else Standing(effect, time.monotonic())
            await self._settle({**self.passage.in_force, fault_id: now}, was)
            if isinstance(effect, TapCertificate | NameAnswer) and effect.closes_open and now is not was:
                self._retire(fault_id)

    async def drop(self, fault_id: str) -> None:
        """Make the effect of *fault_id* false, if there is one; it no longer is in force when this returns.

        Raises OSError if the port cannot be listened on.
        """
        async with self._changing:
            left = {name: standing for name, standing in self.passage.in_force.items() if name != fault_id}
            await self._settle(left, self.passage.in_force.get(fault_id))

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

    def _near(self) -> Near | Encrypted:
        passage = self.passage
        number = passage.next_number()
        near = Near(passage, passage.watch(), passage.traffic, self._connections, self._far_sides, number)
        return Encrypted(passage, near) if passage.contexts else near

    def _probing(self) -> Near:
        return Near(self.passage, Unread(), None, self._connections, self._far_sides, PROBE)

    async def _listen(
        self, connection: Callable[[], Near | Encrypted], port: int, at: str = "127.0.0.1"
    ) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            connection, sock=bound(port, again=True, host=at), backlog=_BACKLOG
        )

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    async def _settle(self, in_force: dict[str, Standing], ended: Standing | None) -> None:
        """Have *in_force* be what is so; *ended* is the one that is no longer among it."""
        self.passage.in_force = in_force
        listens = self.passage.listens()
        how = ended.effect.open_connections if ended is not None and isinstance(ended.effect, TapMode) else None
        for connection in list(self._connections):
            connection.settle(how)
        for lane in list(self.passage.busy):
            # Also those of clients who have left.
            lane.shape({fault: shape for fault, shape in lane.shapes.items() if fault in in_force})
        if not listens:
            self._stop_listening()
        for connection in list(self._connections):
            if self.passage.breaks(connection.number):
                connection.fail()
        if listens:
            await self.open()
        else:
            await self._until_refused()

    def _retire(self, fault_id: str) -> None:
        """Close what is open and what *fault_id* is for."""
        for connection in list(self._connections):
            if connection.number != PROBE and self.passage.hits(fault_id, connection.number):
                connection.retire()

    async def _until_refused(self) -> None:
        late_s = time.monotonic() + _REFUSED_WITHIN_S
        while time.monotonic() < late_s:
            try:
                _, writer = await asyncio.open_connection(self._at, self.port)
            except ConnectionRefusedError:
                return
            except ConnectionError:
                continue
            writer.close()
            await asyncio.sleep(0.005)
        raise OSError(f"the tap of {self.passage.link} still accepts connections on port {self.port}")
