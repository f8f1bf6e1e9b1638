"""What the connections of one tap share: where they lead, and how they are treated at the moment."""

from __future__ import annotations

import asyncio

from harness.protocols.nonce import Nonces
from harness.record.rows import Attempt
from harness.running.wire.ledger import Ledger


class Passage:
    """The way through the tap of *link*. It leads to 127.0.0.1:*via*; while that is None, as if a dial had been refused."""

    def __init__(self, link: str, attempts: Ledger[Attempt], nonces: Nonces) -> None:
        self.link = link
        self.nonces = nonces
        self.attempts = attempts
        self.via: int | None = None
        self.owed_s = 0.0
        """How long the far side is kept open for a client who left before a byte of the answer had come."""
        self.refusing = False
        self.holding = False
        self.closed = False
        self.dials: set[asyncio.Task[None]] = set()
