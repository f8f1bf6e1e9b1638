"""The desk of a game day: where everybody says something, and the one place that writes it down, on disk before anybody is told."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.gameday.events import Event, Marked, Stopped, decode, encode
from harness.gameday.standing import Standing, after, refusal, told
from harness.record.masking import NOTHING, Mask
from harness.record.quoting import masked


class SayError(ValueError):
    """What a person says cannot be as the day stands; the message says why, and what would be right."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """A day's events, in *file* and in memory; safe from any thread. *mask* hides secrets in what others said."""

    def __init__(self, file: Path, mask: Mask = NOTHING, now: Callable[[], datetime] = utc_now) -> None:
        """Raises ValueError where *file* holds a whole line that is no event, and OSError where it cannot be read or written."""
        self._file, self._mask, self._now, self._changed = file, mask, now, threading.Condition()
        written = file.read_bytes() if file.exists() else b""
        self._events = decode(written)
        self._standing = told(self._events)
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._fd, written.rfind(b"\n") + 1)  # what a crash cut short is no line

    def say(self, event: Event) -> Event:
        """Take what a person says, and return it as it was written. Raises SayError where it cannot be, and OSError as `write`.

        A stop that cannot be written down stops all the same.
        """
        with self._changed:
            if why := refusal(self._standing, event):
                raise SayError(why)
            return self._write(event)

    def write(self, event: Event) -> Event:
        """Write down what the harness did. Raises OSError where the disk is full; then nothing happened."""
        with self._changed:
            return self._write(event)

    def write_unless_more(self, event: Event, seen: int) -> bool:
        """Write down what the harness did, unless more than the first *seen* events have happened; whether it was. Raises OSError."""
        with self._changed:
            if self._standing.seen != seen:
                return False
            self._write(event)
            return True

    @property
    def standing(self) -> Standing:
        """Where the day stands."""
        return self._standing

    def since(self, seen: int, within_s: float = 0.0) -> list[Event]:
        """The events after the first *seen*; where there is none yet, waits for one up to *within_s* seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._events) > seen, timeout=within_s)
            return self._events[seen:]

    def close(self) -> None:
        """Nothing is written any more: who tries gets an OSError, and never another file of that number."""
        with self._changed:
            os.close(self._fd)
            self._fd = -1

    def _write(self, event: Event) -> Event:
        stamped = masked(self._filled(event), self._mask)
        line = encode(stamped)
        end = os.fstat(self._fd).st_size
        try:
            if os.write(self._fd, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._fd)
        except OSError as error:
            if isinstance(stamped, Stopped):
                self._happened(stamped)
            with suppress(OSError):
                os.ftruncate(self._fd, end)
            # That of a write names no file.
            raise OSError(error.errno, error.strerror, str(self._file)) from error
        self._happened(stamped)
        return stamped

    def _happened(self, stamped: Event) -> None:
        self._events.append(stamped)
        self._standing = after(self._standing, stamped)
        self._changed.notify_all()

    def _filled(self, event: Event) -> Event:
        at = self._now().astimezone(UTC).isoformat(timespec="milliseconds")
        if isinstance(event, Marked) and not event.step:
            return msgspec.structs.replace(event, at=at, step=_about(self._standing))
        return msgspec.structs.replace(event, at=at)


def _about(now: Standing) -> str:
    """The step that a mark is about: the one in hand, else the one that began last."""
    begun = max((step for step in now.steps if step.began), key=lambda step: step.began, default=None)
    in_hand = now.in_hand or begun
    return in_hand.id if in_hand else ""
