"""An answer, read from its bytes as they come, as leniently as clients read it."""

from __future__ import annotations

from harness.http1.answer_head import END_OF_HEAD, Head, UnreadableError, answer_head
from harness.http1.chunks import ChunkReading

_HEAD_BYTES_MAX = 1 << 18
_SWITCHING = 101


class ResponseReading:
    """Reads one answer, to a HEAD if *to_head*; its head gets the trailer after it.

    Where it *may_switch* to another protocol and does, that is the answer, and `switched` has what came behind it.
    """

    __slots__ = (
        "_chunks",
        "_finished",
        "_left",
        "_may_switch",
        "_text",
        "_to_head",
        "excess",
        "head",
        "interim",
        "pieces",
        "switched",
        "whole",
    )

    def __init__(self, *, to_head: bool, may_switch: bool = False) -> None:
        self.head: Head | None = None
        self.interim: list[Head] = []
        """Those that came before it; to be emptied by who has used them."""
        self.pieces: list[bytes] = []
        """What has come of the body; to be emptied by who has used it."""
        self.whole = False
        self.excess = False
        """Something came after the answer."""
        self.switched: bytes | None = None
        self._to_head = to_head
        self._may_switch = may_switch
        self._text = b""
        self._left = 0
        self._finished = False
        self._chunks: ChunkReading | None = None

    def feed(self, data: bytes) -> None:
        """Read *data*. Raises UnreadableError, once what could be read before has been."""
        if self.head is not None and self.switched is None:
            self._read(self.head, data)
            return
        while self.head is None:
            searched = max(0, len(self._text) - 2)
            self._text += data
            end = END_OF_HEAD.search(self._text, searched)
            if len(self._text if end is None else self._text[: end.end()]) > _HEAD_BYTES_MAX:
                raise UnreadableError(f"the head of the provider's answer is longer than {_HEAD_BYTES_MAX} bytes")
            if end is None:
                self._look_if_http()
                return
            text, data, self._text = self._text[: end.end()], self._text[end.end() :], b""
            if text.strip():  # else it is blank lines before the status line
                self._begin(answer_head(text, to_head=self._to_head))
        if self.head.status == _SWITCHING:
            self.switched = data
        else:
            self._read(self.head, data)

    def finish(self) -> None:
        """Nothing more comes: with that an answer may be whole which says no better where it ends."""
        self._finished = True
        if self._chunks is not None and self.head is not None and not self.whole:
            self._chunks.finish()
            self._look_if_whole(self._chunks, self.head)
        self.whole = self.whole or (self.head is not None and not self.head.framed)

    @property
    def keep_alive(self) -> bool:
        return self.head is not None and self.head.keep_alive and not self._finished

    def _look_if_http(self) -> None:
        # What is no answer need not be waited for.
        begun = self._text.lstrip(b"\r\n")[:5]
        if not b"HTTP/".startswith(begun):
            answer_head(self._text, to_head=False)

    def _begin(self, head: Head) -> None:
        if head.status < 200 and head.interim:
            self.interim.append(head)
            return
        if head.status == _SWITCHING and not self._may_switch:
            raise UnreadableError("the provider switched to a protocol that nobody asked for")
        self.head = head
        self._left = head.length or 0
        if head.chunked:
            self._chunks = ChunkReading(self.pieces)
        self.whole = head.length == 0

    def _read(self, head: Head, data: bytes) -> None:
        if self.whole:
            self.excess = self.excess or bool(data)
        elif self._chunks is not None:
            self._chunks.pieces = self.pieces
            try:
                self._chunks.feed(data)
            finally:
                if self._chunks.whole:
                    self._look_if_whole(self._chunks, head)
        elif head.length is None:
            if data:
                self.pieces.append(data)
        else:
            if data:
                self.pieces.append(data[: self._left])
            self.excess = len(data) > self._left
            self._left -= min(self._left, len(data))
            self.whole = not self._left

    def _look_if_whole(self, chunks: ChunkReading, head: Head) -> None:
        self.excess, self.whole = chunks.excess, chunks.whole
        if self.whole:
            head.trailers[:] = chunks.trailers
