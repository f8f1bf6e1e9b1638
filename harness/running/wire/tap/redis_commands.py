"""The commands that a client of Redis says on one connection, counted in the bytes that pass, however those are cut."""

from __future__ import annotations

from collections.abc import Callable

from harness.faults.redis_commands import HOUSEKEEPING, LISTEN
from harness.running.wire.tap.watch import Unread

_LINE_BYTES_MAX = 1 << 16
"""What Redis itself takes for a line at most; nothing longer is kept here."""
_NAME_BYTES_MAX = 32
"""No command that is told apart here has a longer name."""


class RedisCommands(Unread):
    """Calls *count* with how many commands have come whole, and how many of them are housekeeping, each time that some have; and *pushed*
    each time that something was said to a client which listens for what comes unasked.

    A command is an array of bulk strings, or a line of words (an inline command); as in Redis, an empty one of either is none. What
    is neither is followed no further. Answers and what is pushed to a subscriber are not commands. Where a client listens for what is
    pushed, the PING that keeps its connection is no housekeeping: it may say nothing else, and be told a lot.
    """

    def __init__(self, count: Callable[[int, int], None], pushed: Callable[[], None]) -> None:
        super().__init__()
        self._count, self._pushed = count, pushed
        self._line = b""
        self._left = 0  # elements that the array still lacks
        self._skip = 0  # bytes of a bulk string, and the end of its line, that have not come
        self._name: bytes | None = (
            None  # of the command that is being said, as far as it has come; None: it has come whole
        )
        self._asks = True  # it is no housekeeping
        self._housekeeping = 0  # commands since anybody was told
        self._listens = False
        self._readable = True

    def asked(self, data: bytes) -> None:
        super().asked(data)
        if self._readable and (whole := self._read(data)):
            housekeeping, self._housekeeping = self._housekeeping, 0
            self._count(whole, housekeeping)

    def answered(self, data: bytes) -> None:
        super().answered(data)
        if self._listens:
            self._pushed()

    def _read(self, data: bytes) -> int:
        """How many commands end in *data*."""
        whole, at = 0, 0
        while at < len(data) and self._readable:
            if self._skip:
                passed = min(self._skip, len(data) - at)
                if self._name is not None:
                    self._name += data[at : at + min(passed, _NAME_BYTES_MAX)]
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
            self._name = b""
            return 0
        words = line.split(maxsplit=1)
        if not words:
            return 0
        self._named(words[0])
        return self._whole()

    def _element_whole(self) -> int:
        if self._name is not None:
            self._named(self._name.removesuffix(b"\r\n"))
            self._name = None
        self._left -= 1
        return 0 if self._left else self._whole()

    def _named(self, name: bytes) -> None:
        said = name.decode("latin-1").upper()
        self._listens = self._listens or said in LISTEN
        self._asks = self._listens or said not in HOUSEKEEPING

    def _whole(self) -> int:
        self._housekeeping += not self._asks
        return 1


def _number(line: bytes, kind: bytes) -> int:
    """What stands behind *kind* in *line*; -3 where that is no number."""
    digits = line.removeprefix(kind)
    return int(digits) if line.startswith(kind) and digits.isdigit() and len(digits) < 12 else -3
