"""RESP, as Redis and its clients speak it: commands and replies, out of bytes that are cut anyhow (redis.io, protocol spec)."""

from __future__ import annotations

from typing import NamedTuple

_AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
"""Elements for each one that their head counts; an attribute (``|``) comes before a reply and is none itself."""
_BULKS = (b"$", b"=", b"!")
_KEPT_BYTES_MAX = 1 << 16
"""So much of a frame is kept until it is whole; of a longer one each part goes on as it comes."""
_LINE_BYTES_MAX = 1 << 16


class Piece(NamedTuple):
    """A frame, or of one that is long a part: the *first*, the *last*, or one between."""

    data: bytes
    first: bool = True
    last: bool = True


class Frames:
    """What one side says, frame by frame. *commands*: a line that is no array is a command of its own (an inline one)."""

    def __init__(self, *, commands: bool) -> None:
        self._commands = commands
        self._data = bytearray()
        self._at = 0  # up to here it has been read
        self._left = 1  # elements until the frame is whole
        self._skip = 0  # bytes until the bulk string that is being read is whole
        self.halfway = False
        """A part of a frame was given whose last one has not come."""
        self.lost = False
        """Something came that is no RESP: nothing behind it can be told apart, and `rest` has all that was given in no piece."""

    def rest(self) -> bytes:
        """What has come and was given in no piece, which is let go of."""
        rest = bytes(self._data)
        self._data.clear()
        self._at = 0
        return rest

    def feed(self, data: bytes, *, at_once: bool = False) -> list[Piece]:
        """What *data* completes. *at_once*: nothing of a frame waits for the rest of it but the line that says how long an element is."""
        self._data += data
        pieces: list[Piece] = []
        while self._element():
            if not self._left:
                pieces.append(self._piece(last=True))
                self._left = 1
        if self._at > (0 if at_once else _KEPT_BYTES_MAX) and not self.lost:
            pieces.append(self._piece(last=False))
        return pieces

    def _piece(self, *, last: bool) -> Piece:
        piece = Piece(bytes(self._data[: self._at]), not self.halfway, last)
        del self._data[: self._at]
        self._at, self.halfway = 0, not last
        return piece

    def _element(self) -> bool:
        """Read one more element, or the head of some; False where it has not come whole, or is none."""
        if self._skip:
            return self._skipped()
        end = self._data.find(b"\n", self._at)
        if end < 0:
            self.lost = len(self._data) - self._at > _LINE_BYTES_MAX
            return False
        kind, said = bytes(self._data[self._at : self._at + 1]), bytes(self._data[self._at + 1 : end]).strip()
        inline = self._commands and kind != b"*" and self._at == 0 and not self.halfway
        size = _number(said) if not inline and (kind in _BULKS or kind in _AGGREGATES) else 0
        if size is None:
            self.lost = True
            return False
        self._at = end + 1
        if kind in _BULKS and not inline and size >= 0:
            self._skip = size + len(b"\r\n")
        elif kind in _AGGREGATES and not inline:
            self._left += max(0, size) * _AGGREGATES[kind] - (kind != b"|")
        else:
            self._left -= 1
        return True

    def _skipped(self) -> bool:
        """Read on in a bulk string; whether that is whole now."""
        came = min(self._skip, len(self._data) - self._at)
        self._skip -= came
        self._at += came
        self._left -= not self._skip
        return not self._skip


def name_of(command: bytes) -> str:
    """The name of a *command*, or of the first part of one, in capitals; empty for one that says nothing."""
    return word_of(command, 0)


def word_of(command: bytes, place: int) -> str:
    """The word at this *place* of a *command*, of which 0 is its name, in capitals; empty where there is none."""
    if command.startswith(b"*"):
        words = command.split(b"\r\n", 2 * place + 3)[2 : 2 * place + 3 : 2]
    else:
        words = command.split(None, place + 1)[: place + 1]
    return words[place].decode("latin-1").upper() if len(words) > place else ""


def message_on(reply: bytes) -> str | None:
    """What a *reply*, or the first part of one, announces without having been asked: the kind of message; None for an answer."""
    if reply[:1] not in (b"*", b">"):
        return None
    parts = reply.split(b"\r\n", 3)
    kind = parts[2].decode("latin-1") if len(parts) > 2 else ""
    return kind if kind in _MESSAGES else None


_MESSAGES = frozenset({"message", "pmessage", "smessage", "invalidate"})


def _number(said: bytes) -> int | None:
    """The number that *said* is; None where it is none."""
    try:
        return int(said)
    except ValueError:
        return None
