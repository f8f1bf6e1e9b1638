"""What a text is, in a few numbers that are kept in its place: whether another text is it, begins as it does, or ends with it.

White space makes no difference, since services and clients join pieces in ways of their own. All lengths and places are characters that
are none. A sketch is written as ``length.digest.marks``: marks are 16 bits of a checksum of the text up to each of a few places, which lie
an eighth of the length behind them apart, so however long the text is it is known to an eighth where another one leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from struct import pack
from typing import NamedTuple
from zlib import crc32

_DENSE = 8
_DIGEST_BYTES = 8
_MARK_HEX = 4
_MARK_BITS = 0xFFFF
_HELD_CHARS_MAX = 4096
_PLACES_MAX = 1 << 20
"""Behind so many characters nothing is marked any more; the digest is of all of them."""


def squeezed(text: str) -> str:
    """*text* without its white space."""
    return "".join(text.split())


class Sketch:
    """The sketch of a text that comes in pieces, each told to `add`; as a text it is what is written down."""

    __slots__ = ("_checksum", "_digest", "_held", "_held_chars", "_length", "_marks")

    def __init__(self) -> None:
        self._length = 0
        # Pieces are a few characters each, and to take many in at once is much cheaper.
        self._held: list[str] = []
        self._held_chars = 0
        self._digest = blake2b(digest_size=_DIGEST_BYTES)
        self._checksum = 0
        self._marks: list[int] = []

    def add(self, piece: str) -> None:
        self._held.append(piece)
        self._held_chars += len(piece)
        if self._held_chars > _HELD_CHARS_MAX:
            self._take_in()

    def __str__(self) -> str:
        self._take_in()
        return f"{self._length}.{self._digest.hexdigest()}.{pack(f'>{len(self._marks)}H', *self._marks).hex()}"

    def _take_in(self) -> None:
        text = "".join("".join(self._held).split())  # as `squeezed` has it
        self._held, self._held_chars = [], 0
        raw, size, marks, checksum, at = _raw(text), len(text), self._marks, self._checksum, 0
        plain = len(raw) == size  # as most text is: a byte a character
        for place in islice(_PLACES, len(marks), None):
            until = place - self._length
            if until > size:
                break
            checksum = crc32(raw[at:until] if plain else _raw(text[at:until]), checksum)
            marks.append(checksum & _MARK_BITS)
            at = until
        self._checksum = crc32(raw[at:] if plain else _raw(text[at:]), checksum)
        self._digest.update(raw)
        self._length += size


class Sketched(NamedTuple):
    """What is known of a text; the texts that it is held against are `squeezed`."""

    length: int
    digest: str
    marks: str

    def is_text(self, text: str) -> bool:
        """Whether *text* is all of it."""
        return len(text) == self.length and digest(text) == self.digest

    def begins_with(self, text: str) -> bool:
        """Whether *text* is the beginning of it and not all of it, up to the last mark inside *text*; nothing is a beginning of any."""
        return len(text) < self.length and self._agrees(text)

    def _agrees(self, text: str) -> bool:
        checksum, at = 0, 0
        for place, mark in zip(_PLACES, self._each_mark(), strict=False):
            if place > len(text):
                break
            checksum, at = crc32(_raw(text[at:place]), checksum), place
            if mark != _mark(checksum):
                return False
        return True

    def _each_mark(self) -> Iterator[str]:
        return (self.marks[at : at + _MARK_HEX] for at in range(0, len(self.marks), _MARK_HEX))


def digest(text: str) -> str:
    """The digest of a `squeezed` *text*."""
    return blake2b(_raw(text), digest_size=_DIGEST_BYTES).hexdigest()


def sketch(text: str) -> str:
    """The sketch of a whole *text*."""
    made = Sketch()
    made.add(text)
    return str(made)


def read(written: str) -> Sketched | None:
    """What *written* says; None where it is no sketch, as where there was no text."""
    length, *rest = written.split(".")
    return Sketched(int(length), *rest) if len(rest) == 2 and length.isdecimal() else None


def _places() -> Iterator[int]:
    yield from range(1, _DENSE)
    octave = _DENSE
    while octave < _PLACES_MAX:
        yield from range(octave, 2 * octave, octave // _DENSE)
        octave *= 2
    yield 1 << 62


_PLACES = tuple(_places())


def _mark(checksum: int) -> str:
    return f"{checksum & _MARK_BITS:0{_MARK_HEX}x}"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
