"""How a connection is read: not while it is held back, and where much comes, one piece a turn of the event loop."""

from __future__ import annotations

import asyncio

MUCH_BYTES = 1 << 17
"""uvloop reads a connection up to 32 times in one turn, as long as that fills its 256,000 bytes: 8 MB, for which all others wait."""


class Intake:
    """The reading of *transport*."""

    __slots__ = ("_held", "_transport", "_turn")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = False
        self._turn = False

    def hold(self) -> None:
        """Read no more until `release`."""
        self._held = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """Read on."""
        self._held = False
        if not self._turn and not self._transport.is_closing():
            self._transport.resume_reading()

    def came(self, size: int) -> None:
        """*size* bytes have come; after many it is the turn of others."""
        if size >= MUCH_BYTES and not self._turn and not self._held and not self._transport.is_closing():
            self._turn = True
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._turn = False
        if not self._held and not self._transport.is_closing():
            self._transport.resume_reading()
