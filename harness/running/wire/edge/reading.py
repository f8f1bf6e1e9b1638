"""What a request and its answer say, read on the way through: the model, a digest of the messages, tokens."""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import Annotated, Protocol

import msgspec

from harness.protocols.event_stream import EventStream
from harness.protocols.nonce import without

_WHOLE_BYTES_MAX = 1 << 22
_CHARACTERS_PER_TOKEN = 4


_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None

    @property
    def characters(self) -> int:
        if isinstance(self.content, str):
            return len(self.content)
        return sum(len(part.text or "") for part in self.content or ())


class _Prompt(msgspec.Struct):
    model: str = ""
    messages: msgspec.Raw = msgspec.Raw()


class _Usage(msgspec.Struct):
    """As OpenAI and as Anthropic name it."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    text: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Message | None = None


class _Opening(msgspec.Struct):
    usage: _Usage | None = None


class _Said(msgspec.Struct):
    """A whole answer or one event of a streamed one, of OpenAI's chat completions or Anthropic's messages."""

    usage: _Usage | None = None
    choices: list[_Choice] = []
    message: _Opening | None = None
    delta: _Delta | None = None
    content: list[_Part] = []


class Prompt:
    """The body of a request. What is not there, or not JSON, is empty."""

    def __init__(self, body: bytes) -> None:
        try:
            prompt = _PROMPT.decode(body)
        except msgspec.MsgspecError:
            prompt = _Prompt()
        self.model = prompt.model
        self._messages = bytes(prompt.messages)

    @property
    def messages_sha256(self) -> str:
        """The same for every attempt with the same messages, whatever their nonce."""
        return sha256(without(self._messages)).hexdigest() if self._messages else ""

    @property
    def tokens_estimate(self) -> int | None:
        try:
            return sum(message.characters for message in _MESSAGES.decode(self._messages)) // _CHARACTERS_PER_TOKEN
        except msgspec.MsgspecError:
            return None


_PROMPT = msgspec.json.Decoder(_Prompt)
_MESSAGES = msgspec.json.Decoder(list[_Message])
_SAID = msgspec.json.Decoder(_Said)


class Reader(Protocol):
    """Reads one answer along."""

    @property
    def tokens_in(self) -> int | None:
        """As the provider counts them; None where it does not say."""

    def feed(self, piece: bytes) -> None: ...

    def end(self) -> int | None:
        """The tokens of the answer, counted by the provider or estimated; None where there is no text to count."""


class _Nothing:
    @property
    def tokens_in(self) -> int | None:
        return None

    def feed(self, piece: bytes) -> None: ...

    def end(self) -> int | None:
        return None


class _Tally:
    """Usage and text, from whatever says them."""

    def __init__(self) -> None:
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None
        self.characters: int | None = None

    def read(self, text: bytes) -> None:
        try:
            said = _SAID.decode(text)
        except msgspec.MsgspecError:
            return
        for usage in (said.message.usage if said.message else None, said.usage):
            if usage is not None:
                self.tokens_in = _first(usage.prompt_tokens, usage.input_tokens, self.tokens_in)
                self.tokens_out = _first(usage.completion_tokens, usage.output_tokens, self.tokens_out)
        for choice in said.choices:
            self._hear(choice.delta.content if choice.delta else None)
            self._add(choice.message.characters if choice.message else None)
        self._hear(said.delta.text if said.delta else None)
        for part in said.content:
            self._hear(part.text)

    def total(self) -> int | None:
        if self.tokens_out is not None:
            return self.tokens_out
        return None if self.characters is None else self.characters // _CHARACTERS_PER_TOKEN

    def _hear(self, text: str | None) -> None:
        self._add(None if text is None else len(text))

    def _add(self, characters: int | None) -> None:
        if characters is not None:
            self.characters = (self.characters or 0) + characters


class _Events:
    """Reads a stream of events; a piece may end anywhere."""

    def __init__(self) -> None:
        self._tally = _Tally()
        self._stream = EventStream()

    @property
    def tokens_in(self) -> int | None:
        return self._tally.tokens_in

    def feed(self, piece: bytes) -> None:
        for event in self._stream.feed(piece):
            self._tally.read(event.data)
        if self._stream.pending_bytes > _WHOLE_BYTES_MAX:
            self._stream = EventStream()

    def end(self) -> int | None:
        for event in self._stream.finish():
            self._tally.read(event.data)
        return self._tally.total()


class _Whole:
    """Reads an answer that is one JSON object."""

    def __init__(self) -> None:
        self._tally = _Tally()
        self._body = bytearray()

    @property
    def tokens_in(self) -> int | None:
        return self._tally.tokens_in

    def feed(self, piece: bytes) -> None:
        if len(self._body) <= _WHOLE_BYTES_MAX:
            self._body += piece

    def end(self) -> int | None:
        self._tally.read(bytes(self._body))
        return self._tally.total()


class _Unzipped:
    """Reads an answer that is compressed."""

    def __init__(self, inner: Reader) -> None:
        self._inner = inner
        self._zip = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever its head says
        self._readable = True

    @property
    def tokens_in(self) -> int | None:
        return self._inner.tokens_in

    def feed(self, piece: bytes) -> None:
        if not self._readable:
            return
        try:
            self._inner.feed(self._zip.decompress(piece))
        except zlib.error:
            self._readable = False

    def end(self) -> int | None:
        return self._inner.end()


def reader(status: int, content_type: str, content_encoding: str) -> Reader:
    """What can read an answer with this head; errors, and what is compressed in a way not known here, are not read."""
    if status != 200:
        return _Nothing()
    inner: Reader
    if content_type.startswith("text/event-stream"):
        inner = _Events()
    elif content_type.startswith("application/json"):
        inner = _Whole()
    else:
        return _Nothing()
    match content_encoding.lower():
        case "" | "identity":
            return inner
        case "gzip" | "deflate":
            return _Unzipped(inner)
        case _:
            return _Nothing()


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
