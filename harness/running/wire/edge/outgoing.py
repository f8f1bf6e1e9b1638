"""The answer of one exchange on its way to the client, as the rules in force say: told, changed, put off, cut or ended."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from harness.http1.headers import Headers
from harness.running.wire.edge.rules.base import Cut, Deed, End, Following, Wait
from harness.running.wire.timers import in_at_least

_WAITING_BYTES = 1 << 18


class Told(Protocol):
    """Who tells the client, and writes down what came of it."""

    def tell(self, pieces: list[bytes], *, whole: bool) -> None:
        """The client is told *pieces*; *whole*: they are the last."""

    def cut(self, fault: str, *, reset: bool) -> None:
        """The client is told no more, since *fault* says so."""

    def end_early(self, fault: str) -> None:
        """The client is told that this was all, since *fault* says so."""

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
        self.changes = bool(self._changing)
        """Whether it has to hear what the provider says behind the head."""
        self._told = told
        self._waiting: deque[tuple[str, Deed | None]] = deque()  # None: the end
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waits_for: str | None = None
        """The fault that has the rest wait at the moment."""
        self._told_s = 0.0
        self._decided = False
        """How it ends has been said."""
        self._over = False
        self._lost: Callable[[], None] | None = None
        """What comes at the end in place of a whole answer."""

    @property
    def plain(self) -> bool:
        """Whether somebody reads the answer, so that it should not be compressed."""
        return any(following.plain for _, following in self._following)

    @property
    def reframes(self) -> bool:
        """Whether the body may come out at another length."""
        return any(following.reframes for _, following in self._following)

    def head(self, status: int, headers: Headers) -> Headers:
        """The headers as the client is told them."""
        for _, following in self._following:
            headers = following.head(status, headers)
        self._told_s = time.monotonic()
        return headers

    def hear(self, pieces: list[bytes], *, whole: bool) -> None:
        """The provider said the next *pieces*."""
        for piece in pieces:
            self._take(self._through([("", piece)], self._changing, whole=False))
        if whole:
            self._take(self._through([], self._changing, whole=True))
            self._take([("", None)])
        self._go_on()

    def lose(self, then: Callable[[], None]) -> None:
        """The provider says no more, and that was not all: *then*, once the client has been told what there was, as late as rules say."""
        self._lost = then
        for number, (fault, following) in enumerate(self._changing, start=1):
            self._take(self._through([(fault, following.release())], self._changing[number:], whole=False))
        self._take([("", None)])
        self._go_on()

    def lift(self, fault: str) -> None:
        """*fault* is no longer in force: what it holds goes on, and it does nothing more but where it sees an answer through."""
        self._waiting = deque(each for each in self._waiting if each[0] != fault or not isinstance(each[1], Wait))
        for number, (name, following) in enumerate(self._changing):
            if name == fault and not (following.touched and following.sees_through):
                self._changing[number] = ("", Following())
                rest: list[tuple[str, Deed | None]] = [("", following.release())]
                self._take(self._through(rest, self._changing[number:], whole=False))
        if self._waits_for == fault:
            self._waited()
        elif not self._over:
            self._go_on()

    def end(self) -> None:
        """Tell no more."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._lost = None

    def _take(self, deeds: list[tuple[str, Deed | None]]) -> None:
        for fault, deed in deeds:
            if self._decided:
                return
            self._waiting.append((fault, deed))
            self._decided = deed is None or isinstance(deed, Cut | End)
            self._bytes += len(deed) if isinstance(deed, bytes) else 0

    def _through(
        self, deeds: list[tuple[str, Deed | None]], following: Sequence[tuple[str, Following]], *, whole: bool
    ) -> list[tuple[str, Deed | None]]:
        """What becomes of *deeds*, once each rule has said so of what the one before it made of them; *whole*: there is no more."""
        if self._decided:
            return []
        for fault, each in following:
            after: list[tuple[str, Deed | None]] = []
            was = each.touched
            for by, deed in deeds:
                after += (
                    [(fault, made) for made in each.piece(deed, whole=False)]
                    if isinstance(deed, bytes)
                    else [(by, deed)]
                )
            if whole and not any(isinstance(deed, Cut | End) for _, deed in deeds):
                after += [(fault, made) for made in each.piece(b"", whole=True)]
            if each.touched and not was:
                self._told.touched(fault)
            deeds = after
        return deeds

    def _go_on(self) -> None:
        pieces: list[bytes] = []
        while self._waiting and self._waits_for is None and not self._over:
            fault, deed = self._waiting.popleft()
            if isinstance(deed, bytes):
                pieces.append(deed)
                self._bytes -= len(deed)
                continue
            self._tell(pieces, whole=deed is None and self._lost is None)
            pieces = []
            match deed:
                case Wait():
                    self._wait(fault, deed)
                case Cut(reset):
                    self._over = True
                    self._told.cut(fault, reset=reset)
                    return
                case End():
                    self._over = True
                    self._told.end_early(fault)
                    return
                case _:
                    if self._lost is not None:
                        self._over = True
                        self._lost()
                    return
        self._tell(pieces, whole=False)
        self._told.hold_up(full=self._bytes > _WAITING_BYTES)

    def _wait(self, fault: str, deed: Wait) -> None:
        wait_s = deed.seconds - (time.monotonic() - self._told_s if deed.after_told else 0.0)
        if wait_s <= 0:
            return
        self._waits_for = fault
        if math.isfinite(wait_s):
            # One that is told again and again has to be right on the average.
            begin = asyncio.get_running_loop().call_later if deed.after_told else in_at_least
            self._timer = begin(wait_s, self._waited)

    def _tell(self, pieces: list[bytes], *, whole: bool) -> None:
        if pieces:
            self._told_s = time.monotonic()
        if pieces or whole:
            self._told.tell(pieces, whole=whole)

    def _waited(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._waits_for = None
        if not self._over:
            self._go_on()
