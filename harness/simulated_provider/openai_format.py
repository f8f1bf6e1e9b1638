"""What OpenAI's chat completions API says, word for word: chunks, completions, models and errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode

JsonObject = dict[str, object]


class Usage(NamedTuple):
    prompt_tokens: int
    completion_tokens: int


class Completion(NamedTuple):
    """What all chunks of one answer have in common."""

    id: str
    created: int  # seconds since 1970
    model: str
    fingerprint: str


Finish = Literal["stop", "length"]


def whole(completion: Completion, text: str, finish: Finish, usage: Usage) -> bytes:
    """The answer to a request that does not stream."""
    message: JsonObject = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return _encode(_common(completion, "chat.completion") | {"choices": [choice], "usage": _usage(usage)})


class Chunks:
    """The events of one streamed answer; *with_usage* adds the usage chunk, and ``"usage": null`` to all others."""

    def __init__(self, completion: Completion, *, with_usage: bool) -> None:
        self._common = _common(completion, "chat.completion.chunk")
        self._with_usage = with_usage

    def role(self) -> bytes:
        return self._choice({"role": "assistant", "content": "", "refusal": None}, None)

    def content(self, text: str) -> bytes:
        return self._choice({"content": text}, None)

    def end(self, finish: Finish, usage: Usage) -> bytes:
        """The chunk with the finish reason, the usage chunk if it was asked for, and ``[DONE]``."""
        last = _event(self._common | {"choices": [], "usage": _usage(usage)}) if self._with_usage else b""
        return self._choice({}, finish) + last + b"data: [DONE]\n\n"

    def _choice(self, delta: JsonObject, finish: Finish | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(self._common | {"choices": [choice]} | ({"usage": None} if self._with_usage else {}))


def models(names: Iterable[str]) -> bytes:
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "harness"} for name in names]
    return _encode({"object": "list", "data": listed})


def error(message: str, kind: str, code: str | None = None) -> bytes:
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


OVERLOADED = error(
    "The engine is currently overloaded, please try again later", "service_unavailable_error", "server_is_overloaded"
)


def _common(completion: Completion, kind: str) -> JsonObject:
    return {
        "id": completion.id,
        "object": kind,
        "created": completion.created,
        "model": completion.model,
        "service_tier": "default",
        "system_fingerprint": completion.fingerprint,
    }


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _event(chunk: JsonObject) -> bytes:
    return b"data: " + _encode(chunk) + b"\n\n"
