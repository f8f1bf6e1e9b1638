"""Ctrl-C and SIGTERM: the first one interrupts the run, and none interrupts putting the world back or what comes after."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interruptions:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a KeyboardInterrupt; those that follow are only counted.

    What comes of it is *told* at once, so that nobody has to wonder whether it was heard.
    """

    def __init__(self, told: Callable[[str], None] = lambda _: None) -> None:
        self._held = False
        self._told = told
        self.received = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The signals are ours inside; but only a main thread can have them, so in another one they stay whose they were."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {
            number: signal.signal(number, self._arrived) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No interruption arrives inside. One that comes is remembered in `received`."""
        before, self._held = self._held, True
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

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        self.received += 1
        if self.received > 1:
            return
        held = self._held
        try:
            self._told("stopping when what goes on is done" if held else "stopping: taking the faults back")
        finally:
            if not held:
                raise KeyboardInterrupt
