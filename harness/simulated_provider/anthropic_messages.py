"""Anthropic's messages, word for word: one block of text or one call of a tool, whole or as typed events."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from harness.simulated_provider.answers import Message, Part
from harness.simulated_provider.asking import Api, Asked, Completion, Events, Finish, JsonObject, Usage, encode, event
from harness.simulated_provider.tools import Call


class _Request(msgspec.Struct):
    messages: list[Message]
    max_tokens: int
    model: str = "simulated"
    system: str | list[Part] | None = None
    stream: bool = False


class Typed(Events):
    """The events of one message with one block."""

    def begin(self) -> bytes:
        return self._begin({"type": "text", "text": ""})

    def call(self, call: Call) -> bytes:
        given = {"type": "input_json_delta", "partial_json": call.arguments}
        return self._begin(_used(call) | {"input": {}}) + _event("content_block_delta", index=0, delta=given)

    def _begin(self, block: JsonObject) -> bytes:
        message = _message(self.completion, [], None, Usage(self.completion.tokens_in, 1))
        return b"".join(
            [
                _event("message_start", message=message),
                _event("content_block_start", index=0, content_block=block),
                _event("ping"),
            ]
        )

    def content(self, text: str) -> bytes:
        return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def end(self, finish: Finish, usage: Usage) -> bytes:
        why = {"stop_reason": _STOP[finish], "stop_sequence": None}
        return b"".join(
            [
                _event("content_block_stop", index=0),
                _event("message_delta", delta=why, usage={"output_tokens": usage.tokens_out}),
                _event("message_stop"),
            ]
        )


class Messages(Api):
    """``/v1/messages``."""

    path: ClassVar[str] = "/v1/messages"
    dialect: ClassVar[str] = "anthropic"
    events: ClassVar[type[Events]] = Typed

    def read(self, body: bytes) -> Asked:
        request = msgspec.json.decode(body, type=_Request)
        told = [Message("system", request.system)] if request.system else []
        return Asked([*told, *request.messages], request.model, request.stream, request.max_tokens)

    def whole(self, completion: Completion, text: str, finish: Finish, usage: Usage) -> bytes:
        return encode(_message(completion, [{"type": "text", "text": text}], _STOP[finish], usage))

    def calling(self, completion: Completion, call: Call, usage: Usage) -> bytes:
        return encode(_message(completion, [_used(call)], _STOP["tool_calls"], usage))


_STOP: dict[Finish, str] = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def _used(call: Call) -> JsonObject:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.given}


def _message(completion: Completion, content: list[JsonObject], stop: str | None, usage: Usage) -> JsonObject:
    return {
        "id": f"msg_{completion.digest}",
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.tokens_in,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": usage.tokens_out,
            "service_tier": "standard",
        },
    }


def _event(kind: str, **said: object) -> bytes:
    return event({"type": kind, **said}, kind)
