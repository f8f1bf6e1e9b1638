"""RESP, as Redis and its clients speak it: whole commands and whole replies out of bytes that are cut anyhow (redis.io, protocol spec)."""

from __future__ import annotations

_AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
"""Elements for each one that their head counts; an attribute (``|``) comes before a reply and is none itself."""
_BULKS = (b"$", b"=", b"!")
_KEPT_BYTES_MAX = 1 << 23
_LINE_BYTES_MAX = 1 << 16


class Unreadable(Exception):  # noqa: N818 - it says what was met, and whoever meets it passes it on
    """What is no RESP, or too long to be kept."""


class Frames:
    """What one side says, frame by frame. *commands*: a line that is no array is a command of its own (an inline one)."""

    def __init__(self, *, commands: bool) -> None:
        self._commands = commands
        self._data = bytearray()
        self._at = 0  # up to here it has been read
        self._left = 1  # elements until the frame is whole

    @property
    def rest(self) -> bytes:
        """What is no whole frame yet."""
        return bytes(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """Those frames that are whole with *data*. Raises Unreadable, and then `rest` has all that was told in none."""
        self._data += data
        frames: list[bytes] = []
        while self._element():
            if self._left == 0:
                frames.append(bytes(self._data[: self._at]))
                del self._data[: self._at]
                self._at, self._left = 0, 1
        if len(self._data) > _KEPT_BYTES_MAX:
            raise Unreadable
        return frames

    def _element(self) -> bool:
        """Read one more element, or the head of some; False where it has not come whole."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            if len(self._data) - self._at > _LINE_BYTES_MAX:
                raise Unreadable
            return False
        kind, said = bytes(self._data[self._at : self._at + 1]), bytes(self._data[self._at + 1 : end]).strip()
        after = end + 1
        if self._commands and self._left == 1 and self._at == 0 and kind != b"*":
            self._left -= 1
        elif kind in _BULKS:
            size = _number(said)
            after += size + 2 if size >= 0 else 0
            if after > len(self._data):
                if after > _KEPT_BYTES_MAX:
                    raise Unreadable
                return False
            self._left -= 1
        elif kind in _AGGREGATES:
            self._left += max(0, _number(said)) * _AGGREGATES[kind] - (kind != b"|")
        else:
            self._left -= 1
        self._at = after
        return True


def name_of(command: bytes) -> str:
    """The name of a whole *command*, in capitals; empty for one that says nothing."""
    if not command.startswith(b"*"):
        return command.split(None, 1)[0].decode("latin-1").upper() if command.strip() else ""
    parts = command.split(b"\r\n", 3)
    return parts[2].decode("latin-1").upper() if len(parts) > 2 else ""


def message_on(reply: bytes) -> str | None:
    """What a whole *reply* announces without having been asked: the kind of message; None for an answer."""
    if reply[:1] not in (b"*", b">"):
        return None
    parts = reply.split(b"\r\n", 3)
    kind = parts[2].decode("latin-1") if len(parts) > 2 else ""
    return kind if kind in _MESSAGES else None


_MESSAGES = frozenset({"message", "pmessage", "smessage", "invalidate"})


def _number(said: bytes) -> int:
    try:
        return int(said)
    except ValueError:
        raise Unreadable from None
