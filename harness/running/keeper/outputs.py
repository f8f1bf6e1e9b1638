"""What children print, on its way to their logs: straight, or through this process where there are secrets to hide."""

from __future__ import annotations

import fcntl
import os
import selectors
from collections.abc import Mapping
from contextlib import suppress

from harness.record.masking import NOTHING, Mask, MaskedStream

_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20
"""How much a child can print before it waits for this process, where the system allows that much."""


class Outputs:
    """The logs of all children; *ready* is told of every pipe that has to be `pump`ed when it can be read."""

    def __init__(self, ready: selectors.BaseSelector) -> None:
        self._ready, self._mask = ready, NOTHING
        self._open: dict[int, tuple[int, MaskedStream]] = {}

    def hide(self, secrets: Mapping[str, str]) -> None:
        """From now on no log of a child tells *secrets*, which are by name."""
        self._mask = Mask(secrets)

    def opened(self, log: str) -> int:
        """What a child may write to, so that it is added to *log*; to be closed once the child has it. Raises OSError."""
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if not self._mask:
            return file
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        with suppress(OSError, AttributeError):  # more than one may have, or not Linux
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._open[reading] = (file, MaskedStream(self._mask))
        self._ready.register(reading, selectors.EVENT_READ)
        return writing

    def pump(self, pipe: int) -> bool:
        """Write on what *pipe* holds, a piece of it; False where it holds nothing now."""
        file, stream = self._open[pipe]
        try:
            read = os.read(pipe, _READ_BYTES)
        except BlockingIOError:
            return False
        _write(file, stream.feed(read))
        if not read:
            self._end(pipe)
        return bool(read)

    def pump_all(self) -> None:
        """Write on what every pipe holds by now, but of one that is written to all the time no more than it can hold."""
        for pipe in list(self._open):
            for _ in range(1 + _PIPE_BYTES // _READ_BYTES):
                if not self.pump(pipe):
                    break

    def close(self) -> None:
        """Write what is left, and close all."""
        self.pump_all()
        for pipe in list(self._open):
            self._end(pipe)

    def _end(self, pipe: int) -> None:
        file, stream = self._open.pop(pipe)
        _write(file, stream.finish())
        self._ready.unregister(pipe)
        os.close(pipe)
        os.close(file)


def _write(file: int, text: bytes) -> None:
    # Where the disk is full the rest is dropped: the child is not at fault, and must not wait.
    with suppress(OSError):
        while text:
            text = text[os.write(file, text) :]
