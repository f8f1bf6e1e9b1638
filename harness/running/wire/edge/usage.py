"""Tokens, text, finish and model out of what APIs of models answer: OpenAI's two, Anthropic's, Gemini's, Ollama's and Bedrock's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from harness.protocols.model_stream import UNREADABLE as UNREADABLE
from harness.protocols.sketch import Sketch
from harness.protocols.tool_use import called

Said = TypeVar("Said")

CHARACTERS_PER_TOKEN = 4
_COUNT_MAX = 2**53
_TEXTS = ("text", "content", "parts", "input", "messages", "message")
_THOUGHTS = ("reasoning", "reasoning_text", "thinking")
"""Types of parts in which a model says what it thinks, which its clients keep apart from the answer."""


_IN = {
    "prompt_tokens": (),
    "input_tokens": ("cache_creation_input_tokens", "cache_read_input_tokens"),
    "promptTokenCount": (),
    "inputTokens": ("cacheReadInputTokens", "cacheWriteInputTokens"),
    "inputTokenCount": ("cacheReadInputTokenCount", "cacheWriteInputTokenCount"),
}
"""Names of the count of a prompt, in each API's words, each with those of what it leaves out: what a cache of prompts was told or knew is
counted beside it at Anthropic (docstring of `anthropic.types.Message.usage`) and Bedrock, and within it at OpenAI and Google."""
_OUT = ("completion_tokens", "output_tokens", "outputTokens", "outputTokenCount")
"""Names of the count of an answer."""


class _Holder(msgspec.Struct):
    usage: Any = None


class _Counts(msgspec.Struct):
    """What of an answer says how many tokens it was, in each API's words."""

    usage: Any = None  # OpenAI, Anthropic
    usageMetadata: Any = None  # Gemini  # noqa: N815 - its name there
    message: _Holder | str | None = None  # Anthropic's first event
    response: _Holder | str | None = None  # the last event of OpenAI's responses, which repeats all
    prompt_eval_count: Any = None  # Ollama
    eval_count: Any = None
    invocation: Any = msgspec.field(
        default=None, name="amazon-bedrock-invocationMetrics"
    )  # the last event of any model's there


class _Texts(msgspec.Struct):
    """What of an answer, whole or one event of a stream, is text."""

    choices: Any = None  # OpenAI's chats
    message: Any = None  # Ollama's every line
    delta: Any = None  # Anthropic's, and in OpenAI's responses a text
    content: Any = None  # Anthropic's whole answer
    output: Any = None  # OpenAI's whole responses, Bedrock's whole answer
    candidates: Any = None  # Gemini
    promptFeedback: Any = None  # of a prompt that it refuses  # noqa: N815 - its name there
    type: Any = None
    stop_reason: Any = None  # Anthropic's whole answer
    stopReason: Any = None  # Bedrock  # noqa: N815 - its name there
    done_reason: Any = None  # Ollama's last line
    status: Any = None  # OpenAI's whole responses
    model: Any = None
    modelVersion: Any = None  # Gemini  # noqa: N815 - its name there
    response: Any = None  # the last event of OpenAI's responses


class _Delta(msgspec.Struct):
    content: str | None = None


class _Message(msgspec.Struct):
    """One whose text stands in one place; whatever else could be read of it, it does not have."""

    content: str | None = None
    text: None = None
    parts: None = None
    input: None = None
    messages: None = None
    message: None = None
    type: None = None
    thought: None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None


class _WholeChoice(msgspec.Struct):
    message: _Message
    delta: None = None
    text: None = None
    finish_reason: str | None = None


class _WholeChat(msgspec.Struct):
    """What most documents are that are no event of a stream: a chat's answer."""

    choices: list[_WholeChoice]
    model: Any = None
    modelVersion: None = None  # noqa: N815 - its name at Gemini's
    message: None = None
    delta: None = None
    content: None = None
    output: None = None
    candidates: None = None
    promptFeedback: None = None  # noqa: N815 - likewise
    type: None = None
    stop_reason: None = None
    stopReason: None = None  # noqa: N815 - its name at Bedrock's
    done_reason: None = None
    status: None = None
    response: None = None


