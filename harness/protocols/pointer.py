"""JSON Pointers (RFC 6901): what stands where in a JSON document, and whole numbers that are versions."""

from __future__ import annotations

import re

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]*", re.ASCII)
# Above it, not every whole number is another one where numbers have 64 bits.
_VERSION_MAX = 2**53


def is_pointer(text: str) -> bool:
    return _POINTER.fullmatch(text) is not None


def at(document: object, pointer: str, missing: Exception | None = None) -> object:
    """What stands at a JSON *pointer* (RFC 6901) in *document*; where nothing does, None, or *missing* is raised."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and _INDEX.fullmatch(key) and int(key) < len(document):
            document = document[int(key)]
        elif missing:
            raise missing
        else:
            return None
    return document


def version_at(document: object, pointer: str) -> int | None:
    """The snapshot version at *pointer*, None where nothing stands there. Raises ValueError for what is none."""
    version = at(document, pointer)
    if version is None:
        return None
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(f"at {pointer} in the reply stands no whole number: {version!r:.40}")
    if abs(version) > _VERSION_MAX:
        raise ValueError(f"at {pointer} in the reply stands {version}, too large for a version that counts up")
    return version
