"""Headers that a fault puts into an answer as they stand, over what the API would say in them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"([!-~]([ -~]{0,998}[!-~])?)?")
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


def said_headers(written: Any) -> Any:
    """*written* with its names in lower case and numbers as text. Raises ValueError for what cannot be sent."""
    if not isinstance(written, dict):
        return written
    found: dict[str, Any] = {}
    for name, value in written.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header; write one such as x-ratelimit-limit-tokens")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name!r} says how the answer is framed, which stays as it is; leave it out")
        text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if isinstance(text, str) and not _VALUE.fullmatch(text):
            raise ValueError(
                f"{name}: {text!r} cannot stand in a header; write printable ASCII, without blanks around it"
            )
        found[name.lower()] = text
    return found


SaidHeaders = Annotated[
    dict[str, str],
    BeforeValidator(said_headers),
    Field(description="headers that the answer has as they stand here, over what the API would say in them"),
]
