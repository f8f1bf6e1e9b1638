"""The model's part of a workflow: it is offered one tool, calls it with the order, and confirms once it is told what that brought.

In the words of OpenAI's chats or of Anthropic's messages, for the provider at a URL; neither SDK tries again by itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from openai import OpenAIError

from harness.reference.assistant import MODEL, prompt
from harness.reference.small_service import tries_once

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI

TOOL, _ABOUT = "book", "Book an order."
_TAKES: dict[str, object] = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
_CALL = "call_1"
_TOKENS_MOST = 1024


class UnansweredError(Exception):
    """The model gave no answer; the message is the SDK's."""


class Clerk(Protocol):
    """A model that has orders booked; both raise UnansweredError."""

    async def understand(self, order: str) -> str:
        """What it calls its tool with, as JSON."""

    async def confirm(self, order: str, given: str, brought: str) -> str:
        """What it says to its client once the tool, of which it was *given* what it is called with, has *brought* something."""


class ByChat:
    """By OpenAI's chats."""

    def __init__(self, model: AsyncOpenAI) -> None:
        self._model = model

    async def understand(self, order: str) -> str:
        said = await self._say(order, [])
        calls = said.tool_calls or []
        return str(calls[0].function.arguments) if calls else "{}"

    async def confirm(self, order: str, given: str, brought: str) -> str:
        call = {"id": _CALL, "type": "function", "function": {"name": TOOL, "arguments": given}}
        said = await self._say(
            order,
            [
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": _CALL, "content": brought},
            ],
        )
        return said.content or ""

    async def _say(self, order: str, turns: list[dict[str, object]]) -> Any:
        tool = {"type": "function", "function": {"name": TOOL, "description": _ABOUT, "parameters": _TAKES}}
        messages: Any = [*prompt(order, None), *turns]
        tools: Any = [tool]
        try:
            completion = await self._model.chat.completions.create(model=MODEL, messages=messages, tools=tools)
        except OpenAIError as error:
            raise UnansweredError(str(error)) from error
        return completion.choices[0].message


class ByMessages:
    """By Anthropic's messages."""

    def __init__(self, model: AsyncAnthropic) -> None:
        self._model = model

    async def understand(self, order: str) -> str:
        used = [block.input for block in await self._say(order, []) if block.type == "tool_use"]
        return json.dumps(used[0] if used else {})

    async def confirm(self, order: str, given: str, brought: str) -> str:
        call = {"type": "tool_use", "id": _CALL, "name": TOOL, "input": json.loads(given)}
        result = {"type": "tool_result", "tool_use_id": _CALL, "content": brought}
        said = await self._say(order, [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}])
        return "".join(block.text for block in said if block.type == "text")

    async def _say(self, order: str, turns: list[dict[str, object]]) -> Any:
        from anthropic import AnthropicError

        system, asked = prompt(order, None)
        messages: Any = [asked, *turns]
        tools: Any = [{"name": TOOL, "description": _ABOUT, "input_schema": _TAKES}]
        try:
            message = await self._model.messages.create(
                model=MODEL, max_tokens=_TOKENS_MOST, system=str(system["content"]), messages=messages, tools=tools
            )
        except AnthropicError as error:
            raise UnansweredError(str(error)) from error
        return message.content


def clerk(api: str, url: str, timeout_s: float) -> Clerk:
    """One who asks the provider at *url* in the words of *api*: openai or anthropic, whose SDK has to be installed."""
    if api == "openai":
        return ByChat(tries_once(url, timeout_s))
    from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient

    asked = DefaultAsyncHttpxClient(trust_env=False)
    return ByMessages(
        AsyncAnthropic(base_url=url, api_key="unused", timeout=timeout_s, max_retries=0, http_client=asked)
    )
