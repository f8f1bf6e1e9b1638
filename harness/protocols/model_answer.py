"""What stands where in a model's answer, whole or one event of a stream: its text, its calls of tools, its model, its finish, its usage.

In the words of OpenAI's chats and responses, and of Anthropic's messages. What changes a document does so in place and says whether it
did.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

Document = dict[str, Any]
Role = Literal["text", "arguments", "name"]


class Slot(NamedTuple):
    """A place in a document at which the model said something that is not empty: *holder*[*key*].

    *channel* tells it from others of the answer of which parts come one by one; *partial*: this is one of those parts.
    """

    holder: Document
    key: str
    role: Role
    channel: tuple[object, ...] = ()
    partial: bool = False

    @property
    def said(self) -> Any:
        return self.holder[self.key]


def slots(document: Document) -> list[Slot]:
    """All slots of *document* that hold something."""
    return [slot for slot in _slots(document) if slot.holder.get(slot.key)]


def finish_as(document: Document, *, chat: str, responses: str, messages: str) -> bool:
    """Where *document* gives a reason for the end, give another one; an empty one leaves that API's as it is."""
    changed = False
    for choice in _dicts(document.get("choices")):
        if chat and choice.get("finish_reason"):
            choice["finish_reason"], changed = chat, True
    for holder in (document, _dict(document.get("delta"))):
        if messages and isinstance(holder.get("stop_reason"), str):
            holder["stop_reason"], changed = messages, True
    response = document if document.get("object") == "response" else _dict(document.get("response"))
    if responses and response.get("status") == "completed":
        response |= {"status": "incomplete", "incomplete_details": {"reason": responses}}
        changed = True
        if document.get("type") == "response.completed":
            document["type"] = "response.incomplete"
    return changed


def served_by(document: Document, model: str) -> bool:
    """Name *model* as the one that the answer is from."""
    named = [holder for holder in _heads(document) if isinstance(holder.get("model"), str)]
    for holder in named:
        holder["model"] = model
    return bool(named)


def printed_as(document: Document, fingerprint: str) -> bool:
    """Have the answer be of another configuration of the model; of OpenAI's chats alone."""
    if not isinstance(document.get("choices"), list):
        return False
    document["system_fingerprint"] = fingerprint
    return True


def count_more(document: Document, times: float) -> bool:
    """Count *times* as many tokens, rounded up."""
    counted = [usage for holder in _heads(document) if (usage := _dict(holder.get("usage")))]
    for usage in counted:
        _multiply(usage, times)
    return bool(counted)


def call_twice(document: Document) -> bool:
    """Have each call of a tool be made twice, in parallel; of streams, those of OpenAI's chats alone."""
    changed = False
    for choice in _dicts(document.get("choices")):
        for holder in (_dict(choice.get("message")), _dict(choice.get("delta"))):
            if calls := _dicts(holder.get("tool_calls")):
                holder["tool_calls"], changed = [each for call in calls for each in _twice(call)], True
    whole = document.get("object") == "response" or document.get("type") == "message"
    for key, kind in (("output", "function_call"), ("content", "tool_use")):
        items = document.get(key) if whole else None
        if isinstance(items, list) and any(_dict(item).get("type") == kind for item in items):
            document[key] = [
                each for item in items for each in (_twice(item) if _dict(item).get("type") == kind else [item])
            ]
            changed = True
    return changed


def part(document: Document, slot: Slot, said: str) -> Document:
    """A document like *document*, in which *slot* was found, that says *said* there and nothing else."""
    made = copy.deepcopy(document)
    for own, other in zip(_slots(document), _slots(made), strict=True):
        if own.role == "name":
            other.holder.pop(other.key, None)
        else:
            other.holder[other.key] = said if own.channel == slot.channel else ""
    for choice in _dicts(made.get("choices")):
        delta = _dict(choice.get("delta"))
        delta.pop("role", None)
        for call in _dicts(delta.get("tool_calls")):
            call.pop("id", None)
    return made


