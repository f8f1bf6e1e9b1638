"""The answer of one exchange on its way to the client, as the rules in force say: told, changed, put off or cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from harness.http1.headers import Headers
from harness.running.wire.edge.rules.base import Deed, Following, Wait

_WAITING_BYTES = 1 << 18


class Told(Protocol):
    """Who tells the client, and writes down what came of it."""

    def tell(self, pieces: list[bytes], *, whole: bool) -> None:
        """The client is told *pieces*; *whole*: they are the last."""

    def cut(self, fault: str, *, reset: bool) -> None:
        """The client is told no more, since *fault* says so."""

    def touched(self, fault: str) -> None:
        """*fault* has done something to this answer."""

    def hold_up(self, *, full: bool) -> None:
        """So much waits that the provider has to wait too; or, not *full*, no longer."""


class Outgoing:
    """Passes the provider's answer through *following*, by the fault of each, in order, and what they make of it to *told*."""

    def __init__(self, following: Sequence[tuple[str, Following]], told: Told) -> None:
        self._following = following
        # Those that do no more than change the head need not be asked of every piece.
        self._changing = [(fault, each) for fault, each in following if type(each).piece is not Following.piece]
        self._told = told
        self._waiting: deque[tuple[str, Deed | None]] = deque()  # None: the end
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    @property
    def reframes(self) -> bool:
        """Whether the body may come out at another length."""
        return any(following.reframes for _, following in self._following)

    def head(self, status: int, headers: Headers) -> Headers:
        """The headers as the client is told them."""
        for _, following in self._following:
            headers = following.head(status, headers)
        return headers

    def hear(self, pieces: list[bytes], *, whole: bool) -> None:
        """The provider said the next *pieces*."""
        if not self._changing:
            self._tell(pieces, whole=whole)
            return
        last = len(pieces) - 1
        for number, piece in enumerate(pieces or ([b""] if whole else [])):
            self._waiting += self._through(piece, whole=whole and number >= last)
        if whole:
            self._waiting.append(("", None))
        self._bytes = sum(len(deed) for _, deed in self._waiting if isinstance(deed, bytes))
        self._go_on()

    def end(self) -> None:
        """Tell no more."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _through(self, piece: bytes, *, whole: bool) -> list[tuple[str, Deed | None]]:
        """What becomes of *piece*, once each rule has said so of what the one before it made of it."""
        deeds: list[tuple[str, Deed | None]] = [("", piece)]
        for fault, following in self._changing:
            after: list[tuple[str, Deed | None]] = []
            for number, (by, deed) in enumerate(deeds):
                if not isinstance(deed, bytes):
                    after.append((by, deed))
                    continue
                made = following.piece(deed, whole=whole and number == len(deeds) - 1)
                same = made == ([deed] if deed else [])
                after += [(by if same else fault, each) for each in made]
                if not same and not made:
                    self._told.touched(fault)
            deeds = after
        return deeds

    def _go_on(self) -> None:
        pieces: list[bytes] = []
        while self._waiting and self._timer is None and not self._over:
            fault, deed = self._waiting.popleft()
            if fault:
                self._told.touched(fault)
            if isinstance(deed, bytes):
                pieces.append(deed)
                self._bytes -= len(deed)
            elif deed is None:
                self._tell(pieces, whole=True)
                return
            elif isinstance(deed, Wait):
                self._tell(pieces, whole=False)
                pieces = []
                self._timer = asyncio.get_running_loop().call_later(deed.seconds, self._waited)
            else:
                self._tell(pieces, whole=False)
                self._over = True
                self._told.cut(fault, reset=deed.reset)
                return
        self._tell(pieces, whole=False)
        self._told.hold_up(full=self._bytes > _WAITING_BYTES)

    def _tell(self, pieces: list[bytes], *, whole: bool) -> None:
        if pieces or whole:
            self._told.tell(pieces, whole=whole)

    def _waited(self) -> None:
        self._timer = None
        self._go_on()
