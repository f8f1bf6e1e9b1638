"""Streams of models as four APIs and Bedrock's frames word them, each of six events with content, for tests that act on them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.protocols.amazon_frames import framed

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


def _gemini_event(*parts: object, counted: int = 0, **ended: str) -> bytes:
    """Lines end as Google ends them."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **ended}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": counted, "totalTokenCount": 7 + counted}
    return _google({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "g"})


def _google(document: object) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\r\n\r\n"


def _gemini() -> list[bytes]:
    """Each event has a usage, the last one a finish, too, and nothing marks the end."""
    said = [_gemini_event({"text": word}, counted=at + 1) for at, word in enumerate(WORDS)]
    return [*said, _gemini_event({"text": ""}, counted=CONTENT, finishReason="STOP")]


def _frame(name: str, **said: object) -> bytes:
    return framed(name, json.dumps(said).encode())


def _delta(**said: object) -> bytes:
    return _frame("contentBlockDelta", contentBlockIndex=0, delta=said)


def _converse() -> list[bytes]:
    usage = {"inputTokens": 7, "outputTokens": 6, "totalTokens": 13}
    return [
        _frame("messageStart", role="assistant"),
        *(_delta(text=word) for word in WORDS),
        _frame("contentBlockStop", contentBlockIndex=0),
        _frame("messageStop", stopReason="end_turn"),
        _frame("metadata", usage=usage, metrics={"latencyMs": 9}),
    ]


STREAMS: Mapping[str, list[bytes]] = {
    "chat": _chat(),
    "responses": _responses(),
    "messages": _messages(),
    "gemini": _gemini(),
}
"""Events by API; where the first one with content stands is for `first` to say."""
CONVERSE = _converse()
"""Frames of Bedrock's ConverseStream."""
_BEGUN = STREAMS["gemini"][:2]
OWN: Mapping[str, list[bytes]] = {
    "gemini a thought comes first": [_gemini_event({"text": "Which day?", "thought": True}), *STREAMS["gemini"]],
    "gemini the prompt is blocked": [_google({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "m"})],
    "gemini ended by SAFETY": [*_BEGUN, _gemini_event(finishReason="SAFETY")],
    "gemini ended by MAX_TOKENS": [*_BEGUN, _gemini_event({"text": ""}, finishReason="MAX_TOKENS")],
    "gemini ends inside an event": [*_BEGUN, STREAMS["gemini"][2][:60]],
    "gemini an error of its own": [*_BEGUN, _google({"error": {"code": 500, "message": "no", "status": "INTERNAL"}})],
    "bedrock a thought comes first": [CONVERSE[0], _delta(reasoningContent={"text": "Which day?"}), *CONVERSE[1:]],
    "bedrock ended by a guard": [*CONVERSE[:3], _frame("messageStop", stopReason="guardrail_intervened")],
    "bedrock ended by max_tokens": [*CONVERSE[:3], _frame("messageStop", stopReason="max_tokens")],
    "bedrock ends inside a frame": [*CONVERSE[:3], CONVERSE[3][:40]],
    "bedrock an error of its own": [
        *CONVERSE[:3],
        framed("throttlingException", b'{"message":"slow down"}', "exception"),
    ],
}
"""Streams of a kind that a provider alone gives, by API and what they are; the models of their names give them."""
BEFORE: Mapping[str, int] = {"chat": 1, "responses": 1, "messages": 2, "gemini": 0}
"""How many events come before the first with content."""
