"""How a fault has a client told to wait: in one way or another, not at all, or by a value that stands for no wait."""

from __future__ import annotations

import re
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

from harness.dialects.base import Way
from harness.faults.effects import Told
from harness.registry import nearest

WAYS: tuple[Way, ...] = get_args(Way)
_NONE = "none"
_SAYABLE = re.compile(r"[!-~]([ -~]{0,198}[!-~])?")


def told(written: Any) -> Told:
    """What *written* means: a way to tell of a wait, ``none``, or any other value, which is told as it stands. Raises ValueError."""
    if isinstance(written, Told):
        return written
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        raise ValueError(f"{written!r} cannot be told; {_RIGHT}")
    text = str(written).strip()
    if text == _NONE:
        return Told(ways=())
    if ways := tuple(way for way in WAYS if way == text):
        return Told(ways=ways)
    if slip := nearest(text, [*WAYS, _NONE]):
        raise ValueError(f"{text!r} is nearly {slip[0]!r}; write that, or a value that is not so like it")
    if not _SAYABLE.fullmatch(text):
        raise ValueError(f"{text!r} cannot stand in a header; {_RIGHT}")
    return Told(text=text)


def written(told: Told) -> str | None:
    """As a file says it; None: the API's own way."""
    if told.ways is None:
        return told.text or None
    return told.ways[0] if told.ways else _NONE


_RIGHT = (
    f"write {', '.join(WAYS)} or {_NONE}, or the value of retry-after as it is to stand there, such as 3600, -1 or soon"
)

RetryAfter = Annotated[
    InstanceOf[Told],
    BeforeValidator(told),
    PlainSerializer(written),
    WithJsonSchema({"anyOf": [{"enum": [*WAYS, _NONE]}, {"type": ["integer", "number", "string"]}]}),
]
