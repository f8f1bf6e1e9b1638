"""What both ends of a link tell each other through Toxiproxy, which passes bytes and closes, and neither resets nor half closes.

The last that one says on a connection is a word that only this process knows; where the other hears it, that is what happens on its side.
So whatever was said before it comes first, however slow the way is, and who was to be reset gets exactly that.
"""

from __future__ import annotations

import os
from typing import Literal

_WORD_BYTES = 24

End = Literal["reset", "half"]
"""How one side of a connection ended: by a reset, or by saying no more while it listens on."""


class Farewell:
    """The words of one link, in one direction."""

    def __init__(self) -> None:
        # No text begins like that, so that nearly nothing has to be looked at twice.
        self.words: dict[End, bytes] = {"half": _word(), "reset": _word()}
        self.said = False
        """Whether one ever was; before that, nobody need listen for it."""

    def say(self, end: End = "reset") -> bytes:
        """The word for *end*, to be said as the last of all; behind that of a half close, that of a reset may still come."""
        self.said = True
        return self.words[end]


def _word() -> bytes:
    return b"\x00\xff" + os.urandom(_WORD_BYTES - 2)


class Listening:
    """Listens for *farewell* in what passes on one connection, wherever its pieces end."""

    __slots__ = ("_farewell", "_held")

    def __init__(self, farewell: Farewell) -> None:
        self._farewell = farewell
        self._held = b""

    def hear(self, data: bytes) -> tuple[bytes, End | None]:
        """What of *data* is to be passed on, and which end was told behind it."""
        if not self._farewell.said:
            return data, None
        data, words = self._held + data, self._farewell.words
        for end, word in words.items():
            before, said, rest = data.partition(word)
            if said:
                self._held = b""
                # What follows the word for a half close can only be that for a reset.
                return before, (self.hear(rest)[1] if rest else None) or end
        kept = max(_begun(data, word) for word in words.values())
        self._held = data[len(data) - kept :]
        return data[: len(data) - kept], None

    def rest(self) -> bytes:
        """What looked like the beginning of a word, and was not."""
        held, self._held = self._held, b""
        return held


def _begun(data: bytes, word: bytes) -> int:
    """How many bytes at the end of *data* may be the beginning of *word*."""
    return next((size for size in range(min(len(word) - 1, len(data)), 0, -1) if data.endswith(word[:size])), 0)