def _slots(document: Document) -> Iterator[Slot]:
    kind = document.get("type")
    for choice in _dicts(document.get("choices")):
        yield from _chat(_dict(choice.get("message")), (choice.get("index"),), partial=False)
        yield from _chat(_dict(choice.get("delta")), (choice.get("index"),), partial=True)
    if isinstance(kind, str) and kind.startswith("response."):
        yield from _response_event(document, kind)
    elif document.get("object") == "response":
        yield from _output(document)
    elif kind == "message":
        yield from _blocks(document.get("content"))
    elif kind == "content_block_start":
        yield from _blocks([document.get("content_block")])
    elif kind == "content_block_delta":
        delta, channel = _dict(document.get("delta")), (document.get("index"),)
        if delta.get("type") == "text_delta":
            yield Slot(delta, "text", "text", channel, partial=True)
        elif delta.get("type") == "input_json_delta":
            yield Slot(delta, "partial_json", "arguments", channel, partial=True)


def _chat(holder: Document, channel: tuple[object, ...], *, partial: bool) -> Iterator[Slot]:
    if isinstance(holder.get("content"), str):
        yield Slot(holder, "content", "text", (*channel, "text"), partial)
    for call in _dicts(holder.get("tool_calls")):
        function = _dict(call.get("function"))
        if isinstance(function.get("name"), str):
            yield Slot(function, "name", "name")
        if isinstance(function.get("arguments"), str):
            yield Slot(function, "arguments", "arguments", (*channel, call.get("index")), partial)


def _response_event(document: Document, kind: str) -> Iterator[Slot]:
    channel = (document.get("output_index"), document.get("content_index"))
    match kind:
        case "response.output_text.delta":
            yield from _text(document, "delta", "text", channel, partial=True)
        case "response.function_call_arguments.delta":
            yield from _text(document, "delta", "arguments", channel, partial=True)
        case "response.output_text.done":
            yield from _text(document, "text", "text")
        case "response.function_call_arguments.done":
            yield from _text(document, "arguments", "arguments")
        case "response.content_part.done":
            yield from _text(_dict(document.get("part")), "text", "text")
        case "response.output_item.added" | "response.output_item.done":
            yield from _item(_dict(document.get("item")))
        case _:
            yield from _output(_dict(document.get("response")))


def _output(response: Document) -> Iterator[Slot]:
    for item in _dicts(response.get("output")):
        yield from _item(item)


def _item(item: Document) -> Iterator[Slot]:
    if item.get("type") == "function_call":
        yield from _text(item, "name", "name")
        yield from _text(item, "arguments", "arguments")
    for said in _dicts(item.get("content")):
        if said.get("type") == "output_text":
            yield from _text(said, "text", "text")


def _blocks(content: object) -> Iterator[Slot]:
    for block in _dicts(content):
        if block.get("type") == "text":
            yield from _text(block, "text", "text")
        elif block.get("type") == "tool_use":
            yield from _text(block, "name", "name")
            yield Slot(block, "input", "arguments")


def _text(
    holder: Document, key: str, role: Role, channel: tuple[object, ...] = (), *, partial: bool = False
) -> Iterator[Slot]:
    if isinstance(holder.get(key), str):
        yield Slot(holder, key, role, channel, partial)


def _heads(document: Document) -> tuple[Document, ...]:
    """Where the model and the usage may stand."""
    return document, _dict(document.get("message")), _dict(document.get("response"))


def _twice(call: Document) -> tuple[Document, Document]:
    again = copy.deepcopy(call)
    for key in ("id", "call_id"):
        if isinstance(call.get(key), str):
            again[key] = f"{call[key]}_2"
    if isinstance(call.get("index"), int):
        call, again["index"] = {**call, "index": 2 * call["index"]}, 2 * call["index"] + 1
    return call, again


def _multiply(counts: Document, times: float) -> None:
    for key, count in counts.items():
        if isinstance(count, int) and not isinstance(count, bool):
            counts[key] = math.ceil(count * times)
        elif isinstance(count, dict):
            _multiply(count, times)


def _dict(said: object) -> Document:
    return said if isinstance(said, dict) else {}


def _dicts(said: object) -> list[Document]:
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
