"""Whole answers of models as three APIs word them, and calls of tools, whole and streamed, for tests that act on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TEXT = "On day 30 all is well"
_CALLED = {"name": "find", "arguments": '{"day":30}'}


def chat(text: str | None = TEXT, **message: Any) -> dict[str, Any]:
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 6,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 2},
    }
    said = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [said], "usage": usage}


def response(*output: dict[str, Any], text: str = TEXT) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "o", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": 7, "output_tokens": 6, "total_tokens": 13}
    about = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed", "usage": usage}
    return {**about, "output": list(output) or [message]}


def message(*content: dict[str, Any], text: str = TEXT) -> dict[str, Any]:
    said = list(content) or [{"type": "text", "text": text}]
    about = {"id": "a", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return {**about, "content": said, "usage": {"input_tokens": 7, "output_tokens": 6}}


WHOLE: Mapping[str, dict[str, Any]] = {"chat": chat(), "responses": response(), "messages": message()}
CALLS: Mapping[str, dict[str, Any]] = {
    "chat": chat(None, tool_calls=[{"id": "t", "type": "function", "function": _CALLED}]),
    "responses": response({"type": "function_call", "id": "f", "call_id": "t", "status": "completed", **_CALLED}),
    "messages": message({"type": "tool_use", "id": "t", "name": "find", "input": {"day": 30}}),
}
"""An answer that calls one tool."""


def streamed_call() -> list[bytes]:
    """The call of a tool as OpenAI's chats stream it: its arguments in three pieces."""

    def chunk(delta: object, finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        said = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
        return b"data: " + json.dumps(said).encode() + b"\n\n"

    first = {"index": 0, "id": "t", "type": "function", "function": {"name": "find", "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"d', 'ay":', "30}")]
    said = [chunk({"tool_calls": [call]}) for call in (first, *rest)]
    return [chunk({"role": "assistant", "content": None}), *said, chunk({}, "tool_calls"), b"data: [DONE]\n\n"]
