"""Where in a model's stream each event lies: its content, its finish, its usage, the mark of its end.

In the words of OpenAI's chats and responses, of Anthropic's messages, of Gemini, and of Bedrock's frames.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from harness.protocols.amazon_frames import framed
from harness.protocols.event_stream import Block, Event, written

Api = Literal["", "chat", "responses", "messages", "gemini", "bedrock"]
"""Whose words a stream is in: OpenAI's chat completions or responses, Anthropic's messages, Gemini's, or those of Bedrock's frames.

Empty where it is in none of these.
"""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON that somebody else wrote may raise."""

_DONE = b"[DONE]"
_SAID = ("content", "refusal", "reasoning_content", "reasoning", "tool_calls", "function_call")
"""What of a chat's delta the model has said."""
_LAST = ("response.completed", "response.incomplete", "response.failed")
_MESSAGES = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping"}
)  # fmt: skip

_FAILURE = b'{"message":"The system encountered an unexpected error during processing. Try your request again."}'

_ERRORS: dict[Api, tuple[bytes, bytes]] = {
    "chat": (
        b"",
        b'{"error":{"message":"The server had an error while processing your request. Sorry about that!",'
        b'"type":"server_error","param":null,"code":null}}',
    ),
    "responses": (
        b"error",
        b'{"type":"error","code":"server_error","message":"The server had an error while processing your request. '
        b'Sorry about that!","param":null}',
    ),
    "messages": (b"error", b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
    "gemini": (
        b"",
        b'{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}',
    ),
}


class ModelEvent(NamedTuple):
    """One event, with its *raw* bytes, and the JSON *document* that it says; None where that is none.

    *content*: the model said something in it, a text, a part of a call of a tool, a refusal; *finish*: it gives the reason for the end;
    *usage*: it counts tokens; *end*: it is the mark of the end. One event may be several of these. *framed*: it is a frame of Amazon's.
    """

    raw: bytes
    name: bytes = b""
    document: Any = None
    api: Api = ""
    content: bool = False
    finish: bool = False
    usage: bool = False
    end: bool = False
    framed: bool = False

    def saying(self, document: object) -> bytes:
        """The bytes of this event if it said *document* in place of its own."""
        return self.with_data(msgspec.json.encode(document))

    def with_data(self, data: bytes) -> bytes:
        """The bytes of this event if *data*, in which no line ends, stood in place of its document."""
        return framed(self.name.decode(errors="replace"), data) if self.framed else written(self.name, data)


def read_event(block: Block) -> ModelEvent:
    """What *block* of a stream is."""
    raw, event, is_frame = block
    if event is None:
        return ModelEvent(raw)
    if is_frame:
        return _of_frames(raw, event)
    if event.data.strip() == _DONE:
        return ModelEvent(raw, event.name, api="chat", end=True)
    try:
        document = msgspec.json.decode(event.data)
    except UNREADABLE:
        return ModelEvent(raw, event.name)
    if not isinstance(document, dict):
        return ModelEvent(raw, event.name, document)
    kind = document.get("type")
    if isinstance(kind, str) and kind.startswith("response."):
        return _of_responses(raw, event.name, document, kind)
    if isinstance(kind, str) and kind in _MESSAGES:
        return _of_messages(raw, event.name, document, kind)
    if isinstance(document.get("choices"), list):
        return _of_chat(raw, event.name, document)
    if "candidates" in document or "usageMetadata" in document or "promptFeedback" in document:
        return _of_gemini(raw, event.name, document)
    return ModelEvent(raw, event.name, document)


def error_event(api: Api) -> bytes:
    """The event in which a stream of *api* says that something went wrong; one in nobody's words speaks as OpenAI's chats."""
    if api == "bedrock":
        return framed("internalServerException", _FAILURE, "exception")
    return written(*_ERRORS[api or "chat"])


def _of_chat(raw: bytes, name: bytes, document: dict[str, Any]) -> ModelEvent:
    choices = [choice for choice in document["choices"] if isinstance(choice, dict)]
    deltas = [delta for choice in choices if isinstance(delta := choice.get("delta"), dict)]
    return ModelEvent(
        raw,
        name,
        document,
        "chat",
        # A choice of OpenAI's older completions has a text in place of a delta.
        content=any(delta.get(key) for delta in deltas for key in _SAID) or any(one.get("text") for one in choices),
        finish=any(choice.get("finish_reason") is not None for choice in choices),
        usage=bool(document.get("usage")),
    )


def _of_responses(raw: bytes, name: bytes, document: dict[str, Any], kind: str) -> ModelEvent:
    response = document.get("response")
    last = kind in _LAST
    usage = isinstance(response, dict) and bool(response.get("usage"))
    return ModelEvent(raw, name, document, "responses", kind.endswith(".delta"), last, usage, last)


def _of_messages(raw: bytes, name: bytes, document: dict[str, Any], kind: str) -> ModelEvent:
    message, delta = document.get("message"), document.get("delta")
    holders = (document, message if isinstance(message, dict) else {})
    return ModelEvent(
        raw,
        name,
        document,
        "messages",
        content=kind == "content_block_delta",
        finish=kind == "message_delta" and isinstance(delta, dict) and delta.get("stop_reason") is not None,
        usage=any(bool(holder.get("usage")) for holder in holders),
        end=kind == "message_stop",
    )


def _of_gemini(raw: bytes, name: bytes, document: dict[str, Any]) -> ModelEvent:
    candidates = [*_dicts(document.get("candidates"))]
    parts = [
        part for one in candidates if isinstance(said := one.get("content"), dict) for part in _dicts(said.get("parts"))
    ]
    return ModelEvent(
        raw,
        name,
        document,
        "gemini",
        # A part without a text is a call of a tool, code or a picture; the last one may be an empty text.
        content=any(part.get("text", part) for part in parts),
        finish=any(one.get("finishReason") for one in candidates),
        usage=bool(document.get("usageMetadata")),
    )


def _dicts(said: object) -> Iterator[dict[str, Any]]:
    return (one for one in (said if isinstance(said, list) else ()) if isinstance(one, dict))


def _of_frames(raw: bytes, event: Event) -> ModelEvent:
    """Of Bedrock's ConverseStream, whose events are told by their names, or of a model that was invoked, in the words of that model."""
    try:
        document = msgspec.json.decode(event.data)
        inner = base64.b64decode(document["bytes"]) if event.name == b"chunk" else b""
    except (*UNREADABLE, KeyError, TypeError, ValueError):
        return ModelEvent(raw, event.name, framed=True)
    if inner:
        said = read_event(Block(inner, Event(b"", inner)))
        return ModelEvent(raw, event.name, document, "bedrock", said.content, said.finish, framed=True)
    return ModelEvent(
        raw,
        event.name,
        document,
        "bedrock",
        content=event.name == b"contentBlockDelta",
        finish=event.name == b"messageStop",
        usage=event.name == b"metadata" and isinstance(document, dict) and bool(document.get("usage")),
        framed=True,
    )
