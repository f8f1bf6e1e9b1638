"""OpenAI's Responses, word for word: one output message or one call of a tool, whole or as typed events."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from harness.simulated_provider.answers import Message
from harness.simulated_provider.asking import Api, Asked, Completion, Events, Finish, JsonObject, Usage, encode, event
from harness.simulated_provider.tools import Call


class _Item(Message):
    role: str = "user"


class _Request(msgspec.Struct):
    input: str | list[_Item]
    instructions: str | None = None
    model: str = "simulated"
    stream: bool = False
    max_output_tokens: int | None = None


class Typed(Events):
    """Events of a type and a number each; every text event says where in the output it belongs."""

    def __init__(self, completion: Completion, asked: Asked) -> None:
        super().__init__(completion, asked)
        self._text = ""
        self._call: Call | None = None
        self._number = 0

    def begin(self) -> bytes:
        item = _message(self.completion, [], "in_progress")
        return self._begin(item) + self._event("response.content_part.added", **self._where, part=_text(""))

    def call(self, call: Call) -> bytes:
        self._call = call
        item = _called(call._replace(arguments=""), "in_progress")
        given = self._event("response.function_call_arguments.delta", **self._of_call, delta=call.arguments)
        return self._begin(item) + given

    def _begin(self, item: JsonObject) -> bytes:
        going = _response(self.completion, self.asked, [], "in_progress")
        return b"".join(
            [
                self._event("response.created", response=going),
                self._event("response.in_progress", response=going),
                self._event("response.output_item.added", output_index=0, item=item),
            ]
        )

    def content(self, text: str) -> bytes:
        self._text += text
        return self._event("response.output_text.delta", **self._where, delta=text, logprobs=[])

    def end(self, finish: Finish, usage: Usage) -> bytes:
        part, status = _text(self._text), _STATUS[finish]
        if self._call is not None:
            item = _called(self._call, status)
            done = [
                self._event(
                    "response.function_call_arguments.done",
                    **self._of_call,
                    arguments=self._call.arguments,
                    name=self._call.name,
                )
            ]
        else:
            item = _message(self.completion, [part], status)
            done = [
                self._event("response.output_text.done", **self._where, text=self._text, logprobs=[]),
                self._event("response.content_part.done", **self._where, part=part),
            ]
        whole = _response(self.completion, self.asked, [item], status, usage)
        done.append(self._event("response.output_item.done", output_index=0, item=item))
        return b"".join([*done, self._event(f"response.{status}", response=whole)])

    @property
    def _of_call(self) -> JsonObject:
        return {"item_id": f"fc_{self.completion.digest}", "output_index": 0}

    @property
    def _where(self) -> JsonObject:
        return {"item_id": f"msg_{self.completion.digest}", "output_index": 0, "content_index": 0}

    def _event(self, kind: str, **said: object) -> bytes:
        number, self._number = self._number, self._number + 1
        return event({"type": kind, "sequence_number": number, **said}, kind)


class Responses(Api):
    """``/v1/responses``."""

    path: ClassVar[str] = "/v1/responses"
    events: ClassVar[type[Events]] = Typed

    def read(self, body: bytes) -> Asked:
        request = msgspec.json.decode(body, type=_Request)
        given = [Message("user", request.input)] if isinstance(request.input, str) else list(request.input)
        told = [Message("system", request.instructions)] if request.instructions else []
        return Asked([*told, *given], request.model, request.stream, request.max_output_tokens)

    def whole(self, completion: Completion, text: str, finish: Finish, usage: Usage) -> bytes:
        item = _message(completion, [_text(text)], _STATUS[finish])
        return encode(_response(completion, None, [item], _STATUS[finish], usage))

    def calling(self, completion: Completion, call: Call, usage: Usage) -> bytes:
        status = _STATUS["tool_calls"]
        return encode(_response(completion, None, [_called(call, status)], status, usage))


_STATUS: dict[Finish, str] = {"stop": "completed", "length": "incomplete", "tool_calls": "completed"}


def _called(call: Call, status: str) -> JsonObject:
    id_ = call.id.removeprefix("call_")
    return {
        "id": f"fc_{id_}",
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def _response(
    completion: Completion, asked: Asked | None, output: list[JsonObject], status: str, usage: Usage | None = None
) -> JsonObject:
    return {
        "id": f"resp_{completion.digest}",
        "object": "response",
        "created_at": completion.created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": asked.limit if asked else None,
        "model": completion.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(usage) if usage else None,
        "metadata": {},
    }


def _message(completion: Completion, content: list[JsonObject], status: str) -> JsonObject:
    return {
        "id": f"msg_{completion.digest}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _text(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.tokens_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.tokens_in + usage.tokens_out,
    }
