"""Nonces as numbers, by which rows are joined: equal ones are equal numbers in every table of a run."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from harness.protocols.nonce import BEFORE_MAX

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.record.columns import Raw, Table

    Marks = npt.NDArray[np.int64]

NO_MARK = -1
"""Of what carries no nonce."""
_START, _DIGITS = b"n-", 10
_CHECK_BITS = 16
_AT_ONCE = 1 << 18
_HELD = "nonce as a number"


def marks(table: Table) -> Marks:
    """The nonce of each row as a number."""
    if _HELD not in table:
        table.derive(_HELD, lambda: _of_column(table), dear=True)
    found: Marks = table.numbers(_HELD)
    return found


def _of_column(table: Table) -> Marks:
    import numpy as np

    from harness.record.columns import Words

    read, at = np.empty(len(table), np.int64), 0
    for raw in table.raw_pieces("nonce"):
        of_piece = _read(raw)
        if of_piece is None:
            # Not every row has one as a run writes it.
            of_piece = Words.of(raw.text(row) for row in range(raw.ends.size - 1)).each(_mark, np.int64)
        read[at : at + of_piece.size] = of_piece
        at += of_piece.size
    return read


def index_of(mark: Marks) -> Marks:
    """Which request of its load the one with each nonce is; see `protocols.nonce.index`."""
    return (mark >> _CHECK_BITS) - BEFORE_MAX


def distinct(mark: Marks) -> Marks:
    """The different ones, in order; requests are in order of theirs as a rule."""
    import numpy as np

    return mark if (mark[1:] > mark[:-1]).all() else np.unique(mark)


def number_in(known: Marks, values: Marks) -> Marks:
    """The place of each of *values* among the *known* ones, which are in order; -1 where it is none of them."""
    import numpy as np

    found = np.full(values.size, -1)
    for first in range(0, values.size if known.size else 0, _AT_ONCE):
        mine = values[first : first + _AT_ONCE]
        places = np.minimum(np.searchsorted(known, mine), known.size - 1)
        found[first : first + _AT_ONCE] = np.where(known[places] == mine, places, -1)
    return found


def _mark(text: str) -> int:
    """A number of its own for a text that is no nonce of a run: beyond those of all nonces."""
    read = _whole(text)
    if not text:
        return NO_MARK
    return (
        read
        if read is not None
        else (1 << 62) | int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest())
    )


def _whole(text: str) -> int | None:
    digits = text.removeprefix(_START.decode())
    whole = len(text) == len(_START) + _DIGITS and len(digits) == _DIGITS and not set(digits) - set("0123456789abcdef")
    return int(digits, 16) if whole else None


def _read(raw: Raw) -> Marks | None:
    """The number of each nonce, read off its digits; None where some row has another text than none or a nonce."""
    import numpy as np

    length = np.diff(raw.ends)
    width = len(_START) + _DIGITS
    said = length == width
    if not (said | (length == 0)).all():
        return None
    # Texts lie one behind the other, so those that are empty are not among them.
    digits = raw.data[raw.ends[0] : raw.ends[-1]].reshape(-1, width)
    values = np.full(256, 255, np.uint8)
    values[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
    number = np.zeros(digits.shape[0], np.int64)
    for place in range(len(_START), width):
        digit = values[digits[:, place]]
        if (digit == 255).any():
            return None
        number = number << 4 | digit
    if not (digits[:, : len(_START)] == np.frombuffer(_START, np.uint8)).all():
        return None
    found = np.full(length.size, NO_MARK, np.int64)
    found[said] = number
    return found
