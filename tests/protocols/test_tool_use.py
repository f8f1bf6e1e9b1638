"""Tools in what is said to models and by them, in the words of each API: by their names alone, and never more than there is room for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.protocols.tool_use import called, listed, offered, results

SECRET = "sk-0123456789"
FUNCTION = {"name": "search", "arguments": json.dumps({"q": SECRET})}
USE = {"type": "tool_use", "id": "a", "name": "search", "input": {"q": SECRET}}


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "function", "function": {"name": "search", "description": "x"}}, {"type": "function", "function": {"name": "pay"}}],
        [{"type": "function", "name": "search"}, {"type": "custom", "name": "pay"}],
        [{"name": "search", "input_schema": {}}, {"type": "computer_20250124", "name": "pay"}],
        [{"functionDeclarations": [{"name": "search"}, {"name": "pay"}]}],
        {"tools": [{"toolSpec": {"name": "search"}}, {"toolSpec": {"name": "pay"}}]},
    ],
    ids=["chat", "responses", "messages", "gemini", "bedrock"],
)  # fmt: skip
def test_what_a_model_may_call_is_named(tools: Any) -> None:
    assert offered(tools) == ["search", "pay"]


def test_a_tool_of_the_providers_own_is_called_by_its_type_and_what_is_none_by_nothing() -> None:
    assert offered([{"type": "web_search"}, {"googleSearch": {}}, {"type": 7}, 7]) == [
        "web_search",
        "googleSearch",
        "?",
    ]
    assert offered("x") == offered(None) == offered({"tools": 1}) == []


@pytest.mark.parametrize(
    "document",
    [
        {"choices": [{"message": {"tool_calls": [{"id": "a", "function": FUNCTION}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "a", "function": FUNCTION}]}}]},
        {"object": "response", "output": [{"type": "function_call", "call_id": "a", **FUNCTION}, {"type": "message"}]},
        {"type": "response.output_item.added", "item": {"type": "function_call", "call_id": "a", **FUNCTION}},
        {"type": "response.completed", "response": {"output": [{"type": "function_call", "call_id": "a", **FUNCTION}]}},
        {"type": "message", "content": [{"type": "text", "text": "x"}, USE]},
        {"type": "content_block_start", "index": 1, "content_block": USE},
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "search", "args": {}}}]}}]},
        {"message": {"content": "", "tool_calls": [{"function": FUNCTION}]}},
        {"output": {"message": {"content": [{"toolUse": {"toolUseId": "a", "name": "search"}}]}}},
        {"start": {"toolUse": {"toolUseId": "a", "name": "search"}}, "contentBlockIndex": 1},
    ],
    ids=["chat", "chat's event", "responses", "an item", "the last event", "messages", "a block", "gemini", "ollama",
         "bedrock", "its event"],
)  # fmt: skip
def test_what_an_answer_calls_is_named(document: Any) -> None:
    assert [one.name for one in called(document)] == ["search"]
    assert SECRET not in str(list(called(document)))


@pytest.mark.parametrize(
    "document",
    [{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
     {"choices": [{"delta": {"content": "tool_calls"}}]},
     {"choices": 7, "content": "tool_use", "output": None}, [], 7, {"content": [{"type": "tool_result", "name": "search"}]}],
)  # fmt: skip
def test_what_goes_on_with_a_call_or_is_none_names_nothing(document: Any) -> None:
    assert list(called(document)) == []


CHAT = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"id": "a", "function": FUNCTION}]},
        {"role": "tool", "tool_call_id": "a", "content": SECRET}]  # fmt: skip
MESSAGES = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [USE]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": SECRET}]}]  # fmt: skip


@pytest.mark.parametrize(
    "messages",
    [
        CHAT,
        MESSAGES,
        [{"type": "function_call", "call_id": "a", **FUNCTION}, {"type": "function_call_output", "call_id": "a", "output": SECRET}],
        [{"role": "model", "parts": [{"functionCall": {"name": "search"}}]},
         {"role": "user", "parts": [{"functionResponse": {"name": "search", "response": {"x": SECRET}}}]}],
        [{"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "search"}}]},
         {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": []}}]}],
    ],
    ids=["chat", "messages", "responses", "gemini", "bedrock"],
)  # fmt: skip
def test_results_are_of_the_tool_whose_call_they_answer(messages: Any) -> None:
    assert results(messages) == ["search"]


def test_results_of_steps_before_are_not_told_again() -> None:
    assert results([*CHAT, {"role": "assistant", "content": "done"}, {"role": "user", "content": "and now?"}]) == []
    assert results([*MESSAGES[:2], *MESSAGES[1:]]) == ["search"]
    assert results([CHAT[0], CHAT[2]]) == ["?"]


def test_a_result_that_says_it_failed_is_marked_so() -> None:
    failed = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": SECRET}
    assert results([*MESSAGES[:2], {"role": "user", "content": [failed]}]) == ["!search"]


def test_names_are_as_many_and_as_long_as_there_is_room_for() -> None:
    assert listed(["a b\n", "", "x" * 500]) == f"ab ? {'x' * 65}"
    assert listed([f"t{n}" for n in range(32)]).split()[-1] == "t31"
    assert listed([f"t{n}" for n in range(33)]).split()[-2:] == ["t31", "…"]
