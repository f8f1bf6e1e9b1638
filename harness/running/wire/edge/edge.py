"""The edge: a streaming reverse proxy between Toxiproxy and a provider, which can also answer in the provider's place.

Nothing is invented: where the provider closes, the client sees a close, and no status comes from here but a fault's, and
the one for what is no request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from harness.record.rows import Arrival, ArrivalOutcome
from harness.running.wire.edge.rules import Rules
from harness.running.wire.edge.upstream import Call, Upstream
from harness.running.wire.edge.visitor import Visitor
from harness.running.wire.ledger import Ledger

_BACKLOG = 1024
_CLOSING_S = 1.0

_log = logging.getLogger(__name__)


class Edge:
    """The edge of *link*, in front of *upstream*; `rules` are the faults it makes true."""

    def __init__(self, link: str, upstream: str, *, ca: Path | None, seed: int, arrivals: Ledger[Arrival]) -> None:
        self.link = link
        self.rules = Rules(seed, link)
        self.by_fault: Counter[str] = Counter()
        self.upstream = Upstream(upstream, ca)
        self.arrivals = arrivals
        self.visitors: set[Visitor] = set()
        self.port = 0
        self._listener: asyncio.Server | None = None
        self._afterwards: set[Call] = set()
        self._closing = False
        self._complaint = ""

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1, which is *port* from then on."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Visitor(self), "127.0.0.1", 0, backlog=_BACKLOG)
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more and end all visits; what was being written to the provider is written whole or not at all.

        Rows of visits that had not ended are left to the ledger.
        """
        self._closing = True
        if self._listener is not None:
            self._listener.close()
        for visitor in list(self.visitors):
            visitor.leave()
        late_s = time.monotonic() + _CLOSING_S
        while self._afterwards and time.monotonic() < late_s:
            await asyncio.sleep(0.002)
        for visitor in list(self.visitors):
            visitor.drop()
        for call in list(self._afterwards):
            call.end()
        self.upstream.close()

    def end(self, arrival: Arrival, outcome: ArrivalOutcome) -> None:
        """Write down that *arrival* has ended."""
        if self._closing and outcome == "client_left":
            arrival.end_s = None  # It was not the client who ended it: the ledger has it as unfinished.
            return
        arrival.outcome = outcome
        if arrival.end_s is None:
            arrival.end_s = time.monotonic()
        self.arrivals.end(arrival)

    def afterwards(self, call: Call, then: Callable[[], None]) -> None:
        """Have *call* come to its end although its client has left, and then call *then*."""

        def ended() -> None:
            self._afterwards.discard(call)
            then()

        self._afterwards.add(call)
        call.let_go(ended)

    def complain(self, error: Exception) -> None:
        """Say once what is wrong with the provider, as long as it is the same."""
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("link %s: the provider cannot be reached: %s", self.link, complaint)
