"""OpenAI's chat completions: a question as a request, and what their answers say, streamed or whole."""

from __future__ import annotations

import msgspec

from harness.protocols.asking import Asked, HttpRequest, MalformedError, Reader, ResolvedAsk, Said
from harness.protocols.calls import of_chat
from harness.protocols.wording import UNREADABLE, chat, chat_problems, looks_closer, quoted, with_pointers


class OpenAiChat:
    """OpenAI's chat completions, streamed or not. What *ask.body* has is sent along."""

    chats = True

    def problems(self, ask: ResolvedAsk) -> list[str]:
        return chat_problems(ask, "openai-chat")

    def request(self, ask: ResolvedAsk, asked: Asked) -> HttpRequest:
        first = [{"role": "system", "content": asked.system}] if asked.system else []
        offered = [{"type": "function", "function": msgspec.to_builtins(tool)} for tool in asked.tools]
        return chat(ask, asked, {"tools": offered} if offered else {}, first=first)

    def reader(self, ask: ResolvedAsk) -> Reader:
        return _OpenAiReader(ask)


class _Delta(msgspec.Struct):
    content: str | list[object] | None = None
    tool_calls: object = None
    function_call: object = None

    @property
    def called(self) -> str:
        if not self.tool_calls and not self.function_call:
            return ""
        return of_chat({"tool_calls": self.tool_calls, "function_call": self.function_call})

    @property
    def text(self) -> str:
        """Of parts, which some providers send in place of a text, what of them is text."""
        if isinstance(self.content, list):
            said = [part.get("text") if isinstance(part, dict) else part for part in self.content]
            return "".join(text for text in said if isinstance(text, str))
        return self.content or ""


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    """A chunk of a streamed completion, or a whole one; some providers write null for what they leave out."""

    choices: list[_Choice] | None = None
    error: object = None
    model: object = None


_completion = msgspec.json.Decoder(_Completion).decode


class _OpenAiReader:
    def __init__(self, ask: ResolvedAsk) -> None:
        self._ask = ask
        self._looks_closer = looks_closer(ask)

    def event(self, name: bytes, data: bytes) -> Said:
        if data.startswith(b"[DONE]"):
            return Said(finished=True, done=True)
        if name == b"error":
            return Said(error=quoted(data))
        completion = _decoded(data)
        choice = completion.choices[0] if completion.choices else _Choice()
        said = self._said(completion, data, choice.delta)
        return said._replace(finished=choice.finish_reason is not None, finish=choice.finish_reason or "")

    def whole(self, body: bytes) -> Said:
        completion = _decoded(body)
        if not completion.choices and not completion.error:
            raise MalformedError("neither choices nor error in the reply")
        choice = completion.choices[0] if completion.choices else _Choice()
        said = self._said(completion, body, choice.message)
        return said._replace(finish=choice.finish_reason or "")

    def _said(self, completion: _Completion, data: bytes, held: _Delta | None) -> Said:
        if completion.error:
            return Said(error=quoted(data))
        text, called = (held.text, held.called) if held else ("", "")
        said = with_pointers(self._ask, msgspec.json.decode(data), text) if self._looks_closer else Said(text)
        said = said._replace(called=called) if called else said
        named = completion.model
        return said._replace(model=named) if isinstance(named, str) and not said.model else said


def _decoded(data: bytes) -> _Completion:
    try:
        return _completion(data)
    except UNREADABLE as error:
        raise MalformedError(f"no chat completion: {error}") from error
