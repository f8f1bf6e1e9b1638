"""Server-sent events out of bytes that are cut anywhere, as the HTML standard says and as clients of such streams read them.

The standard (WHATWG HTML, 9.2.6) drops an event that no blank line ends. Clients miss nothing by that where it is the
mark of the end, so here it is given at the end of the stream, for who reads it to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

_LINE_END = re.compile(rb"[\r\n]")
# Where lines end in CR and LF, the LF of the blank one is waited for: what is put behind an event would stand within its end else.
_BLANK_LINE = re.compile(rb"\r\n(?:\r\n|\n|\r(?=[^\n]))|(?:(?<!\r)\n|\r(?!\n))(?:\r\n|\n|\r)")
_CR, _LF = b"\r\n"
_LEAST_BYTES = len(b"data: \n\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BEGINNINGS = (b"data:", b"event:", b"id:", b"retry:", b":")
JSON = (b"{", b"[")
"""How nearly all begins that is no stream of events."""
_BLANK_BYTES_MAX = 1 << 12


def are_events(begun: bytes) -> bool | None:
    """Whether a body that has *begun* so is a stream of events, whatever its type says; None where more has to come to tell.

    Clients that have asked for a stream read one without looking at its type, and no JSON begins so.
    """
    if begun.startswith(JSON):
        return False
    if _BYTE_ORDER_MARK.startswith(begun):
        return None
    text = begun.removeprefix(_BYTE_ORDER_MARK).lstrip(b"\r\n")
    if text.startswith(_BEGINNINGS):
        return True
    may_be = any(beginning.startswith(text) for beginning in _BEGINNINGS) and len(begun) <= _BLANK_BYTES_MAX
    return None if may_be else False


class Event(NamedTuple):
    """One event; *name* is empty where the stream gives none."""

    name: bytes
    data: bytes


class EventStream:
    """Reads one stream. Lines end in CR, LF or both; comments and fields other than ``event`` and ``data`` say nothing."""

    __slots__ = ("_after_cr", "_data", "_first", "_line", "_name")

    def __init__(self) -> None:
        self._line = bytearray()
        self._first, self._after_cr = True, False
        self._name = b""
        self._data: list[bytes] = []

    @property
    def pending_bytes(self) -> int:
        """How much is held of an event that has not ended."""
        return len(self._line) + sum(map(len, self._data))

    def feed(self, fresh: bytes) -> Iterator[Event]:
        """Each event that *fresh* completes."""
        if (one := self.one(fresh)) is not None:
            yield Event(b"", one)
            return
        start = 0
        for match in _LINE_END.finditer(fresh):
            end = match.start()
            if self._after_cr and end == start and fresh[end] == _LF:
                # The second half of one line's end, which may come in a piece of its own.
                self._after_cr, start = False, end + 1
                continue
            line = bytes(self._line) + fresh[start:end]
            self._line.clear()
            self._after_cr, start = fresh[end] == _CR, end + 1
            yield from self._take(line)
        if start < len(fresh):
            self._after_cr = False
            self._line += fresh[start:]

    def one(self, fresh: bytes) -> bytes | None:
        """The data of *fresh* where that is one event of one line from its first byte to its last, as most pieces of a stream are.

        Else None, and then it has to be fed.
        """
        between = not (self._line or self._data or self._name or self._after_cr or self._first)
        plain = fresh.startswith(b"data: ") and fresh.find(b"\n") == len(fresh) - 2 and fresh[-1] == _LF
        one = between and plain and len(fresh) > _LEAST_BYTES and b"\r" not in fresh
        return fresh[len(b"data: ") : -len(b"\n\n")] if one else None

    def finish(self) -> Iterator[Event]:
        """The event that the end of the stream left without its blank line, if there is one."""
        line = bytes(self._line)
        self._line.clear()
        yield from self._take(line)
        yield from self._take(b"")

    def _take(self, line: bytes) -> Iterator[Event]:
        if self._first:
            self._first, line = False, line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            name, data = self._name, b"\n".join(self._data)
            self._name, self._data = b"", []
            if data:
                yield Event(name, data)
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value


class Block(NamedTuple):
    """What stands between two blank lines, the one behind it included, byte by byte; *event* is None where that says nothing.

    *framed*: it is a frame of Amazon's in place of that (`protocols.amazon_frames`).
    """

    raw: bytes
    event: Event | None
    framed: bool = False


class Blocks:
    """Cuts one stream into blocks; put together again, they are the stream."""

    __slots__ = ("_after_cr", "_held", "_stream")

    lost: ClassVar[bool] = False
    """Whatever comes, it has blocks."""

    def __init__(self) -> None:
        self._held = b""
        self._stream = EventStream()
        self._after_cr = False

    @property
    def pending_bytes(self) -> int:
        """How much is held of a block that has not ended."""
        return len(self._held)

    def feed(self, fresh: bytes) -> Iterator[Block]:
        """Each block that *fresh* completes."""
        if self._after_cr and fresh:
            self._after_cr = False
            if fresh[0] == _LF:
                # The second half of the blank line: the block before it was given when its first half came, as readers take it.
                yield self._block(fresh[:1])
                fresh = fresh[1:]
        searched = max(0, len(self._held) - 3)
        self._held += fresh
        start = 0
        while end := _BLANK_LINE.search(self._held, max(start, searched)):
            yield self._block(self._held[start : end.end()])
            start = end.end()
        self._after_cr = start == len(self._held) and start > 0 and self._held[-1] == _CR
        self._held = self._held[start:]

    def rest(self) -> bytes:
        """What was held of a block that has not ended, which is let go of."""
        held, self._held = self._held, b""
        return held

    def finish(self) -> Iterator[Block]:
        """What the end of the stream left without its blank line, if anything."""
        if held := self.rest():
            events = [*self._stream.feed(held), *self._stream.finish()]
            yield Block(held, events[0] if events else None)

    def _block(self, raw: bytes) -> Block:
        return Block(raw, next(self._stream.feed(raw), None))


def written(name: bytes, data: bytes) -> bytes:
    """One event called *name*, or without a name, that says *data*, in which no line ends."""
    return (b"event: %b\n" % name if name else b"") + b"data: %b\n\n" % data
