"""Frames of Amazon's event streams, out of bytes that are cut anywhere and as bytes (Smithy, ``application/vnd.amazon.eventstream``).

A frame has its length and that of its headers, a checksum of these two, headers, a document,
and a checksum of all that (CRC-32, big endian).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from zlib import crc32

from harness.protocols.event_stream import Block, Event

CONTENT_TYPE = "application/vnd.amazon.eventstream"
FRAME_BYTES_MAX = 1 << 20
"""A longer frame is not read: to parse it would hold up all else."""

_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_STRING = 7
_WIDTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""How many bytes the value of a header has, by its type; those of the others say so themselves."""


class Frames:
    """Cuts one stream into blocks of a frame each; put together again, they are the stream.

    A block has an event, called as its ``:event-type`` says, unless something went wrong there (``:message-type`` exception or error).
    """

    __slots__ = ("_held", "lost")

    def __init__(self) -> None:
        self._held = b""
        self.lost = False
        """Whether something that is no frame came, so that nobody knows where the next one begins."""

    @property
    def pending_bytes(self) -> int:
        """How much is held of a frame that has not ended."""
        return len(self._held)

    def feed(self, fresh: bytes) -> Iterator[Block]:
        """Each block that *fresh* completes."""
        self._held += fresh
        while not self.lost and len(self._held) >= _PRELUDE.size:
            size, headers, _ = _PRELUDE.unpack_from(self._held)
            begin, end = _PRELUDE.size + headers, size - _CHECKSUM.size
            self.lost = begin > end or size > FRAME_BYTES_MAX
            if self.lost or len(self._held) < size:
                break
            raw, self._held = self._held[:size], self._held[size:]
            said = _headers(raw[_PRELUDE.size : begin])
            is_event = said.get(b":message-type", b"event") == b"event"
            yield Block(raw, Event(said.get(b":event-type", b""), raw[begin:end]) if is_event else None, framed=True)

    def rest(self) -> bytes:
        """What was held of a frame that has not ended, which is let go of."""
        held, self._held = self._held, b""
        return held

    def finish(self) -> Iterator[Block]:
        """What the end of the stream left of a frame, if anything."""
        if held := self.rest():
            yield Block(held, None, framed=True)


def _headers(said: bytes) -> dict[bytes, bytes]:
    """The headers that are strings; those behind one that cannot be read are left out."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(said):
        name, at = said[at + 1 : at + 1 + said[at]], at + 1 + said[at]
        kind, at = (said[at] if at < len(said) else -1), at + 1
        if kind in _WIDTHS:
            at += _WIDTHS[kind]
            continue
        if kind not in (6, _STRING):
            break
        value, at = said[at + 2 :][: int.from_bytes(said[at : at + 2])], at + 2 + int.from_bytes(said[at : at + 2])
        if kind == _STRING:
            found[name] = value
    return found


def framed(name: str, document: bytes, message: str = "event") -> bytes:
    """A frame that is called *name* and says *document*; *message*: ``event``, or ``exception`` where something went wrong."""
    said = {f":{message}-type": name, ":content-type": "application/json", ":message-type": message}
    headers = b"".join(_header(key.encode(), value.encode()) for key, value in said.items())
    size = _PRELUDE.size + len(headers) + len(document) + _CHECKSUM.size
    lengths = struct.pack(">II", size, len(headers))
    frame = lengths + _CHECKSUM.pack(crc32(lengths)) + headers + document
    return frame + _CHECKSUM.pack(crc32(frame))


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + len(value).to_bytes(2) + value
