"""What the connections of one tap share: where they lead, how they are treated at the moment, and what reads them along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from harness.running.wire.tap.traffic import LinkTraffic
from harness.running.wire.tap.watch import Watch

Stream = Literal["upstream", "downstream"]


class Passage:
    """The way through the tap of *link*. It leads to 127.0.0.1:*via*; while that is None, as if a dial had been refused.

    *watch* makes what reads a new connection along.
    """

    def __init__(self, link: str, watch: Callable[[], Watch], traffic: LinkTraffic) -> None:
        self.link = link
        self.watch = watch
        self.traffic = traffic
        self.via: int | None = None
        self.owed_s = 0.0
        """How long the far side is kept open for a client who left before a byte of the answer had come."""
        self.refusing = False
        self.resetting = False
        self.silent: frozenset[Stream] = frozenset()
        """The streams on which nothing passes."""
        self.closed = False
        self.dials: set[asyncio.Task[None]] = set()
