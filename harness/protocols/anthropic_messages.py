"""Anthropic's messages: a question as a request, and what their answers say, streamed or whole."""

from __future__ import annotations

import msgspec

from harness.protocols.asking import Asked, HttpRequest, MalformedError, Reader, ResolvedAsk, Said
from harness.protocols.calls import call
from harness.protocols.wording import UNREADABLE, chat, chat_problems, looks_closer, quoted, with_pointers

_MAX_TOKENS = 1024
"""The API demands a limit; where the body says none, this one."""
_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Why an answer ended, in OpenAI's words, which stand in the rows whatever the API."""


class AnthropicMessages:
    """Anthropic's messages, streamed or not. What *ask.body* has is sent along."""

    chats = True

    def problems(self, ask: ResolvedAsk) -> list[str]:
        return chat_problems(ask, "anthropic-messages")

    def request(self, ask: ResolvedAsk, asked: Asked) -> HttpRequest:
        own: dict[str, object] = {"system": asked.system} if asked.system else {}
        if asked.tools:
            own["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in asked.tools
            ]
        return chat(ask, asked, own, usual={"max_tokens": _MAX_TOKENS})

    def reader(self, ask: ResolvedAsk) -> Reader:
        return _AnthropicReader(ask)


class _Block(msgspec.Struct):
    type: object = None
    text: str | None = None
    stop_reason: str | None = None
    name: object = None
    input: object = None
    partial_json: str | None = None

    @property
    def called(self) -> str:
        return call(self.name, self.input) if self.type == "tool_use" else self.partial_json or ""


class _Message(msgspec.Struct):
    model: object = None


class _Event(msgspec.Struct):
    """One event of a stream, or a whole message: each has some of these."""

    type: object = None
    delta: _Block | None = None
    message: _Message | None = None
    content: list[_Block] | None = None
    content_block: _Block | None = None
    stop_reason: str | None = None
    model: object = None
    error: object = None


_event = msgspec.json.Decoder(_Event).decode


class _AnthropicReader:
    def __init__(self, ask: ResolvedAsk) -> None:
        self._ask = ask
        self._looks_closer = looks_closer(ask)

    def event(self, name: bytes, data: bytes) -> Said:
        if name == b"error":
            return Said(error=quoted(data))
        event = _decoded(data)
        if event.type == "message_stop":
            return Said(finished=True, done=True)
        delta, model = event.delta or _Block(), event.message.model if event.message else None
        stop = delta.stop_reason or ""
        said = self._said(event, data, delta.text or "", model, called=(event.content_block or delta).called)
        return said._replace(finished=bool(stop), finish=_FINISHES.get(stop, stop))

    def whole(self, body: bytes) -> Said:
        message = _decoded(body)
        if message.content is None and not message.error:
            raise MalformedError("neither content nor error in the reply")
        text = "".join(block.text or "" for block in message.content or [])
        called = "".join(block.called for block in message.content or [])
        said = self._said(message, body, text, message.model, called=called)
        stop = message.stop_reason or ""
        return said._replace(finish=_FINISHES.get(stop, stop))

    def _said(self, event: _Event, data: bytes, text: str, model: object, *, called: str) -> Said:
        if event.error or event.type == "error":
            return Said(error=quoted(data))
        said = with_pointers(self._ask, msgspec.json.decode(data), text) if self._looks_closer else Said(text)
        said = said._replace(called=called) if called else said
        return said._replace(model=model) if isinstance(model, str) and not said.model else said


def _decoded(data: bytes) -> _Event:
    try:
        return _event(data)
    except UNREADABLE as error:
        raise MalformedError(f"no message: {error}") from error
