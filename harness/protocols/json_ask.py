"""Any JSON API: a body out of a template, and a reply in which JSON Pointers say where things stand."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from harness.protocols.asking import Asked, HttpRequest, MalformedError, Reader, ResolvedAsk, Said
from harness.protocols.calls import in_reply
from harness.protocols.pointer import at
from harness.protocols.wording import UNREADABLE, common_problems, filled_body, post, unasked, with_pointers


class JsonAsk:
    """A JSON body out of a template, and a JSON reply in which JSON Pointers say where things stand."""

    def problems(self, ask: ResolvedAsk) -> list[str]:
        problems = common_problems(ask)
        if ask.method == "GET":
            problems += _of_a_get(ask)
        elif ask.body is None:
            problems.append('the json protocol needs body: such as {question: "{question}"}')
        elif why := unasked(ask):
            problems.append(why)
        if ask.answer_pointer is None:
            problems.append("the json protocol needs reply.answer: a JSON Pointer such as /answer")
        return problems

    def request(self, ask: ResolvedAsk, asked: Asked) -> HttpRequest:
        return post(ask, asked, filled_body(ask, asked))

    def reader(self, ask: ResolvedAsk) -> Reader:
        return _JsonReader(ask)


def _of_a_get(ask: ResolvedAsk) -> Iterator[str]:
    """What cannot be where there is no body."""
    if ask.body is not None:
        yield "a GET has no body; leave body out, and write {question} in path, such as /ask?q={question}"
    elif why := unasked(ask):
        yield why
    if ask.nonce_place == "field":
        yield "a GET has no body, so the nonce cannot travel in a field of one; say nonce: {in: header, name: ...} or leave it out"


class _JsonReader:
    def __init__(self, ask: ResolvedAsk) -> None:
        self._ask = ask

    def event(self, name: bytes, data: bytes) -> Said:
        raise MalformedError("a stream of events; the json protocol reads one JSON reply")

    def whole(self, body: bytes) -> Said:
        try:
            reply = msgspec.json.decode(body)
        except UNREADABLE as error:
            raise MalformedError(f"no JSON: {error}") from error
        pointer, called = self._ask.answer_pointer or "", in_reply(reply)
        # Where a model has called a tool, there may be no text at all.
        answer = (
            at(reply, pointer) if called else at(reply, pointer, MalformedError(f"nothing at {pointer} in the reply"))
        )
        if not isinstance(answer, str | None) and not called:
            raise MalformedError(f"at {pointer} in the reply stands no text but {type(answer).__name__}")
        text = answer if isinstance(answer, str) else ""
        return with_pointers(self._ask, reply, text)._replace(called=called)
