"""A body in chunks, read from its bytes as they come, as leniently as clients do (RFC 9112, 7.1 and 2.2: LF alone may end a line)."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Literal

from harness.http1.answer_head import UnreadableError, header_lines
from harness.http1.headers import Headers

_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]+)[ \t]*(?:;.*)?\r?", re.DOTALL)
_LAST = re.compile(rb"[ \t]*0+[ \t]*(?:;.*)?\r?", re.DOTALL)
_PLAIN_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_SIZE_MAX = 1 << 63
_LINE_BYTES_MAX = 1 << 14
_TRAILER_BYTES_MAX = 1 << 18
_NO_SIZE = "what is no hexadecimal number for its size"


class ChunkReading:
    """*pieces* get what is in the chunks, and `trailers` what comes behind the last one."""

    __slots__ = ("_at", "_left", "_line", "_trailer", "_trailer_bytes", "excess", "pieces", "trailers", "whole")

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.excess = self.whole = False
        """Something followed the body; it has ended."""
        self._at: Literal["size", "data", "end of data", "trailer", "end"] = "size"
        self.trailers: Headers = []
        self._trailer: list[bytes] = []
        self._left = self._trailer_bytes = 0
        self._line = b""

    def feed(self, data: bytes) -> None:
        """Read *data*. Raises UnreadableError, once what could be read before has been."""
        place = 0
        while place < len(data):
            if self._at == "size" and not self._line and (end := self._whole_chunk(data, place)):
                place = end
            elif self._at == "data":
                piece = data[place : place + self._left]
                self.pieces.append(piece)
                self._left -= len(piece)
                place += len(piece)
                self._at = "data" if self._left else "end of data"
            elif self._at == "end":
                # Some send one line end too many, and clients overlook it.
                self.excess = self.excess or bool(data[place:].strip(b"\r\n"))
                return
            else:
                place = self._read_line(data, place)

    def finish(self) -> None:
        """Nothing more comes. With its last chunk the body is whole, and what should end behind that need not (RFC 9112, 8)."""
        if self._at == "trailer" or (self._at == "size" and _LAST.fullmatch(self._line)):
            self._end()

    def _whole_chunk(self, data: bytes, place: int) -> int:
        """Read the chunk at *place*, and return the place behind it; 0, and nothing is read, where it is not plain and whole."""
        line = _PLAIN_SIZE.match(data, place)
        if line is None:
            return 0
        end = line.end() + int(line[1], 16)
        if end == line.end() or data[end : end + 2] != b"\r\n":
            return 0
        self.pieces.append(data[line.end() : end])
        return end + 2

    def _read_line(self, data: bytes, place: int) -> int:
        """Read up to the end of a line, and return the place behind it; of one that is not whole yet, what there is is kept."""
        end = data.find(b"\n", place)
        line = self._line + data[place : end if end >= 0 else len(data)]
        if len(line) > _LINE_BYTES_MAX:
            raise self._unreadable(f"a line of more than {_LINE_BYTES_MAX} bytes")
        if end < 0:
            self._line = line
            self._look(line)
            return len(data)
        self._line = b""
        self._take(line)
        return end + 1

    def _look(self, line: bytes) -> None:
        """What can be no line of its kind, however it goes on, need not be waited for."""
        if self._at == "end of data" and line not in (b"", b"\r"):
            raise self._unreadable("something else where its end should be")
        if self._at == "size" and line.strip(b" \t\r") and not _SIZE.match(line):
            raise self._unreadable(_NO_SIZE)

    def _take(self, line: bytes) -> None:
        self._look(line)
        if self._at == "end of data":
            self._at = "size"
        elif self._at == "trailer":
            self._trailer_bytes += len(line)
            if self._trailer_bytes > _TRAILER_BYTES_MAX:
                raise self._unreadable(f"a trailer of more than {_TRAILER_BYTES_MAX} bytes")
            if line := line.removesuffix(b"\r"):
                self._trailer.append(line)
            else:
                self._end()
        else:
            match = _SIZE.fullmatch(line)
            if match is None:
                raise self._unreadable(_NO_SIZE)
            self._left = int(match[1], 16)
            if self._left >= _SIZE_MAX:
                raise self._unreadable("a size of more than 63 bits")
            self._at = "data" if self._left else "trailer"

    def _end(self) -> None:
        self._at, self.whole = "end", True
        # The body is whole: what is no trailer is left out, and nothing else.
        with suppress(UnreadableError):
            self.trailers = header_lines(self._trailer)

    @staticmethod
    def _unreadable(what: str) -> UnreadableError:
        return UnreadableError(f"a chunk of the provider's answer cannot be read: it has {what}")
