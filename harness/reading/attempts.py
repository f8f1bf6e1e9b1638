"""Which tries of one request a file means: ``1``, ``2-`` (from the second on), ``2-3``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_WRITTEN = re.compile(r"([0-9]{1,4})(?:(-)([0-9]{1,4})?)?")


@dataclass(frozen=True, slots=True)
class Tries:
    """From the *first* to the *last* try of a request, counted from 1; None: all after the first of them."""

    first: int
    last: int | None

    @property
    def ends(self) -> tuple[int, int | None]:
        return self.first, self.last

    def __str__(self) -> str:
        if self.last is None:
            return f"{self.first}-"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def tries(written: Any) -> Tries:
    """The tries that *written* means; raises ValueError that says what would be right."""
    if isinstance(written, Tries):
        return written
    match = _WRITTEN.fullmatch(str(written)) if isinstance(written, int | str) and written is not True else None
    if match is None:
        raise ValueError(f"{written!r} is not a try of a request; write 1 (the first), 2- (from the second on) or 2-3")
    first = int(match[1])
    last = first if match[2] is None else int(match[3]) if match[3] else None
    if first < 1 or (last is not None and last < first):
        raise ValueError(f"{written!r} is no try of a request; they are counted from 1, as in 1, 2- or 2-3")
    return Tries(first, last)


Attempts = Annotated[
    Tries,
    BeforeValidator(tries),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d+(-\d*)?$"}]}),
]
