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


class CompressionError(Exception):
    """What passes is not compressed as its head says, or stands for too much."""


class Decompression(Protocol):
    """What one answer is decompressed by."""

    def feed(self, piece: bytes) -> bytes:
        """What *piece* stands for. Raises CompressionError."""


_CODINGS_MAX = 3
"""Nobody compresses more often, and each layer costs as much as the first."""


def decompression(codings: str) -> Decompression | None:
    """By what an answer with this Content-Encoding is read, one or several of them; None where one is not known here."""
    if not codings:
        return AS_IT_STANDS
    named = [coding for each in codings.split(",") if (coding := each.strip().lower()) not in ("", "identity")]
    # The last one was applied last.
    layers = [_layer(coding) for coding in reversed(named)]
    known = [layer for layer in layers if layer is not None]
    return _Layers(known) if len(known) == len(layers) <= _CODINGS_MAX else None


def _layer(coding: str) -> Decompression | None:
    match coding:
        case "gzip" | "x-gzip" | "deflate":
            return _Bounded(_Zlib())
        case "br":
            return _Bounded(_Brotli())
        case "zstd":
            return _Bounded(_Zstandard())
        case _:
            return None


class _Layers:
    """Each of *layers* reads what the one before it made; where there are none, all is as it stands."""

    def __init__(self, layers: list[Decompression]) -> None:
        self._layers = layers

    def feed(self, piece: bytes) -> bytes:
        for layer in self._layers:
            piece = layer.feed(piece)
        return piece


AS_IT_STANDS: Decompression = _Layers([])
"""Decompresses nothing."""


class _Bounded:
    """What *inner* makes, as long as that is not too much."""

    def __init__(self, inner: Decompression) -> None:
        self._inner = inner
        self._bytes = 0

    def feed(self, piece: bytes) -> bytes:
        made = self._inner.feed(piece)
        self._bytes += len(made)
        if self._bytes > ANSWER_BYTES_MAX:
            raise CompressionError(f"it stands for more than {ANSWER_BYTES_MAX} bytes")
        return made


_GZIP = b"\x1f"
_MEMBERS_MAX = 1000
"""A member may be 20 bytes that stand for nothing, and each costs a new beginning."""


class _Zlib:
    """Reads gzip and zlib, whichever its head says, and deflate without a head, which some servers send (RFC 9110, 8.4.1.2).

    Gzip may have several members, one behind the other (RFC 1952, 2.2). What follows the last and is none is left out, as clients do.
    """

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(wbits=47)
        self._head: bytes | None = b""
        """What has come, until that is enough to tell whether there is a head."""
        self._over = False
        self._members = 1

    def feed(self, piece: bytes) -> bytes:
        try:
            if self._head is None:
                return self._read_on(piece)
            self._head += piece
            return self._begin(self._head) if len(self._head) > 1 else b""
        except zlib.error as error:
            raise CompressionError(str(error)) from error

    def _begin(self, text: bytes) -> bytes:
        self._head = None
        try:
            return self._read_on(text)
        except zlib.error:
            self._zip = zlib.decompressobj(wbits=-15)
            return self._read_on(text)

    def _read_on(self, piece: bytes) -> bytes:
        made = b""
        while piece and not self._over:
            if self._zip.eof:
                self._begin_member(piece)
                continue
            made += self._zip.decompress(piece, PIECE_BYTES_MAX - len(made) + 1)
            if len(made) > PIECE_BYTES_MAX:
                raise CompressionError(f"one piece of it stands for more than {PIECE_BYTES_MAX} bytes")
            piece = self._zip.unused_data
        return made

    def _begin_member(self, piece: bytes) -> None:
        self._over = not piece.startswith(_GZIP)
        self._members += 1
        if self._members > _MEMBERS_MAX:
            raise CompressionError(f"it has more than {_MEMBERS_MAX} members")
        self._zip = zlib.decompressobj(wbits=31)


class _Brotli:
    def __init__(self) -> None:
        self._brotli = brotli.Decompressor()

    def feed(self, piece: bytes) -> bytes:
        try:
            made: bytes = self._brotli.process(piece, output_buffer_limit=PIECE_BYTES_MAX)
        except brotli.error as error:
            raise CompressionError(str(error)) from error
        # The library stops at the first of its own buffers that goes beyond.
        if len(made) > PIECE_BYTES_MAX or not self._brotli.can_accept_more_data():
            raise CompressionError(f"one piece of it stands for more than {PIECE_BYTES_MAX} bytes")
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
                    raise CompressionError(f"one piece of it stands for more than {PIECE_BYTES_MAX} bytes")
        except self._library.ZstdError as error:
            raise CompressionError(str(error)) from error
        return made

    def _next(self) -> Any:
        return self._library.ZstdDecompressor(
            options={self._library.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        )
