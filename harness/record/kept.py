"""What was read or worked out, kept as long as there is room: what nobody has asked for the longest goes first, and is had back."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from harness.record.shelf import Aside, Shelf

LARGE = 1 << 16
"""Bytes; what takes less is kept always."""
LEAST_KEPT = 80 << 20
KEPT_A_ROW = 4
"""Bytes of each row of all tables that share a room."""
Values = dict[Hashable, Any]
_DEEP, _MANY = 4, 64
_PARTS: dict[type, tuple[str, ...]] = {}


CHEAP, USUAL, DEAR = 0.3, 1.0, 10.0
"""How long it takes to make a byte of something again, beside a byte of most columns."""


class Room:
    """Room for what is large of all that share it: the tables of a run, and what is worked out of them.

    They take about `KEPT_A_ROW` bytes for each of their rows together, and may take `LEAST_KEPT` however few they are. What goes is what
    nobody has asked for the longest, and what is cheap to make again before what is dear (P. Cao and S. Irani, "Cost-aware WWW proxy
    caching algorithms", 1997: GreedyDual-Size). What goes is set aside on the *shelf*, where there is one, and had back from there; but for
    what is cheap to make again, and what is kept as the last of its kind.
    """

    def __init__(self, most: int = LEAST_KEPT, shelf: Shelf | None = None) -> None:
        self._most, self._rows, self._taken, self._gone = most, 0, 0, 0.0
        self._shelf = shelf
        self._aside: dict[
            tuple[int, Hashable], tuple[Values, Aside]
        ] = {}  # with the values, so that no others are taken for them
        self._held: dict[tuple[int, Hashable], _Held] = {}  # in the order in which they were asked for

    def grow(self, rows: int) -> None:
        """Have room for the columns of so many *rows* more."""
        self._rows += rows
        self._most = max(self._most, KEPT_A_ROW * self._rows)

    def asked_for(self, values: Values, what: Hashable) -> None:
        """*what* of *values* was asked for last."""
        key = id(values), what
        if (held := self._held.pop(key, None)) is not None:
            held.stays_until = self._gone + held.dear
            self._held[key] = held

    def let_go(self, values: Values, what: Hashable) -> None:
        """Take *what* out of *values*, where it is among them."""
        values.pop(what, None)
        if (held := self._held.pop((id(values), what), None)) is not None:
            self._taken -= held.bytes

    def take(self, values: Values, what: Hashable, size: int, dear: float = USUAL) -> None:
        """*what* of *values* takes *size* bytes; for it others may have to go, and itself never."""
        self._taken += size
        while self._taken > self._most and self._held:
            first = min(self._held.values(), key=lambda held: held.stays_until)
            self._gone = first.stays_until
            self._set_aside(first)
            self.let_go(first.values, first.what)
        self._held[id(values), what] = _Held(values, what, size, dear, self._gone + dear)

    def lies_aside(self, values: Values, what: Hashable) -> bool:
        """Whether *what* of *values* can be had back without being made again."""
        return (id(values), what) in self._aside

    def had_back(self, values: Values, what: Hashable, make: Callable[[], Any]) -> Any:
        """*what* of *values* from the shelf; what *make* returns, where it does not lie there."""
        if self._shelf is None or not self.lies_aside(values, what):
            return make()
        return self._shelf.had_back(self._aside[id(values), what][1])

    def _set_aside(self, held: _Held) -> None:
        key = id(held.values), held.what
        if self._shelf is None or held.dear <= CHEAP or isinstance(held.what, _LastOf) or key in self._aside:
            return
        if (aside := self._shelf.put(held.values[held.what])) is not None:
            self._aside[key] = held.values, aside


@dataclass(frozen=True, slots=True)
class _LastOf:
    """Where the last of a *kind* is kept: what lies there is another one each time."""

    kind: Hashable


@dataclass(slots=True, eq=False)
class _Held:
    """Something that was kept: it stays until all has gone that has a smaller *stays_until*."""

    values: Values
    what: Hashable
    bytes: int
    dear: float
    stays_until: float


def kept(values: Values, what: Hashable, make: Callable[[], Any], room: Room, dear: float = USUAL) -> Any:
    """What *make* returns, made only where it is not among *values*, of which those that are `LARGE` have to find *room*.

    A value that went is had back or made anew when it is asked for, so that whatever makes it has to make the same one again. *dear*: how
    long that takes, for its size; see `CHEAP`.
    """
    if what in values:
        room.asked_for(values, what)
        return values[what]
    made = values[what] = room.had_back(values, what, make)
    if (size := size_of(made)) >= LARGE:
        room.take(values, what, size, dear)
    return made


def kept_last(values: Values, kind: Hashable, what: Hashable, make: Callable[[], Any], room: Room) -> Any:
    """As `kept`, but of its *kind* nothing else is kept."""
    key = _LastOf(kind)
    if key in values and values[key][0] == what:
        room.asked_for(values, key)
        return values[key][1]
    # What was there before is let go first, since both may be large.
    room.let_go(values, key)
    return kept(values, key, lambda: (what, make()), room)[1]


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
