"""The nonce: a mark in a request's prompt or headers that joins every attempt to the request it was made for."""

from __future__ import annotations

import re

NONCE = re.compile(rb"n-[0-9a-f]{10}")

_LENGTH = len("n-0123456789")


class NonceSearch:
    """Finds the last nonce in text that comes piece by piece; *found* is empty until there is one."""

    __slots__ = ("_tail", "found")

    def __init__(self) -> None:
        self.found = ""
        self._tail = b""

    def whole(self, text: bytes) -> None:
        """Look through a text of its own, such as one header's value."""
        if matches := NONCE.findall(text):
            self.found = matches[-1].decode("ascii")

    def piece(self, piece: bytes) -> None:
        """Look through the next piece of the body; a nonce may lie across two or more of them."""
        text = self._tail + piece
        self.whole(text)
        # One byte less than a nonce, so that none is found twice.
        self._tail = text[1 - _LENGTH :]
