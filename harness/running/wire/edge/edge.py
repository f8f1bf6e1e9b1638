"""The edge: a streaming reverse proxy between Toxiproxy and a provider, which can also answer in the provider's place.

Nothing is invented: where the provider closes, the client sees a close, and no status comes from here but a fault's, and
the one for what is no request.
"""

from __future__ import annotations

import asyncio

from harness.record.rows import Arrival
from harness.running.wire.config import Config, LinkConfig
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.connection import Connection
from harness.running.wire.edge.rules.in_force import Shared
from harness.running.wire.ledger import Ledger

_BACKLOG = 1024


class Edge:
    """The edge that *link*, one of those of *run*, asks for, reached by clients at *reached_at*."""

    def __init__(
        self, link: LinkConfig, reached_at: int, run: Config, arrivals: Ledger[Arrival], shared: Shared | None = None
    ) -> None:
        self.account = Account(link, reached_at, run, arrivals, shared)
        self.port = 0
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1, which is *port* from then on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self.account, self._connections), "127.0.0.1", 0, backlog=_BACKLOG
        )
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more and end all exchanges; what was being written to the provider is written whole or not at all.

        Rows of exchanges that had not ended are left to the ledger.
        """
        self.account.closing()
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.leave()
        await self.account.close()
        for connection in list(self._connections):
            connection.drop()
