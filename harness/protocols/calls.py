"""What an answer asks its client to call, as text: the name of each tool with its arguments, in the words of each API that models have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec


def call(name: object, arguments: object) -> str:
    """One call, or a piece of one that is streamed: a *name* begins a line, and *arguments* follow it, as they come."""
    said = arguments if isinstance(arguments, str) else written(arguments)
    return f"\n{name} {said}" if isinstance(name, str) and name else said


def written(arguments: object) -> str:
    """*arguments* as JSON; none where there are none yet."""
    return msgspec.json.encode(arguments).decode() if arguments else ""


def of_chat(holder: Mapping[Any, Any]) -> str:
    """The calls of a message of OpenAI's chats, or of a piece of one."""
    every = [*_each(holder.get("tool_calls")), {"function": holder.get("function_call")}]
    held = [one.get(kind) for one in every for kind in ("function", "custom")]
    return "".join(
        call(one.get("name"), one.get("arguments", one.get("input"))) for one in held if isinstance(one, dict)
    )


def of_blocks(blocks: object) -> str:
    """The calls of the content of one of Anthropic's messages."""
    return "".join(call(one.get("name"), one.get("input")) for one in _each(blocks) if one.get("type") == "tool_use")


def in_reply(reply: object) -> str:
    """The calls of a whole *reply* in the words of OpenAI's chats or responses, Anthropic's messages or Gemini; none in other words."""
    return "".join(_in_reply(reply)) if isinstance(reply, dict) else ""


def _in_reply(reply: Mapping[Any, Any]) -> Iterator[str]:
    for choice in _each(reply.get("choices")):
        yield from (of_chat(message) for message in _each([choice.get("message")]))
    for item in _each(reply.get("output")):
        if item.get("type") in ("function_call", "custom_tool_call"):
            yield call(item.get("name"), item.get("arguments", item.get("input")))
    yield of_blocks(reply.get("content"))
    for candidate in _each(reply.get("candidates")):
        for content in _each([candidate.get("content")]):
            found = [part.get("functionCall") for part in _each(content.get("parts"))]
            yield from (call(one.get("name"), one.get("args")) for one in found if isinstance(one, dict))


def _each(value: object) -> Iterable[Mapping[Any, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