class _Chunk(msgspec.Struct):
    """What most of all documents are: one event of a streamed chat."""

    choices: list[_Choice]
    model: Any = None


_COUNTS = msgspec.json.Decoder(_Counts | list[_Counts])
_TEXT = msgspec.json.Decoder(_Texts | list[_Texts])
_CHUNK = msgspec.json.Decoder(_Chunk)
_WHOLE = msgspec.json.Decoder(_WholeChat)
_PLAIN = msgspec.json.Decoder(list[_Message])
"""What most prompts are: messages whose text stands in one place."""
_TEXT_BYTES_MAX = 1 << 17
"""The text of a longer document is not counted, since its parts may be any number."""
_OF_TOOLS = (b"tool_calls", b"tool_use", b"toolUse", b"function_call", b"functionCall")
_IN_ALL = (b"tool", b"function")
"""One of them is in each of those; most texts have none, and are looked through twice in place of five times."""
_FINISH_CHARS_MAX = 40
_MODEL_CHARS_MAX = 100
_ENDED = frozenset({"completed", "incomplete", "failed"})
"""What OpenAI's responses say of themselves when there is no more to come."""


class Tally:
    """Tokens as the provider counts them, the text by its length and its sketch, and why it ended, from whatever says them.

    *finish*: the reason that is given for the end, in the API's words, and *model* the one that is named; empty until they are given.
    *tools*: the names of those that it calls.
    """

    def __init__(self) -> None:
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None
        self.characters: int | None = None
        self.finish = ""
        self.model = ""
        self.sketch = Sketch()
        self.tools: list[str] = []
        self._calls: set[object] = set()

    def read(self, text: bytes) -> bool:
        """What is no JSON, or of another form, says nothing; whether all of it could be read."""
        read = True
        if b"usage" in text or b"eval_count" in text or b"invocationMetrics" in text:
            read = self._counted(text)
        if len(text) > _TEXT_BYTES_MAX:
            return False
        if (_IN_ALL[0] in text or _IN_ALL[1] in text) and any(word in text for word in _OF_TOOLS):
            self._call(text)
        try:
            self._hear(text)
        except msgspec.ValidationError:
            pass
        except UNREADABLE:
            return False
        return read

    def _call(self, text: bytes) -> None:
        try:
            documents = _each(msgspec.json.decode(text))
        except UNREADABLE:
            return
        for one in (call for document in documents for call in called(document)):
            if one.id is None or one.id not in self._calls:
                self.tools.append(one.name)
                self._calls.add(one.id)

    def _counted(self, text: bytes) -> bool:
        try:
            for counts in _each(_COUNTS.decode(text)):
                self._count(counts)
        except msgspec.ValidationError:
            return True
        except UNREADABLE:
            return False
        return True

    @property
    def tokens_estimate(self) -> int | None:
        return None if self.characters is None else self.characters // CHARACTERS_PER_TOKEN

    def _count(self, said: _Counts) -> None:
        held = [each.usage for each in (said.message, said.response) if isinstance(each, _Holder)]
        for usage in (*held, said.usage, said.usageMetadata, said.invocation):
            if isinstance(usage, dict):
                self._take(usage)
        self.tokens_in = _first(count_of(said.prompt_eval_count), self.tokens_in)
        self.tokens_out = _first(count_of(said.eval_count), self.tokens_out)

    def _take(self, usage: dict[str, object]) -> None:
        self.tokens_in = _first(*(_with_cached(usage, name) for name in _IN if name in usage), self.tokens_in)
        self.tokens_out = _first(*(count_of(usage[name]) for name in _OUT if name in usage), self.tokens_out)
        candidates = count_of(usage.get("candidatesTokenCount"))
        if candidates is not None:
            self.tokens_out = candidates + (count_of(usage.get("thoughtsTokenCount")) or 0)

    def _hear(self, text: bytes) -> None:
        # No document is of both forms but one that has nothing but its model to say.
        chunk_first = b'"delta"' in text
        for hear in (self._hear_chunk, self._hear_whole) if chunk_first else (self._hear_whole, self._hear_chunk):
            try:
                hear(text)
            except msgspec.ValidationError:
                continue
            return
        for said in _each(_TEXT.decode(text)):
            self._hear_any(said)

    def _hear_chunk(self, text: bytes) -> None:
        chunk = _CHUNK.decode(text)
        if not self.model:
            self._name(chunk.model)
        for choice in chunk.choices:
            if (said := choice.delta.content) is not None:
                self._say(said)
            if (reason := choice.finish_reason) is not None:
                self._finish(reason)

    def _hear_whole(self, text: bytes) -> None:
        whole = _WHOLE.decode(text)
        self._name(whole.model)
        for choice in whole.choices:
            if (said := choice.message.content) is not None:
                self._say(said)
            if (reason := choice.finish_reason) is not None:
                self._finish(reason)

    def _hear_any(self, said: _Texts) -> None:
        for name in (said.model, said.modelVersion, _of(said.message, "model"), _of(said.response, "model")):
            self._name(name)
        for choice in _list(said.choices):
            self._add(_of(choice, "delta"))
            self._add(_of(choice, "message"))
            self._add(_of(choice, "text"))
            self._finish(_of(choice, "finish_reason"))
        for candidate in _list(said.candidates):
            self._add(_of(candidate, "content"))
            self._finish(_of(candidate, "finishReason"))
        if isinstance(said.delta, dict) or said.type == "response.output_text.delta":
            self._add(said.delta)
        for found in (said.message, said.content, said.output):
            self._add(found)
        for reason in (said.stop_reason, said.stopReason, _of(said.delta, "stop_reason"), said.done_reason):
            self._finish(reason)
        self._finish(_of(said.promptFeedback, "blockReason"))
        for status in (said.status, _of(said.response, "status")):
            self._finish(status if isinstance(status, str) and status in _ENDED else None)

    def _add(self, said: object) -> None:
        for text in texts(said, thoughts=False):
            self._say(text)

    def _say(self, text: str | None) -> None:
        if text is not None:
            self.characters = (self.characters or 0) + len(text)
            self.sketch.add(text)

    def _name(self, model: object) -> None:
        if isinstance(model, str):
            self.model = self.model or model[:_MODEL_CHARS_MAX]

    def _finish(self, reason: object) -> None:
        if isinstance(reason, str):
            self.finish = reason[:_FINISH_CHARS_MAX]


