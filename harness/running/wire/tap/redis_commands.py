"""The commands that a client of Redis says on one connection, counted in the bytes that pass, however those are cut."""

from __future__ import annotations

from collections.abc import Callable

from harness.running.wire.tap.watch import Unread

_LINE_BYTES_MAX = 1 << 16
"""What Redis itself takes for a line at most; nothing longer is kept here."""


class RedisCommands(Unread):
    """Calls *count* with how many commands have come whole, each time that some have.

    A command is an array of bulk strings, or a line of words (an inline command); as in Redis, an empty one of either is none. What
    is neither is followed no further. Answers and what is pushed to a subscriber are not commands.
    """

    def __init__(self, count: Callable[[int], None]) -> None:
        super().__init__()
        self._count = count
        self._line = b""
        self._left = 0  # elements that the array still lacks
        self._skip = 0  # bytes of a bulk string, and the end of its line, that have not come
        self._readable = True

    @property
    def between(self) -> bool:
        """Whether no command is half said."""
        return not (self._left or self._skip or self._line)

    def asked(self, data: bytes) -> None:
        super().asked(data)
        if self._readable and (whole := self._read(data)):
            self._count(whole)

    def _read(self, data: bytes) -> int:
        """How many commands end in *data*."""
        whole, at = 0, 0
        while at < len(data) and self._readable:
            if self._skip:
                passed = min(self._skip, len(data) - at)
                self._skip -= passed
                at += passed
                whole += self._element_whole() if not self._skip else 0
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end if end >= 0 else len(data)]
            if end < 0:
                self._readable = len(self._line) <= _LINE_BYTES_MAX
                return whole
            at = end + 1
            line, self._line = self._line.removesuffix(b"\r"), b""
            whole += self._take(line)
        return whole

    def _take(self, line: bytes) -> int:
        """1 where *line* ends a command."""
        if self._left:
            # Redis refuses what is no bulk string here, and closes.
            self._skip = _number(line, b"$") + 2
            self._readable = self._skip >= 2
            return 0
        if line.startswith(b"*"):
            self._left = max(0, _number(line, b"*"))
            self._readable = _number(line, b"*") >= 0 or line == b"*-1"
            return 0
        return 1 if line.strip() else 0

    def _element_whole(self) -> int:
        self._left -= 1
        return 0 if self._left else 1


def _number(line: bytes, kind: bytes) -> int:
    """What stands behind *kind* in *line*; -3 where that is no number."""
    digits = line.removeprefix(kind)
    return int(digits) if line.startswith(kind) and digits.isdigit() and len(digits) < 12 else -3
