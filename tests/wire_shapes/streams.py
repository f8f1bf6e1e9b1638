"""Streams of models as three APIs word them, each of six events with content, for tests that act on them."""

from __future__ import annotations

import json
from collections.abc import Mapping

CONTENT = 6
WORDS = ["On", " day", " 30", " all", " is", " well"]


def _event(document: object, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(document).encode() + b"\n\n"


def _chat() -> list[bytes]:
    def chunk(delta: object, finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return _event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices})

    usage = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
    counted = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}
    said = [chunk({"content": word}) for word in WORDS]
    return [
        chunk({"role": "assistant", "content": ""}),
        *said,
        chunk({}, "stop"),
        _event(counted),
        b"data: [DONE]\n\n",
    ]


def _responses() -> list[bytes]:
    def event(kind: str, **said: object) -> bytes:
        return _event({"type": kind, **said}, kind)

    part = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    message = {"id": "o", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    response = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": []}
    usage = {"input_tokens": 7, "output_tokens": 6, "total_tokens": 13}
    whole = {**response, "status": "completed", "output": [message], "usage": usage}
    at = {"item_id": "o", "output_index": 0, "content_index": 0}
    return [
        event("response.created", response=response),
        *(event("response.output_text.delta", **at, delta=word) for word in WORDS),
        event("response.output_text.done", **at, text="".join(WORDS)),
        event("response.output_item.done", output_index=0, item=message),
        event("response.completed", response=whole),
    ]


def _messages() -> list[bytes]:
    def event(kind: str, **said: object) -> bytes:
        return _event({"type": kind, **said}, kind)

    message = {"id": "a", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    return [
        event("message_start", message={**message, "usage": {"input_tokens": 7, "output_tokens": 1}}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(event("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in WORDS),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 6}),
        event("message_stop"),
    ]


STREAMS: Mapping[str, list[bytes]] = {"chat": _chat(), "responses": _responses(), "messages": _messages()}
"""Events by API; where the first one with content stands is for `first` to say."""
BEFORE: Mapping[str, int] = {"chat": 1, "responses": 1, "messages": 2}
"""How many events come before the first with content."""
