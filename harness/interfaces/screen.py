"""Standard output and standard error of a run, which may go away or fill up without ending it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import IO, Any


def harmless() -> None:
    """From now on nothing that is printed can fail, whatever becomes of who reads it; what cannot be printed is dropped."""
    _show_on(OSError, ValueError)


def may_close() -> None:
    """From now on who reads what is printed may leave, as ``head`` does; a disk that is full is still an error."""
    _show_on(BrokenPipeError)


def _show_on(*dropped: type[Exception]) -> None:
    # Where one of them was closed before we began, a file of the run could get its number, and be printed into.
    sys.stdout = _Screen(sys.stdout or _nowhere(1), dropped)
    sys.stderr = _Screen(sys.stderr or _nowhere(2), dropped)


def _nowhere(number: int) -> IO[str]:
    """A stream that leads nowhere, at descriptor *number* where that is free."""
    opened = os.open(os.devnull, os.O_WRONLY)
    if opened != number:
        with suppress(OSError):
            os.dup2(opened, number)
    return os.fdopen(number, "w", encoding="utf-8")


class _Screen:
    """The *stream*, until it fails for the first time with an error that is *dropped*; from then on nothing is written."""

    def __init__(self, stream: IO[str], dropped: tuple[type[Exception], ...]) -> None:
        self._stream, self._dropped = stream, dropped

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except self._dropped:
            self._give_up()
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except self._dropped:
            self._give_up()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        """Lead what is still held back, and all that comes, nowhere: Python flushes once more at its end."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
