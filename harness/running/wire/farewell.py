"""How an edge has the tap of its link reset a client: Toxiproxy, which lies between them, passes bytes and closes, and no resets.

The last that the edge says on a connection is a word that only this process knows; where the tap hears it, the client is reset instead.
So whatever was said before it comes first, however slow the way is, and a client that was to be reset gets exactly that.
"""

from __future__ import annotations

import os

_WORD_BYTES = 24


class Farewell:
    """The word of one link."""

    def __init__(self) -> None:
        # No text begins like that, so that nearly nothing has to be looked at twice.
        self.word = b"\x00\xff" + os.urandom(_WORD_BYTES - 2)
        self.said = False
        """Whether it ever was; before that, nobody need listen for it."""

    def say(self) -> bytes:
        """The word, to be said as the last of all."""
        self.said = True
        return self.word


class Listening:
    """Listens for *farewell* in what passes on one connection, wherever its pieces end."""

    __slots__ = ("_farewell", "_held")

    def __init__(self, farewell: Farewell) -> None:
        self._farewell = farewell
        self._held = b""

    def hear(self, data: bytes) -> tuple[bytes, bool]:
        """What of *data* is for the client, and whether the word was said behind it."""
        if not self._farewell.said:
            return data, False
        word, data = self._farewell.word, self._held + data
        before, said, _ = data.partition(word)
        if said:
            self._held = b""
            return before, True
        kept = next((size for size in range(min(len(word) - 1, len(data)), 0, -1) if data.endswith(word[:size])), 0)
        self._held = data[len(data) - kept :]
        return data[: len(data) - kept], False

    def rest(self) -> bytes:
        """What looked like the beginning of the word, and was not."""
        held, self._held = self._held, b""
        return held
