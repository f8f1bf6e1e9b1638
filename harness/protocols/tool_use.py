"""Which tools a request to a model offers, which an answer calls, and which a request brings results of: by their names alone.

In the words of OpenAI's chats and responses, Anthropic's messages, Gemini, Ollama and Bedrock.
What a tool was told, and what it said, is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

NAMES_MOST = 32
"""So many are kept of a request or an answer."""
MORE = "…"
"""Stands behind those that are kept, where there were more."""
FAILED = "!"
"""Stands before the name of a tool whose result says that it failed."""
_NAME_CHARS = 64
UNKNOWN = "?"
"""A tool whose name nobody says."""


class Called(NamedTuple):
    """One call of a tool: what tells it from the others of its answer, where something does, and its *name*."""

    id: object
    name: str


def listed(names: Iterable[str]) -> str:
    """*names* with blanks between, as a row has them."""
    kept = list(names)
    if not kept:
        return ""
    short = ["".join(name.split())[: _NAME_CHARS + len(FAILED)] or UNKNOWN for name in kept[:NAMES_MOST]]
    return " ".join([*short, MORE] if len(kept) > NAMES_MOST else short)


def offered(tools: object) -> list[str]:
    """The names of the *tools* of a request; one that a provider has itself is called by its type."""
    found: list[str] = []
    all_of = tools.get("tools") if isinstance(tools, dict) else tools
    for tool in _dicts(all_of):
        declared = _dicts(tool.get("functionDeclarations")) or _dicts(tool.get("function_declarations"))
        spec = _dict(tool.get("function")) or _dict(tool.get("toolSpec")) or tool
        for one in declared or [spec]:
            name = one.get("name") or one.get("type") or next(iter(one), UNKNOWN)
            found.append(name if isinstance(name, str) else UNKNOWN)
    return found


def called(document: object) -> Iterator[Called]:
    """Each call of a tool that a *document* of an answer names, be it whole or one event of a stream."""
    if not isinstance(document, dict):
        return
    for place, choice in enumerate(_dicts(document.get("choices"))):
        for holder in (_dict(choice.get("message")), _dict(choice.get("delta"))):
            yield from _of_message(holder, (choice.get("index", place),))
    yield from _of_message(_dict(document.get("message")), ())  # Ollama
    blocks = [*_dicts(document.get("content")), _dict(document.get("content_block"))]
    for candidate in _dicts(document.get("candidates")):
        blocks += _dicts(_dict(candidate.get("content")).get("parts"))
    blocks += _dicts(_dict(_dict(document.get("output")).get("message")).get("content"))
    blocks += [_dict(_dict(document.get("contentBlockStart")).get("start")), _dict(document.get("start"))]
    blocks += _dicts(document.get("output")) + _dicts(_dict(document.get("response")).get("output"))
    for block in [*blocks, _dict(document.get("item"))]:
        if (one := _block(block)) is not None:
            yield one


def results(messages: object) -> list[str]:
    """The names of the tools whose results stand behind the last thing that the model said in *messages*."""
    turns = _dicts(messages)
    last = max((at for at, turn in enumerate(turns) if _said_by_model(turn)), default=-1)
    names = {one.id: one.name for turn in turns[: last + 1] for one in _calls_of(turn)}
    return [
        f"{FAILED if failed else ''}{name or names.get(id_) or UNKNOWN}"
        for turn in turns[last + 1 :]
        for id_, name, failed in _results_of(turn)
    ]


def _said_by_model(turn: dict[str, Any]) -> bool:
    return turn.get("role") in ("assistant", "model") or turn.get("type") == "function_call"


def _calls_of(turn: dict[str, Any]) -> Iterator[Called]:
    """The calls in one message of a model's; those of OpenAI's responses are items of their own."""
    yield from _of_message(turn, ())
    for block in (turn, *_dicts(turn.get("content")), *_dicts(turn.get("parts"))):
        if (one := _block(block)) is not None:
            yield one


def _of_message(message: dict[str, Any], where: tuple[object, ...]) -> Iterator[Called]:
    for place, call in enumerate(_dicts(message.get("tool_calls"))):
        name = _dict(call.get("function")).get("name")
        if isinstance(name, str) and name:
            yield Called(call.get("id") or (*where, call.get("index", place)), name)


def _block(block: dict[str, Any]) -> Called | None:
    """The call that a *block* of an answer is."""
    if block.get("type") in ("tool_use", "server_tool_use", "mcp_tool_use", "function_call"):
        return _named(block, block.get("call_id") or block.get("id"))
    for inside in (block.get("functionCall"), block.get("toolUse")):
        if isinstance(inside, dict):
            return _named(inside, inside.get("toolUseId") or inside.get("id"))
    return None


def _named(holder: dict[str, Any], id_: object) -> Called:
    name = holder.get("name")
    return Called(id_, name if isinstance(name, str) and name else UNKNOWN)


def _results_of(turn: dict[str, Any]) -> Iterator[tuple[object, str, bool]]:
    """Of each result of a tool in a message: which call it is of, the tool's name where it says that, and whether it failed."""
    if turn.get("role") == "tool":
        yield turn.get("tool_call_id"), str(turn.get("tool_name") or turn.get("name") or ""), False
    elif turn.get("type") == "function_call_output":
        yield turn.get("call_id"), "", turn.get("status") == "incomplete"
    for block in (*_dicts(turn.get("content")), *_dicts(turn.get("parts"))):
        if block.get("type") == "tool_result":
            yield block.get("tool_use_id"), "", block.get("is_error") is True
        elif isinstance(found := block.get("functionResponse"), dict):
            yield found.get("id"), str(found.get("name") or ""), "error" in _dict(found.get("response"))
        elif isinstance(found := block.get("toolResult"), dict):
            yield found.get("toolUseId"), "", found.get("status") == "error"


def _dict(said: object) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _dicts(said: object) -> list[dict[str, Any]]:
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
