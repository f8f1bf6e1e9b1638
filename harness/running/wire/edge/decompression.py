"""Decompresses what passes as it comes, within bounds: little input may stand for any amount of output."""

from __future__ import annotations

import sys
import zlib
from importlib import import_module
from typing import Any, Protocol

import brotli

PIECE_BYTES_MAX = 1 << 20
"""So much may come of one piece, which is at most 256 KiB: text is seldom compressed to less than a tenth."""
ANSWER_BYTES_MAX = 1 << 24
"""So much may come of one answer."""


class UnreadableError(Exception):
    """What passes is not compressed as its head says, or stands for too much."""


class Decompression(Protocol):
    """What one answer is decompressed by."""

    def feed(self, piece: bytes) -> bytes:
        """What *piece* stands for. Raises UnreadableError."""


def decompression(coding: str) -> Decompression | None:
    """By what an answer with this Content-Encoding is read; None where that is not known here."""
    match coding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip" | "deflate":
            return _Bounded(_Zlib())
        case "br":
            return _Bounded(_Brotli())
        case "zstd":
            return _Bounded(_Zstandard())
        case _:
            return None


class _Plain:
    def feed(self, piece: bytes) -> bytes:
        return piece


class _Bounded:
    """What *inner* makes, as long as that is not too much."""

    def __init__(self, inner: Decompression) -> None:
        self._inner = inner
        self._bytes = 0

    def feed(self, piece: bytes) -> bytes:
        made = self._inner.feed(piece)
        self._bytes += len(made)
        if self._bytes > ANSWER_BYTES_MAX:
            raise UnreadableError(f"it stands for more than {ANSWER_BYTES_MAX} bytes")
        return made


class _Zlib:
    """Reads gzip and zlib, whichever its head says, and deflate without a head, which some servers send (RFC 9110, 8.4.1.2)."""

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(wbits=47)
        self._begun = False

    def feed(self, piece: bytes) -> bytes:
        try:
            made = self._decompress(piece)
        except zlib.error as error:
            raise UnreadableError(str(error)) from error
        if self._zip.unconsumed_tail:
            raise UnreadableError(f"one piece of it stands for more than {PIECE_BYTES_MAX} bytes")
        return made

    def _decompress(self, piece: bytes) -> bytes:
        begun, self._begun = self._begun, self._begun or bool(piece)
        try:
            return self._zip.decompress(piece, PIECE_BYTES_MAX)
        except zlib.error:
            if begun:
                raise
            self._zip = zlib.decompressobj(wbits=-15)
            return self._zip.decompress(piece, PIECE_BYTES_MAX)


class _Brotli:
    def __init__(self) -> None:
        self._brotli = brotli.Decompressor()

    def feed(self, piece: bytes) -> bytes:
        try:
            made: bytes = self._brotli.process(piece, output_buffer_limit=PIECE_BYTES_MAX)
        except brotli.error as error:
            raise UnreadableError(str(error)) from error
        # The library stops at the first of its own buffers that goes beyond.
        if len(made) > PIECE_BYTES_MAX or not self._brotli.can_accept_more_data():
            raise UnreadableError(f"one piece of it stands for more than {PIECE_BYTES_MAX} bytes")
        return made


_WINDOW_LOG_MAX = 23
"""What needs more than 8 MiB of what came before is not for the Web (RFC 9659)."""


class _Zstandard:
    """Reads one frame after the other (RFC 8878, 3)."""

    def __init__(self) -> None:
        # It takes a while to load, and few answers need it.
        self._library: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        self._frame = self._next()

    def feed(self, piece: bytes) -> bytes:
        made = b""
        try:
            while piece:
                if self._frame.eof:
                    self._frame = self._next()
                made += self._frame.decompress(piece, PIECE_BYTES_MAX - len(made) + 1)
                piece = self._frame.unused_data if self._frame.eof else b""
                if len(made) > PIECE_BYTES_MAX:
                    raise UnreadableError(f"one piece of it stands for more than {PIECE_BYTES_MAX} bytes")
        except self._library.ZstdError as error:
            raise UnreadableError(str(error)) from error
        return made

    def _next(self) -> Any:
        return self._library.ZstdDecompressor(
            options={self._library.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        )
