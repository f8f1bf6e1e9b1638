"""Ctrl-C, SIGTERM, an event and others' orders: the first one ends the run, none disturbs putting the world back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from harness.running.ports import AbortedError


class Interruptions:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a KeyboardInterrupt; those that follow are only counted.

    What comes of it is *told* at once, so that nobody has to wonder whether it was heard. Setting *stop* does the same from any thread and
    in any thread, as soon as whoever waits heeds it. What `obey` was given aborts the run in the same way: an order to end it.
    """

    def __init__(self, told: Callable[[str], None] = lambda _: None, stop: threading.Event | None = None) -> None:
        self._held = self._ending = False
        self._told = told
        self._stop, self._heeded = stop, False
        self._order: Callable[[], str] = str
        self.received = 0
        self.ordered = False
        """Whether somebody ordered the run to end."""

    @property
    def asked(self) -> bool:
        """Whether somebody wants the run to end, heeded or not; any thread may ask."""
        told = self.received > 0 or self.ordered
        return told or (self._stop is not None and self._stop.is_set()) or bool(self._order())

    @property
    def heard(self) -> bool:
        """Whether the run knows that it ends, for whatever reason: nothing is broken from then on."""
        return self.received > 0 or self.ordered or self._ending

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The signals are ours inside; but only a main thread can have them, so in another one they stay whose they were.

        A terminal that is closed ends nothing that was told not to hear of it, as nohup does.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        closed = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
        previous = {number: signal.signal(number, self._arrived) for number in (signal.SIGINT, signal.SIGTERM, *closed)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No interruption arrives inside. One that comes is remembered in `received`."""
        before, self._held = self._held, True
        self._ending = True
        try:
            yield
        finally:
            self._held = before

    def hold(self) -> None:
        """From now on no interruption arrives; one that comes is remembered in `received`."""
        self._held = True

    def let(self) -> None:
        """From now on one arrives again; one that came meanwhile does at once."""
        self._held = False
        if self.received:
            raise KeyboardInterrupt
        self.heed()

    def obey(self, order: Callable[[], str]) -> None:
        """From now on *order* is asked for a reason to end the run; it gives none for as long as the run may go on."""
        self._order = order

    def heed(self) -> None:
        """Whoever waits calls this now and then: an event that was set interrupts nobody by itself, and arrives here.

        Raises AbortedError, once, where somebody ordered the run to end.
        """
        if not self._held and (why := self._order()):
            self._order, self.ordered = str, True
            self._told("stopping: taking the faults back")
            raise AbortedError(why)
        if self._stop is not None and not self._heeded and self._stop.is_set():
            self._heeded = True
            self._arrived()

    def _arrived(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self.received += 1
        if self.received > 1:
            return
        held = self._held
        try:
            self._told("stopping when what goes on is done" if held else "stopping: taking the faults back")
        finally:
            if not held:
                raise KeyboardInterrupt
