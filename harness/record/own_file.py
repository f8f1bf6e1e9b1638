"""A new file that only its owner can read, for what holds secrets."""

from __future__ import annotations

import os
from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """Raises FileExistsError where there is one, and OSError that names *path* where it cannot be written."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        # That of a write names no file.
        raise OSError(error.errno, error.strerror, str(path)) from error