def texts(said: object, *, thoughts: bool = True) -> Iterator[str]:
    """Each text in *said*: a text, a message, its parts, or several of any; without *thoughts*, only what is part of an answer."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        if not thoughts and (said.get("thought") is True or said.get("type") in _THOUGHTS):
            return
        for name in _TEXTS:
            if (held := said.get(name)) is not None:
                yield from texts(held, thoughts=thoughts)
    elif isinstance(said, list):
        for each in said:
            yield from texts(each, thoughts=thoughts)


def characters(said: object) -> int | None:
    """How long the text is in *said*; None where there is none."""
    counts = [len(text) for text in texts(said)]
    return sum(counts) if counts else None


def characters_in(written: bytes) -> int | None:
    """As `characters`, of what *written* says; None, too, where that is no JSON."""
    try:
        counts = [len(each.content) for each in _PLAIN.decode(written) if each.content is not None]
        return sum(counts) if counts else None
    except msgspec.ValidationError:
        pass  # as some messages have parts
    except UNREADABLE:
        return None
    try:
        return characters(msgspec.json.decode(written))
    except UNREADABLE:
        return None


def _each(said: Said | list[Said]) -> list[Said]:
    return said if isinstance(said, list) else [said]


def _list(said: object) -> list[object]:
    return said if isinstance(said, list) else []


def _of(said: object, name: str) -> object:
    return said.get(name) if isinstance(said, dict) else None


def count_of(said: object) -> int | None:
    """*said* as a count of tokens; None where it is none."""
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < _COUNT_MAX else None


def _with_cached(usage: dict[str, object], name: str) -> int | None:
    """The count of a prompt that is called *name*, with what of it a cache was told or knew."""
    counted = count_of(usage[name])
    return None if counted is None else counted + sum(count_of(usage.get(beside)) or 0 for beside in _IN[name])


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
