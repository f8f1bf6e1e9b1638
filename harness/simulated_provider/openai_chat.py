"""OpenAI's chat completions, word for word: chunks, completions and models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from harness.simulated_provider.answers import Message
from harness.simulated_provider.asking import Api, Asked, Completion, Events, Finish, JsonObject, Usage, encode, event
from harness.simulated_provider.tools import Call


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Chat(msgspec.Struct):
    messages: list[Message]
    model: str = "simulated"
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


class Chunks(Events):
    """Chunks; one that asks for usage gets a chunk with it at the end, and ``"usage": null`` in all others."""

    def __init__(self, completion: Completion, asked: Asked) -> None:
        super().__init__(completion, asked)
        self._common = _common(completion, "chat.completion.chunk")

    def begin(self) -> bytes:
        return self._choice({"role": "assistant", "content": "", "refusal": None}, None)

    def call(self, call: Call) -> bytes:
        """The chunk that names the tool, and one with all that it is given."""
        named = {"index": 0, **_called(call._replace(arguments=""))}
        given = {"index": 0, "function": {"arguments": call.arguments}}
        begun: JsonObject = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [named]}
        return self._choice(begun, None) + self._choice({"tool_calls": [given]}, None)

    def content(self, text: str) -> bytes:
        return self._choice({"content": text}, None)

    def end(self, finish: Finish, usage: Usage) -> bytes:
        """The chunk with the finish reason, the usage chunk if it was asked for, and ``[DONE]``."""
        last = event(self._common | {"choices": [], "usage": _usage(usage)}) if self.asked.with_usage else b""
        return self._choice({}, finish) + last + b"data: [DONE]\n\n"

    def _choice(self, delta: JsonObject, finish: Finish | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event(self._common | {"choices": [choice]} | ({"usage": None} if self.asked.with_usage else {}))


class Chat(Api):
    """``/v1/chat/completions``."""

    path: ClassVar[str] = "/v1/chat/completions"
    events: ClassVar[type[Events]] = Chunks

    def read(self, body: bytes) -> Asked:
        chat = msgspec.json.decode(body, type=_Chat)
        with_usage = chat.stream_options is not None and chat.stream_options.include_usage
        limit = chat.max_completion_tokens or chat.max_tokens
        return Asked(chat.messages, chat.model, chat.stream, limit, with_usage)

    def whole(self, completion: Completion, text: str, finish: Finish, usage: Usage) -> bytes:
        return _whole(completion, {"content": text}, finish, usage)

    def calling(self, completion: Completion, call: Call, usage: Usage) -> bytes:
        return _whole(completion, {"content": None, "tool_calls": [_called(call)]}, "tool_calls", usage)


def models(names: Iterable[str]) -> bytes:
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "harness"} for name in names]
    return encode({"object": "list", "data": listed})


def _whole(completion: Completion, said: JsonObject, finish: Finish, usage: Usage) -> bytes:
    message: JsonObject = {"role": "assistant", "refusal": None, "annotations": [], **said}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return encode(_common(completion, "chat.completion") | {"choices": [choice], "usage": _usage(usage)})


def _called(call: Call) -> JsonObject:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _common(completion: Completion, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{completion.digest}",
        "object": kind,
        "created": completion.created,
        "model": completion.model,
        "service_tier": "default",
        "system_fingerprint": f"fp_{completion.region}",
    }


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
