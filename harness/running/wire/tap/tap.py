"""The tap of one link: where it listens, what it refuses or holds, and the connections that go through it."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from harness.protocols.nonce import ANY_RUN, Nonces
from harness.record.rows import Attempt
from harness.running.wire.ledger import Ledger
from harness.running.wire.sockets import bound
from harness.running.wire.tap.connection import Far, Near
from harness.running.wire.tap.passage import Passage

Mode = Literal["refuse", "hold"]

_REFUSED_WITHIN_S = 2.0
_BACKLOG = 1024


class Tap:
    """The tap of *link*, at *listen*, or at a port that is free; `passage` says where it leads.

    Raises OSError that names the port when somebody else has it.
    """

    def __init__(
        self, link: str, attempts: Ledger[Attempt], listen: int | None = None, nonces: Nonces = ANY_RUN
    ) -> None:
        self.passage = Passage(link, attempts, nonces)
        self._connections: set[Near] = set()
        self._far_sides: set[Far] = set()
        self._modes: dict[str, Mode] = {}
        self._listener: asyncio.Server | None = None
        self._changing = asyncio.Lock()
        try:
            self._held = bound(listen or 0)
        except OSError as error:
            raise OSError(f"link {link}: {error}") from error
        self.port = int(self._held.getsockname()[1])

    @property
    def faults(self) -> tuple[str, ...]:
        """Ids of those that have a mode in force."""
        return tuple(self._modes)

    async def open(self) -> None:
        """Listen on *port*, unless that is done already."""
        if self._listener is None:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(
                lambda: Near(self.passage, self._connections, self._far_sides),
                sock=bound(self.port, again=True),
                backlog=_BACKLOG,
            )

    async def put_mode(self, fault_id: str, mode: Mode) -> None:
        """Make *mode* true for *fault_id*; it is in force when this returns. Raises OSError if it cannot be."""
        async with self._changing:
            self._forget(fault_id)
            self._modes[fault_id] = mode
            await self._settle()

    async def drop_mode(self, fault_id: str) -> None:
        """Make the mode of *fault_id* false, if there is one; it no longer is in force when this returns.

        Raises OSError if the port cannot be listened on.
        """
        async with self._changing:
            self._forget(fault_id)
            await self._settle()

    async def close(self) -> None:
        """Listen no more, and drop all connections. What is still open in the ledger stays so."""
        self.passage.closed = True
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.drop()
        # Those of clients who have left may be kept open for what is still owed.
        for dial in self.passage.dials:
            dial.cancel()
        for far in self._far_sides:
            far.abort()
        self._held.close()

    def _forget(self, fault_id: str) -> None:
        held = "hold" in self._modes.values()
        self._modes.pop(fault_id, None)
        if held and "hold" not in self._modes.values():
            for connection in self._connections:
                connection.stay_held()

    async def _settle(self) -> None:
        self.passage.refusing = "refuse" in self._modes.values()
        self.passage.holding = "hold" in self._modes.values()
        if not self.passage.refusing:
            await self.open()
            return
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.fail()
        await self._until_refused()

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
