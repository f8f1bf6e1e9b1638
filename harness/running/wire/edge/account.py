"""What one link's edge knows and writes down: the faults that it makes true, its provider, and what became of each exchange."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping

from harness.dialects import dialects
from harness.faults.requests import Tries
from harness.http1.answer_head import UnreadableError
from harness.http1.other_protocols import Protocol
from harness.protocols.nonce import index
from harness.record.rows import Arrival, ArrivalOutcome
from harness.running.wire.config import Config, LinkConfig
from harness.running.wire.edge.addresses import Addresses
from harness.running.wire.edge.rules.in_force import Rules, Shared
from harness.running.wire.edge.tunnel import Tunnel
from harness.running.wire.edge.upstream import Upstream
from harness.running.wire.edge.upstream_request import UpstreamRequest
from harness.running.wire.farewell import Farewell, Listening
from harness.running.wire.ledger import Ledger

_CLOSING_S = 1.0

_INSTEAD: Mapping[Protocol, str] = {
    "HTTP/2": "have it speak HTTP/1.1, or write the link's upstream as host:port, which passes any bytes and takes network faults alone",
    "TLS": "it is reached on this machine, without TLS; write http:// where the client is told of it, as {url} does, or "
    "tls: true on the link",
}

_log = logging.getLogger(__name__)


class Account:
    """The account of *link*, one of those of *run*, whose clients reach it at port *reached_at*.

    `rules` are the faults in force, who speak in the words of its API; what they limit is *shared* with links of the same provider account.
    """

    def __init__(
        self, link: LinkConfig, reached_at: int, run: Config, arrivals: Ledger[Arrival], shared: Shared | None = None
    ) -> None:
        self.link = link.name
        self.keeps_host = link.host == "keep"
        self.addresses = Addresses(link.upstream, reached_at, bool(link.tls))
        self.nonces = run.nonces
        self.tries = Tries()
        self.connections = 0
        self.words = dialects[link.api]
        self.rules = Rules(run.seed, link.name, shared)
        self._conversations = run.conversations
        self.farewell = Farewell()
        self.upward = Farewell()
        self.by_fault: Counter[str] = Counter()
        self.upstream = Upstream(link.upstream, proxy=link.proxy, ca=link.ca)
        self.arrivals = arrivals
        self._afterwards: set[UpstreamRequest] = set()
        self._tunnels: set[Tunnel] = set()
        self._closing = False
        self._complaint = ""

    def conversation_of(self, nonce: str) -> int | None:
        """Which conversation the request with *nonce* is a turn of; None where that is not known."""
        return index(nonce) % self._conversations if nonce and self._conversations else None

    def closing(self) -> None:
        """From now on it is not the client who ends an exchange."""
        self._closing = True

    async def close(self) -> None:
        """What is being written to the provider is written whole or not at all."""
        late_s = time.monotonic() + _CLOSING_S
        while self._afterwards and time.monotonic() < late_s:
            await asyncio.sleep(0.002)
        for request in list(self._afterwards):
            request.end()
        for tunnel in list(self._tunnels):
            tunnel.drop()
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

    def join(self, near: asyncio.Transport, far: asyncio.Transport, ended: Callable[[], None]) -> Tunnel:
        """A tunnel between both, which has not begun; *ended* is called once it is over."""
        # It is kept until both sides are gone: one that is being closed by TLS has to be dropped when the wire ends.
        tunnel = Tunnel(near, far, ended, self._tunnels.discard, self.farewell, Listening(self.upward))
        self._tunnels.add(tunnel)
        return tunnel

    def afterwards(self, request: UpstreamRequest, then: Callable[[], None]) -> None:
        """Have *request* come to its end although its client has left, and then call *then*."""

        def ended() -> None:
            self._afterwards.discard(request)
            then()

        self._afterwards.add(request)
        request.let_go(ended)

    def refuse_protocol(self, protocol: Protocol) -> str:
        """As `refuse`, for a client that speaks *protocol*."""
        return self._refuse(f"its client speaks {protocol}: {_INSTEAD[protocol]}")

    def refuse(self, why: str) -> str:
        """Write down that a client has said what is no request, and is refused; returns why, in a line."""
        return self._refuse(f"what its client said is none: {why}")

    def complain(self, error: Exception) -> str:
        """What is wrong with the provider; in the log it is said once, as long as it is the same."""
        if isinstance(error, UnreadableError):
            complaint = str(error)
            self._say(f"link {self.link}: {complaint}")
        else:
            complaint = self.upstream.way.why(error)
            self._say(f"link {self.link}: the provider cannot be reached: {complaint}")
        return complaint

    def _refuse(self, what: str) -> str:
        arrival = self.arrivals.begin(Arrival(self.link, time.monotonic()))
        arrival.detail = f"link {self.link} carries HTTP/1.1, and {what}"
        self.end(arrival, "refused")
        self._say(arrival.detail)
        return arrival.detail

    def _say(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("%s", complaint)
