"""What was read or worked out, kept as long as there is room: what nobody has asked for the longest goes first, and is made again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

LARGE = 1 << 20
"""Bytes; what takes less is kept always."""
LEAST_KEPT = 64 << 20
_DEEP, _MANY = 4, 64
_PARTS: dict[type, tuple[str, ...]] = {}


def kept(values: dict[Hashable, Any], what: Hashable, make: Callable[[], Any], most: int) -> Any:
    """What *make* returns, made only where it is not among *values*, of which those that are `LARGE` take about *most* bytes together.

    A value that went is made anew when it is asked for, so that whatever makes it has to make the same one again. *values* are in the order
    in which they were asked for.
    """
    if what in values:
        value = values[what] = values.pop(what)
        return value.value if isinstance(value, _Large) else value
    made = make()
    size = size_of(made)
    values[what] = _Large(made, size) if size >= LARGE else made
    if size >= LARGE:
        _forget(values, most)
    return made


@dataclass(frozen=True, slots=True, eq=False)
class _Large:
    """A *value* that may go again, with how many bytes it takes."""

    value: Any
    bytes: int


def _forget(values: dict[Hashable, Any], most: int) -> None:
    """What was made last stays, however large."""
    large = {what: held.bytes for what, held in values.items() if isinstance(held, _Large)}
    taken = sum(large.values())
    for what in list(large)[:-1]:
        if taken <= most:
            return
        taken -= large[what]
        del values[what]


def size_of(value: Any, deep: int = _DEEP) -> int:
    """How many bytes the arrays in *value* take, also of those that it is a part of; in a few that lie in one another."""
    import numpy as np

    if isinstance(value, np.ndarray):
        whole = value
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        return int(whole.nbytes) if 0 not in whole.strides else whole.itemsize
    if deep == 0:
        return 0
    if isinstance(value, tuple | list):
        return sum(size_of(one, deep - 1) for one in value) if len(value) <= _MANY else 0
    return sum(size_of(getattr(value, name), deep - 1) for name in _parts(type(value)))


def _parts(kind: type) -> tuple[str, ...]:
    """What a value of this *kind* is made of, where it is a data class; looked up once."""
    if kind not in _PARTS:
        _PARTS[kind] = tuple(one.name for one in fields(kind)) if is_dataclass(kind) else ()
    return _PARTS[kind]
