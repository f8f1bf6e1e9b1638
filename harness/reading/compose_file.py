"""The services of a Compose file, as they stand in it: nothing is filled in, and no other file is followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_BYTES_MAX = 1 << 20


class NoComposeFileError(ValueError):
    """What is there is no Compose file; says why."""


def document(path: Path) -> dict[str, Any]:
    """What stands in the file at *path*, which has services. Raises NoComposeFileError."""
    if path.exists() and not path.is_file():
        # Nobody may ever write to a pipe, and to open it waits for that.
        raise NoComposeFileError("is no file")
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX + 1)
        found = yaml.safe_load(text) if len(text) <= _BYTES_MAX else None
    except OSError as error:
        raise NoComposeFileError(f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NoComposeFileError(f"is no YAML: {' '.join(str(error).split())}") from error
    services = found.get("services") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(services, dict) or not services:
        raise NoComposeFileError("is no Compose file: it has no services")
    return found


def services(path: Path) -> dict[str, dict[str, Any]]:
    """What the file at *path* says of each service. Raises NoComposeFileError."""
    return {str(name): one if isinstance(one, dict) else {} for name, one in document(path)["services"].items()}
