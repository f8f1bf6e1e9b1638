"""The rows of a worker on another machine, as they come over: written here, without what is secret here, and held against what it wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from msgspec.structs import astuple

from harness.record.masking import NOTHING, Mask
from harness.record.rowfile import RowFile
from harness.record.rows import Request, Sent
from harness.record.workers import Seal


class Received:
    """Rows of a *kind* that come in pieces, in order, and go to the file at *path* without what *mask* hides."""

    def __init__(self, path: Path, mask: Mask = NOTHING, kind: type[Request | Sent] = Request) -> None:
        import msgpack

        self._kind = kind
        self._file, self._unpacker = RowFile(path, mask), msgpack.Unpacker(max_buffer_size=1 << 28)
        self._digest, self._bytes, self._broken = hashlib.sha256(), 0, False

    def take(self, at: int, piece: bytes) -> None:
        """The *piece* that stands *at* so many bytes of what the worker wrote; what came before is left out, and what is behind a gap."""
        new = piece[self._bytes - at :] if at <= self._bytes else b""
        self._broken = self._broken or at > self._bytes
        if self._broken or not new:
            return
        self._digest.update(new)
        self._bytes += len(new)
        self._unpacker.feed(new)
        for fields in self._unpacker:
            self._file.add(msgspec.convert(fields, self._kind))

    @property
    def seal(self) -> Seal:
        """What is here: the file in which the rows are is held against it."""
        return self._file.seal

    def differs(self, wrote: Seal, rows: str = "rows") -> str:
        """How what came over differs from what the worker *wrote*, which are *rows*; empty where it does not."""
        here = self._file.seal.rows
        if (here, self._bytes, self._digest.hexdigest()) == astuple(wrote):
            return ""
        if here < wrote.rows:
            return f"{wrote.rows - here} of the {wrote.rows} {rows} that it wrote did not come over"
        return f"what came over of its {wrote.rows} {rows} has another checksum"


class Sending:
    """The file at *path*, to which somebody appends, in pieces that each know where they stand."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0

    def piece(self, most: int) -> tuple[int, bytes]:
        """What is next, empty where there is nothing yet; the same again until it was `sent`."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                return self._at, file.read(most)
        except FileNotFoundError:
            return self._at, b""

    def sent(self, piece: bytes) -> None:
        """*piece* is on its way."""
        self._at += len(piece)
