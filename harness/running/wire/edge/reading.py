"""What an answer says, read on the way through, and bounded: its tokens, its text as a sketch, why it ended, and its model."""

from __future__ import annotations

from typing import Protocol

from harness.protocols.event_stream import EventStream
from harness.record.rows import TokensFrom
from harness.running.wire.edge.decompression import Decompression, UnreadableError, decompression
from harness.running.wire.edge.usage import Tally
from harness.running.wire.looking_on import LookingOn

_WHOLE_BYTES_MAX = 1 << 20
"""An answer in one piece, an event or a line that is longer is not read: to parse it would hold up all else."""


class _Form(Protocol):
    """Finds the JSON documents in an answer, and has *tally* read them."""

    def feed(self, text: bytes) -> bool:
        """Read on; whether that goes on being of use."""

    def end(self) -> None: ...


class AnswerReading:
    """Reads one answer along. Whatever reading it raises is noted here, and neither the answer nor its row ever suffers."""

    def __init__(self, status: int, content_type: str, content_encoding: str) -> None:
        self._tally = Tally()
        self._looking = LookingOn("an answer")
        self._form = _form(content_type, self._tally) if status == 200 else None
        self._decompression = decompression(content_encoding) if self._form else None
        self._unread = self._form is not None and self._decompression is None

    @property
    def tokens_in(self) -> int | None:
        """As the provider counts them; None where it does not say."""
        return self._tally.tokens_in

    @property
    def tokens_out(self) -> int | None:
        """As the provider counts them, else as the length of the text has it; None where there is no text to count."""
        counted = self._tally.tokens_out
        return self._tally.tokens_estimate if counted is None else counted

    @property
    def tokens_from(self) -> TokensFrom:
        """Who counted them."""
        if self._tally.tokens_out is not None:
            return "provider"
        if self._unread:
            return "unread"
        return "" if self.tokens_out is None else "estimate"

    @property
    def finish(self) -> str:
        """The reason that it gives for its end, in the words of its API; empty where it gives none."""
        return self._tally.finish

    @property
    def model(self) -> str:
        """The model that it says it is from; empty where it names none."""
        return self._tally.model

    @property
    def sketch(self) -> str:
        """Its text as `protocols.sketch` writes it; empty where there was none, or not all of it could be read."""
        told = self._tally.characters is not None or bool(self._tally.finish)
        return str(self._tally.sketch) if told and not self._unread else ""

    def feed(self, piece: bytes) -> None:
        if self._form is None or self._decompression is None:
            return
        readable = False
        with self._looking:
            readable = self._read(self._form, self._decompression, piece)
        if not readable:
            self._form, self._unread = None, True

    def end(self) -> None:
        """There is no more."""
        if self._form is not None:
            with self._looking:
                self._form.end()
            self._unread = self._unread or self._looking.failed

    @staticmethod
    def _read(form: _Form, packed: Decompression, piece: bytes) -> bool:
        try:
            return form.feed(packed.feed(piece))
        except UnreadableError:
            return False


def _form(content_type: str, tally: Tally) -> _Form | None:
    """By what an answer of this type is read; None where it says nothing that could be counted."""
    match content_type.partition(";")[0].strip().lower():
        case "text/event-stream":
            return _Events(tally)
        case "application/x-ndjson" | "application/jsonl":
            return _Lines(tally)
        case "application/json":
            return _Whole(tally)
        case _:
            return None


class _Events:
    """A stream of events; a piece may end anywhere."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._stream = EventStream()

    def feed(self, text: bytes) -> bool:
        for event in self._stream.feed(text):
            self._tally.read(event.data)
        return self._stream.pending_bytes <= _WHOLE_BYTES_MAX

    def end(self) -> None:
        for event in self._stream.finish():
            self._tally.read(event.data)


class _Lines:
    """One JSON object a line."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._line = b""

    def feed(self, text: bytes) -> bool:
        *lines, self._line = (self._line + text).split(b"\n")
        for line in lines:
            self._tally.read(line)
        return len(self._line) <= _WHOLE_BYTES_MAX

    def end(self) -> None:
        self._tally.read(self._line)


class _Whole:
    """One JSON document."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._body = bytearray()

    def feed(self, text: bytes) -> bool:
        self._body += text
        return len(self._body) <= _WHOLE_BYTES_MAX

    def end(self) -> None:
        self._tally.read(bytes(self._body))
