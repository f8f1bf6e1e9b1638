"""What can be read but once, as what comes out of a pipe: kept in a file without a name, and read from there as often as it takes."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO


class NoFileError(Exception):
    """What is there is no file, nor a pipe."""


def is_there_again(path: Path) -> bool:
    """Whether what is at *path* can be read more than once. Raises OSError, and NoFileError for a device."""
    path.stat()
    if path.is_char_device() or path.is_block_device() or path.is_socket():
        raise NoFileError("is a device or a socket; name a file or a pipe")
    # Opened once more, standard input may go on where it was.
    return not path.is_fifo() and path.parts[:2] != ("/", "dev")


class Kept:
    """All that came out of a pipe, until it is closed."""

    def __init__(self, path: Path) -> None:
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        with path.open("rb") as pipe:
            shutil.copyfileobj(pipe, self._file, 1 << 20)

    def close(self) -> None:
        self._file.close()

    def again(self) -> IO[bytes]:
        """It from its beginning; whoever read it before reads no more."""
        self._file.seek(0)
        return open(self._file.fileno(), "rb", closefd=False)
