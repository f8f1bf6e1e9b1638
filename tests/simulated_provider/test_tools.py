"""A simulated model that calls tools, as the SDKs read it: one call, whole or streamed, and an answer once its result is back."""

from __future__ import annotations

import json
from contextlib import ExitStack

import anthropic
import openai
import pytest

ASKED = "How many chairs may one order? [n-0123456789]"
QUESTION = "How many chairs may one order?"
TAKES = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["order"],
}
SAID = [{"role": "user", "content": ASKED}]


@pytest.fixture
def clients(start):
    """Of a provider that calls tools."""
    provider = start(capacity=100, first_token=0.001, token_gap=0.0, sigma=0.0, tools="called")
    with ExitStack() as ends:
        oa = ends.enter_context(openai.OpenAI(base_url=f"{provider.url}/v1", api_key="unused", max_retries=0))
        ant = ends.enter_context(anthropic.Anthropic(base_url=provider.url, api_key="unused", max_retries=0))
        yield oa, ant


def test_a_chat_calls_the_first_tool_and_answers_once_it_has_what_that_brought(clients) -> None:
    oa, _ = clients
    tools = [{"type": "function", "function": {"name": name, "parameters": TAKES}} for name in ("book", "cancel")]
    asked = {"model": "m", "tools": tools}
    whole = oa.chat.completions.create(**asked, messages=SAID)
    (call,) = whole.choices[0].message.tool_calls
    assert (whole.choices[0].finish_reason, call.function.name, json.loads(call.function.arguments)) == (
        "tool_calls", "book", {"order": QUESTION},
    )  # fmt: skip
    with oa.chat.completions.stream(**asked, messages=SAID) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls
    assert [(one.id, one.function.name, one.function.arguments) for one in streamed] == [
        (call.id, "book", call.function.arguments)
    ]
    turns = [*SAID, whole.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "booked"}]
    answered = oa.chat.completions.create(**asked, messages=turns).choices[0]
    assert (answered.finish_reason, answered.message.tool_calls) == ("stop", None)
    assert answered.message.content


def test_a_message_uses_the_first_tool_and_answers_once_it_has_what_that_brought(clients) -> None:
    _, ant = clients
    tools = [{"name": name, "input_schema": TAKES} for name in ("book", "cancel")]
    asked = {"model": "m", "max_tokens": 99, "tools": tools}
    whole = ant.messages.create(**asked, messages=SAID)
    (used,) = whole.content
    assert (whole.stop_reason, used.type, used.name, used.input) == (
        "tool_use", "tool_use", "book", {"order": QUESTION},
    )  # fmt: skip
    with ant.messages.stream(**asked, messages=SAID) as stream:
        streamed = stream.get_final_message()
    assert (streamed.stop_reason, streamed.content) == ("tool_use", whole.content)
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "booked"}
    turns = [*SAID, {"role": "assistant", "content": whole.content}, {"role": "user", "content": [result]}]
    answered = ant.messages.create(**asked, messages=turns)
    assert (answered.stop_reason, [block.type for block in answered.content]) == ("end_turn", ["text"])


def test_a_response_calls_the_first_function_and_answers_once_it_has_what_that_brought(clients) -> None:
    oa, _ = clients
    tools = [{"type": "function", "name": name, "parameters": TAKES, "strict": False} for name in ("book", "cancel")]
    asked = {"model": "m", "tools": tools}
    whole = oa.responses.create(**asked, input=SAID)
    (call,) = whole.output
    assert (whole.status, call.type, call.name, json.loads(call.arguments)) == (
        "completed", "function_call", "book", {"order": QUESTION},
    )  # fmt: skip
    *_, last = oa.responses.create(**asked, input=SAID, stream=True)
    assert (last.type, last.response.output) == ("response.completed", whole.output)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "booked"}
    answered = oa.responses.create(**asked, input=[*SAID, call.model_dump(), result])
    assert [item.type for item in answered.output] == ["message"]
    assert answered.output_text


@pytest.mark.parametrize(
    ("choice", "calls"),
    [("auto", "book"), ("none", None), ({"type": "function", "function": {"name": "cancel"}}, "cancel")],
)
def test_which_tool_is_called_is_for_who_asks_to_choose(clients, choice, calls) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("book", "cancel")]
    made = clients[0].chat.completions.create(model="m", messages=SAID, tools=tools, tool_choice=choice)
    called = made.choices[0].message.tool_calls or []
    assert [one.function.name for one in called] == ([calls] if calls else [])


def test_a_tool_of_the_providers_own_is_not_called(clients) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    made = clients[1].messages.create(model="m", max_tokens=99, messages=SAID, tools=tools)
    assert (made.stop_reason, [block.type for block in made.content]) == ("end_turn", ["text"])


def test_who_is_not_to_call_tools_answers(fast) -> None:
    tools = [{"type": "function", "function": {"name": "book", "parameters": TAKES}}]
    with openai.OpenAI(base_url=f"{fast.url}/v1", api_key="unused", max_retries=0) as oa:
        made = oa.chat.completions.create(model="m", messages=SAID, tools=tools)
    assert (made.choices[0].finish_reason, made.choices[0].message.tool_calls) == ("stop", None)
