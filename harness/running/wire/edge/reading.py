"""What an answer says, read on the way through, and bounded: its tokens, its text as a sketch, why it ended, and its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Protocol

import msgspec

from harness.http1.decompression import AS_IT_STANDS, CompressionError, decompression
from harness.protocols.amazon_frames import Frames
from harness.protocols.answer_form import BYTE_ORDER_MARK, Beginning, Form, named
from harness.protocols.event_stream import JSON, EventStream
from harness.protocols.tool_use import listed
from harness.record.rows import TokensFrom
from harness.running.wire.edge.usage import UNREADABLE, Tally
from harness.running.wire.looking_on import LookingOn

_WHOLE_BYTES_MAX = 1 << 20
"""An answer in one piece, an event or a line that is longer is not read: to parse it would hold up all else."""


class _Form(Protocol):
    """Finds the JSON documents in an answer, and has *tally* read them."""

    @property
    def claimed(self) -> bool:
        """Whether it is known to be of that form, so that what cannot be read of it has been missed."""

    def feed(self, text: bytes) -> bool:
        """Read on; whether that goes on being of use."""

    def end(self) -> bool:
        """There is no more; whether it was what its head says."""


class AnswerReading:
    """Reads one answer along. Whatever reading it raises is noted here, and neither the answer nor its row ever suffers.

    What it came to is there from its `end` on.
    """

    tokens_in: int | None = None
    """As the provider counts them; None where it does not say."""
    tokens_out: int | None = None
    """As the provider counts them, else as the length of the text has it; None where there is no text to count."""
    tokens_from: TokensFrom = ""
    """Who counted them."""
    finish = ""
    """The reason that it gives for its end, in the words of its API; empty where it gives none."""
    model = ""
    """The model that it says it is from; empty where it names none."""
    tools = ""
    """The names of the tools that it calls, as `protocols.tool_use` writes them."""
    sketch = ""
    """Its text as `protocols.sketch` writes it; empty where there was none, or not all of it could be read."""

    def __init__(self, status: int, content_type: str, content_encoding: str) -> None:
        self._tally = Tally()
        self._looking = LookingOn("an answer")
        self._form = _form(content_type)(self._tally) if 200 <= status < 300 else None
        self._decompression = decompression(content_encoding) if self._form else None
        self._unread = self._form is not None and self._form.claimed and self._decompression is None
        self._missed = self._unread
        """Whether something was said that could not be read, and not only at its end, where its clients read no more either."""

    def feed(self, piece: bytes) -> None:
        form, packed = self._form, self._decompression
        if form is None or packed is None:
            return
        readable = False
        try:
            readable = form.feed(piece if packed is AS_IT_STANDS else packed.feed(piece))
        except CompressionError:
            pass  # It is not readable, then.
        except Exception as error:  # noqa: BLE001 - as `LookingOn` says
            self._looking.note(error)
        if not readable:
            self._unread = self._missed = form.claimed or self._looking.failed
            self._form = None

    def end(self, *, whole: bool = True) -> None:
        """There is no more; *whole*: that is all there was to be."""
        if self._form is not None and self._decompression is not None:
            readable = False
            try:
                readable = self._form.end()
            except Exception as error:  # noqa: BLE001 - as above
                self._looking.note(error)
            self._unread = self._unread or self._looking.failed or (whole and not readable)
        self._conclude(self._tally)

    def _conclude(self, tally: Tally) -> None:
        estimate = tally.tokens_estimate
        self.tokens_in, self.finish, self.model = tally.tokens_in, tally.finish, tally.model
        self.tokens_out = estimate if tally.tokens_out is None else tally.tokens_out
        if tally.tokens_out is not None:
            self.tokens_from = "provider"
        elif self._unread:
            self.tokens_from = "unread"
        else:
            self.tokens_from = "" if estimate is None else "estimate"
        self.tools = listed(tally.tools)
        told = tally.characters is not None or bool(tally.finish)
        if told and not (self._missed or self._looking.failed):
            self.sketch = str(tally.sketch)


@lru_cache(maxsize=64)
def _form(content_type: str) -> Callable[[Tally], _Form]:
    """By what an answer of this type is read."""
    form = Beginning(content_type).form
    return _READ[form] if form else partial(_Begun, content_type=content_type)


class _Begun:
    """What is told by how it begins, as its clients take it; where its type says nothing that could be counted, it claims nothing."""

    def __init__(self, tally: Tally, content_type: str) -> None:
        self._tally = tally
        self._beginning: Beginning | None = None
        self._form: _Form | None = None
        self._content_type, self._named = content_type, named(content_type)
        self.claimed = bool(self._named)

    def feed(self, text: bytes) -> bool:
        if self._form is not None:
            return self._form.feed(text)
        if self._beginning is None:
            if text.startswith(JSON):
                return self._begin(self._named or "document", text)
            self._beginning = Beginning(self._content_type)
        text = self._beginning.feed(text)
        return self._beginning.form is None or self._begin(self._beginning.form, text)

    def end(self) -> bool:
        if self._form is None:
            beginning = self._beginning or Beginning(self._content_type)
            text = beginning.finish()
            self._begin(beginning.form or "", text)
        return (self._form is None or self._form.end()) or not self.claimed

    def _begin(self, form: Form, text: bytes) -> bool:
        if not form:
            return False
        self.claimed = self.claimed or form == "events"
        self._form = _READ[form](self._tally)
        return self._form.feed(text)


class _Events:
    """A stream of events; a piece may end anywhere."""

    claimed = True

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._stream = EventStream()

    def feed(self, text: bytes) -> bool:
        if (one := self._stream.one(text)) is not None:
            self._tally.read(one)
            return True
        for event in self._stream.feed(text):
            self._tally.read(event.data)
        return self._stream.pending_bytes <= _WHOLE_BYTES_MAX

    def end(self) -> bool:
        for event in self._stream.finish():
            self._tally.read(event.data)
        return True


class _Lines:
    """One JSON object a line."""

    claimed = True

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._line = b""

    def feed(self, text: bytes) -> bool:
        *lines, self._line = (self._line + text).split(b"\n")
        for line in lines:
            self._tally.read(line)
        return len(self._line) <= _WHOLE_BYTES_MAX

    def end(self) -> bool:
        self._tally.read(self._line)
        return True


class _Whole:
    """One JSON document."""

    claimed = True

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._pieces: list[bytes] = []
        self._bytes = 0

    def feed(self, text: bytes) -> bool:
        self._pieces.append(text)
        self._bytes += len(text)
        return self._bytes <= _WHOLE_BYTES_MAX

    def end(self) -> bool:
        # Clients take a mark of the byte order, which JSON may not have (RFC 8259, 8.1).
        body = b"".join(self._pieces).removeprefix(BYTE_ORDER_MARK)
        return self._tally.read(body) or not body.strip()


class _Invoked(msgspec.Struct):
    """Where a model was invoked, what it says is in base64."""

    wrapped: bytes = msgspec.field(default=b"", name="bytes")


_INVOKED = msgspec.json.Decoder(_Invoked)


def _document(said: bytes) -> bytes:
    try:
        return _INVOKED.decode(said).wrapped or said
    except UNREADABLE:
        return said


class _Frames:
    """A stream of Amazon's, of frames with a document each."""

    claimed = True

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._frames = Frames()

    def feed(self, text: bytes) -> bool:
        for block in self._frames.feed(text):
            # What went wrong is no part of what the model says.
            if block.event is not None:
                self._tally.read(_document(block.event.data))
        return not self._frames.lost

    def end(self) -> bool:
        return not self._frames.pending_bytes


_READ: Mapping[Form, Callable[[Tally], _Form]] = {
    "events": _Events,
    "frames": _Frames,
    "lines": _Lines,
    "document": _Whole,
}
