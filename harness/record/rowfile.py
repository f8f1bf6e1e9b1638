"""Files of rows that lose nothing: each row is written whole, at once, and can be read after a crash.

One file belongs to one process. A row is one msgpack array (1.8 us to write), appended the moment its request, attempt or arrival ends.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import msgspec

from harness.record.masking import NOTHING, Mask
from harness.record.quoting import masked
from harness.record.rows import AnyRow, Arrival, Attempt, HealthCheck, Request, Sent, Traffic
from harness.record.workers import Seal

Row = TypeVar("Row", Request, Attempt, Arrival, Traffic, HealthCheck, Sent)


class RowFile:
    """A file to which rows are appended, without what *mask* hides; every `add` is one write, so nothing waits in this process."""

    def __init__(self, path: Path, mask: Mask = NOTHING) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._mask = mask or None
        self._encoder = msgspec.msgpack.Encoder()
        self._digest, self._rows, self._bytes = hashlib.sha256(), 0, 0

    def add(self, row: AnyRow) -> None:
        """Append *row*. Raises OSError where the disk is full; what is left of the row then is a tail that `read_rows` skips."""
        encoded = self._encoder.encode(row if self._mask is None else masked(row, self._mask))
        if os.write(self._fd, encoded) < len(encoded):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._digest.update(encoded)
        self._rows, self._bytes = self._rows + 1, self._bytes + len(encoded)

    @property
    def seal(self) -> Seal:
        """What was written through here, by which a file can be told that is torn or was changed."""
        return Seal(self._rows, self._bytes, self._digest.hexdigest())

    def close(self) -> None:
        os.close(self._fd)


def read_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """Rows of *path* in the order written; a row that a crash cut short at the end is left out."""
    import msgpack

    with path.open("rb") as file:
        for fields in msgpack.Unpacker(file, max_buffer_size=1 << 28):
            if isinstance(fields, list):  # zero bytes after a crash read as integers
                yield msgspec.convert(fields, kind)


class Tail(Generic[Row]):
    """New rows of a *kind* in the files of *folder* whose names begin with *name*, to which others append."""

    def __init__(self, folder: Path, name: str, kind: type[Row]) -> None:
        self._folder, self._pattern = folder, f"{name}*.rows"
        self._kind: type[Row] = kind
        self._open: dict[Path, tuple[IO[bytes], Any]] = {}

    def rows(self) -> Iterator[Row]:
        """Those that were written since the last time, one that is not whole yet left for the next."""
        import msgpack

        for path in self._folder.glob(self._pattern):
            if path not in self._open:
                self._open[path] = (path.open("rb"), msgpack.Unpacker(max_buffer_size=1 << 28))
            file, unpacker = self._open[path]
            unpacker.feed(file.read(1 << 22))
            yield from (msgspec.convert(fields, self._kind) for fields in unpacker if isinstance(fields, list))

    def close(self) -> None:
        for file, _ in self._open.values():
            file.close()
