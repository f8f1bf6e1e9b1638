"""A mark of what a request says, by which tries of one call are known, and which tells nobody what that was."""

from __future__ import annotations

from hashlib import blake2b

from harness.protocols.nonce import Unmarked

_BYTES = 6


class BodyMark:
    """The mark of a body that comes piece by piece: equal for bodies that differ in nonces alone, under one *salt*."""

    __slots__ = ("_any", "_hash", "_rest")

    def __init__(self, salt: bytes) -> None:
        self._hash = blake2b(digest_size=_BYTES, key=salt)
        self._rest = Unmarked(self._hash.update)
        self._any = False

    def feed(self, piece: bytes) -> None:
        self._any = True
        self._rest.feed(piece)

    @property
    def mark(self) -> int:
        """That of the whole body, asked for once it has ended; 0 where there is none."""
        self._rest.end()
        return int.from_bytes(self._hash.digest()) if self._any else 0
