"""JSON documents that do not stand one a line: written over many lines, one after the other, or in lists, found in bounded memory."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import msgspec

from harness.incidents.calls import Broken

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.integer[Any]]

TORN_PACKED = "the packed file ends, or is damaged, here"
TORN = (EOFError, zlib.error, gzip.BadGzipFile)
"""How a packed file that was cut short, or is damaged, shows while it is read."""
_AT_ONCE = 4 << 20
_BETWEEN = re.compile(rb"(?:[\s,\[\]\x1e]|\xef\xbb\xbf)+")
"""What stands between two: lists and their commas, the separators of RFC 7464, and the marks with which files begin that were joined."""
_BACK_MOST = 32
"""So many backslashes before quotes are looked at for all quotes at once, and more for each."""
_QUOTE, _BACKSLASH, _OPENS, _CLOSES = b'"\\{}'


def documents(stream: IO[bytes], most: int) -> Iterator[tuple[int, bytes] | Broken]:
    """Each object that stands in *stream* or in a list there, with the line that it begins in; of a list, its place there.

    None may be larger than *most* bytes. The first that goes wrong ends it, and is told.
    """
    held, where, amount = b"", _Where(), _AT_ONCE
    while len(held) <= most:
        piece, why = _piece(stream, amount)
        held, at = held + piece, 0
        for start, end in _objects(held):
            yield from where.between(held[at:start])
            text, at = held[start:end], end
            if not is_json(text):
                yield Broken(where.now, where.torn)
                return
            yield where.now, text
            where.took(text)
        held, amount = held[at:], max(_AT_ONCE, len(held) - at)
        if why or not piece:
            yield from where.ended(held, why)
            return
    yield Broken(where.now, f"a JSON document is longer than {most >> 20} MiB")


@dataclass
class _Where:
    """Where in a file it is read: the *line*, or the *place* in the list with which it begins."""

    line: int = 1
    place: int = 1
    lists: int = 0
    listed: bool | None = None

    @property
    def now(self) -> int:
        return self.place if self.listed else self.line

    @property
    def torn(self) -> str:
        return f"the {'list' if self.listed else 'file'} is cut short, or is no JSON, from here on"

    def between(self, text: bytes) -> Iterator[Broken]:
        """Goes on behind *text*, in which there is no object; what else is a value there is broken."""
        if self.listed is None:
            self.listed = b"[" in text
        self.lists += text.count(b"[") - text.count(b"]")
        for odd in _BETWEEN.split(text):
            if odd:
                yield Broken(self.now, "is no JSON object")
                self.place += 1
        self.line += text.count(b"\n")

    def took(self, text: bytes) -> None:
        self.line += text.count(b"\n")
        self.place += 1

    def ended(self, held: bytes, why: str) -> Iterator[Broken]:
        odd = held.partition(b"{")
        yield from self.between(odd[0])
        if why or odd[1] or self.lists > 0:
            yield Broken(self.now, why or self.torn)


def _piece(stream: IO[bytes], amount: int) -> tuple[bytes, str]:
    """So much more of *stream*, and why there can be no more after it."""
    try:
        return stream.read1(amount), ""  # type: ignore[attr-defined]  # both kinds that are opened have it
    except TORN:
        return b"", TORN_PACKED


def _objects(text: bytes) -> Iterator[tuple[int, int]]:
    """Where in *text* each object that is in no other begins and ends, of those that are whole."""
    import numpy as np

    signs = np.frombuffer(text, np.uint8)
    quotes = _not_escaped(text, signs, np.flatnonzero(signs == _QUOTE))
    braces = np.flatnonzero((signs == _OPENS) | (signs == _CLOSES))
    braces = braces[np.searchsorted(quotes, braces) % 2 == 0]
    steps = np.where(signs[braces] == _OPENS, 1, -1)
    depth = np.cumsum(steps)
    if (below := np.flatnonzero(depth < 0)).size:
        braces, steps, depth = braces[: below[0]], steps[: below[0]], depth[: below[0]]
    starts, ends = braces[(depth == 1) & (steps == 1)], braces[(depth == 0) & (steps == -1)] + 1
    yield from zip(starts.tolist(), ends.tolist(), strict=False)


def _not_escaped(text: bytes, signs: Ints, quotes: Ints) -> Ints:
    """Those of *quotes* with no backslash before them, or with an even number of them in a row."""
    import numpy as np

    odd = np.zeros(quotes.size, np.bool_)
    left, back = np.arange(quotes.size), 0
    while left.size and back < _BACK_MOST:
        back += 1
        left = left[quotes[left] >= back]
        left = left[signs[quotes[left] - back] == _BACKSLASH]
        odd[left] = back % 2 == 1
    for place in left.tolist():
        odd[place] = _backslashes(text, int(quotes[place])) % 2 == 1
    return quotes[~odd]


def _backslashes(text: bytes, before: int) -> int:
    """How many backslashes stand in a row right before a place."""
    at = before
    while at and text[at - 1] == _BACKSLASH:
        at -= 1
    return before - at


def is_json(text: bytes) -> bool:
    """Whether *text* is one JSON value."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
