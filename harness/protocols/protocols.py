"""How a question is worded in HTTP and how its answer is read, one protocol a name; nothing here touches the network.

A protocol builds an `HttpRequest` and gives a `Reader`, which turns an event of a stream, or a whole body, into what it
`Said`.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from harness.protocols.asking import Ask
from harness.protocols.nonce import traceparent
from harness.registry import Registry, load_third_parties


class Asked(NamedTuple):
    """One question, as one conversation puts it."""

    question: str
    conversation: str
    seen_version: int | None
    nonce: str


class HttpRequest(NamedTuple):
    """A request before it has an address."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    def encode(self, url: str) -> bytes:
        """What goes over a connection to the entry at *url*, whose own path comes before the request's."""
        parts = urlsplit(url)
        headers = {"host": parts.netloc.rpartition("@")[2], **self.headers, "content-length": str(len(self.body))}
        first = f"{self.method} {parts.path.rstrip('/')}{self.path} HTTP/1.1"
        lines = [first, *(f"{name}: {text}" for name, text in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


class Said(NamedTuple):
    """What one event of a stream, or a whole body, says. *error* is what the target says went wrong.

    *finished*: there is no more text to come; *done*: there is nothing more to come.
    """

    text: str = ""
    finished: bool = False
    done: bool = False
    error: str | None = None
    snapshot_version: int | None = None
    conversation: str | None = None


class MalformedError(ValueError):
    """An answer that its protocol does not allow."""


class Reader(Protocol):
    """Reads the answer to one request."""

    def event(self, name: bytes, data: bytes) -> Said:
        """What one server-sent event says; raises MalformedError."""

    def whole(self, body: bytes) -> Said:
        """What a body that is no stream of events says; raises MalformedError."""


class AskProtocol(Protocol):
    """One way to ask a target."""

    def problems(self, ask: Ask) -> list[str]:
        """What is wrong with *ask* for this protocol, each with what would be right."""

    def request(self, ask: Ask, asked: Asked) -> HttpRequest: ...

    def reader(self, ask: Ask) -> Reader: ...


class OpenAiChat:
    """OpenAI's chat completions, streamed or not. What *ask.body* has is sent along."""

    def problems(self, ask: Ask) -> list[str]:
        problems = _common_problems(ask)
        return problems if ask.model else [*problems, "the openai-chat protocol needs model: the name of a model"]

    def request(self, ask: Ask, asked: Asked) -> HttpRequest:
        messages = [{"role": "user", "content": _prompt(ask, asked)}]
        body = {**_filled_body(ask, asked), "model": ask.model, "messages": messages, "stream": ask.stream}
        return _post(ask, asked, body)

    def reader(self, ask: Ask) -> Reader:
        return _OpenAiReader(ask)


class JsonAsk:
    """A JSON body out of a template, and a JSON reply in which JSON Pointers say where things stand."""

    def problems(self, ask: Ask) -> list[str]:
        problems = _common_problems(ask)
        if ask.body is None:
            problems.append('the json protocol needs body: such as {question: "{question}"}')
        if ask.answer_pointer is None:
            problems.append("the json protocol needs reply.answer: a JSON Pointer such as /answer")
        return problems

    def request(self, ask: Ask, asked: Asked) -> HttpRequest:
        return _post(ask, asked, _filled_body(ask, asked))

    def reader(self, ask: Ask) -> Reader:
        return _JsonReader(ask)


PROTOCOLS: Registry[AskProtocol] = Registry("ask protocol")
PROTOCOLS.add("openai-chat", OpenAiChat())
PROTOCOLS.add("json", JsonAsk())


def protocol(name: str) -> AskProtocol:
    """The protocol called *name*, ours or a third party's. Raises UnknownNameError."""
    if name not in PROTOCOLS:
        load_third_parties("protocols")
    return PROTOCOLS[name]


# A byte that is no UTF-8 and an array of arrays without end are errors of their own to the decoder.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Delta(msgspec.Struct):
    content: str | list[object] | None = None

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


_completion = msgspec.json.Decoder(_Completion).decode


class _OpenAiReader:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._looks_closer = bool(ask.snapshot_version_pointer or ask.conversation_pointer)

    def event(self, name: bytes, data: bytes) -> Said:
        if data.startswith(b"[DONE]"):
            return Said(finished=True, done=True)
        if name == b"error":
            return Said(error=_text(data))
        completion = _decoded(data)
        choice = completion.choices[0] if completion.choices else _Choice()
        said = self._said(completion, data, choice.delta.text if choice.delta else "")
        return said._replace(finished=choice.finish_reason is not None)

    def whole(self, body: bytes) -> Said:
        completion = _decoded(body)
        if not completion.choices and not completion.error:
            raise MalformedError("neither choices nor error in the reply")
        message = completion.choices[0].message if completion.choices else None
        return self._said(completion, body, message.text if message else "")

    def _said(self, completion: _Completion, data: bytes, text: str) -> Said:
        if completion.error:
            return Said(error=_text(data))
        if not self._looks_closer:
            return Said(text)
        return _with_pointers(self._ask, msgspec.json.decode(data), text)


class _JsonReader:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def event(self, name: bytes, data: bytes) -> Said:
        raise MalformedError("a stream of events; the json protocol reads one JSON reply")

    def whole(self, body: bytes) -> Said:
        try:
            reply = msgspec.json.decode(body)
        except _UNREADABLE as error:
            raise MalformedError(f"no JSON: {error}") from error
        pointer = self._ask.answer_pointer or ""
        answer = at(reply, pointer, MalformedError(f"nothing at {pointer} in the reply"))
        if not isinstance(answer, str | None):
            raise MalformedError(f"at {pointer} in the reply stands no text but {type(answer).__name__}")
        return _with_pointers(self._ask, reply, answer or "")


def at(document: object, pointer: str, missing: MalformedError | None = None) -> object:
    """What stands at a JSON *pointer* (RFC 6901) in *document*; where nothing does, None, or *missing* is raised."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and re.fullmatch(r"0|[1-9][0-9]*", key, re.ASCII) and int(key) < len(document):
            document = document[int(key)]
        elif missing:
            raise missing
        else:
            return None
    return document


# Above it, not every whole number is another one where numbers have 64 bits.
_VERSION_MAX = 2**53


def _with_pointers(ask: Ask, reply: object, text: str) -> Said:
    version = at(reply, ask.snapshot_version_pointer) if ask.snapshot_version_pointer else None
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise MalformedError(f"at {ask.snapshot_version_pointer} in the reply stands no whole number: {version!r:.40}")
    if version is not None and abs(version) > _VERSION_MAX:
        raise MalformedError(
            f"at {ask.snapshot_version_pointer} in the reply stands {version}, too large for a version that counts up"
        )
    conversation = at(reply, ask.conversation_pointer) if ask.conversation_pointer else None
    return Said(text, snapshot_version=version, conversation=conversation if isinstance(conversation, str) else None)


def _decoded(data: bytes) -> _Completion:
    try:
        return _completion(data)
    except _UNREADABLE as error:
        raise MalformedError(f"no chat completion: {error}") from error


def _text(data: bytes) -> str:
    return data[:200].decode("utf-8", "replace")


def _post(ask: Ask, asked: Asked, body: dict[str, object]) -> HttpRequest:
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    headers |= {name.lower(): text for name, text in ask.headers.items()}
    headers |= {"traceparent": traceparent(asked.nonce), "x-request-id": asked.nonce}
    if ask.nonce_place == "header" and ask.nonce_name:
        headers[ask.nonce_name.lower()] = asked.nonce
    elif ask.nonce_place == "field" and ask.nonce_name:
        _plant(body, ask.nonce_name.split("."), asked.nonce)
    return HttpRequest("POST", ask.path, headers, msgspec.json.encode(body))


def _plant(body: dict[str, object], path: list[str], text: str) -> None:
    """Set the field at *path* of *body*, making the objects on the way to it."""
    for name in path[:-1]:
        inner = body.get(name)
        body[name] = body = dict(inner) if isinstance(inner, dict) else {}
    body[path[-1]] = text


def _prompt(ask: Ask, asked: Asked) -> str:
    return f"{asked.question} [{asked.nonce}]" if ask.nonce_place == "prompt" else asked.question


_PLACEHOLDER = re.compile(r"\{(question|conversation|seen_version|nonce)\}")


def _filled_body(ask: Ask, asked: Asked) -> dict[str, object]:
    values = {"question": _prompt(ask, asked), "conversation": asked.conversation, "nonce": asked.nonce}
    values["seen_version"] = "" if asked.seen_version is None else str(asked.seen_version)
    return {name: _filled(value, values, asked.seen_version) for name, value in (ask.body or {}).items()}


def _filled(template: object, values: dict[str, str], seen_version: int | None) -> object:
    if isinstance(template, dict):
        return {name: _filled(value, values, seen_version) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values, seen_version) for value in template]
    if template == "{seen_version}":
        return seen_version
    # One pass: a question may itself contain a brace and a word.
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template) if isinstance(template, str) else template


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _common_problems(ask: Ask) -> list[str]:
    problems = []
    if not ask.path.startswith("/") or re.search(r"[^\x21-\x7e]", ask.path):
        problems.append(f"path {ask.path!r} is no path of a URL; write one such as /v1/ask")
    named = {**ask.headers, **({ask.nonce_name: ""} if ask.nonce_place == "header" and ask.nonce_name else {})}
    for name, text in named.items():
        # Never the value itself: it may be a secret.
        if not _TOKEN.fullmatch(name) or re.search(r"[^\t\x20-\x7e\x80-\xff]", text):
            problems.append(f"header {name!r} cannot be sent; a name has no spaces, a value only printable characters")
        elif name.lower() in ("content-length", "transfer-encoding", "connection"):
            problems.append(f"header {name!r} is the harness's own; leave it out")
    for what in ("answer", "snapshot_version", "conversation"):
        pointer = getattr(ask, f"{what}_pointer")
        if pointer and not re.fullmatch(r"(/([^~/]|~[01])*)*", pointer):
            problems.append(f"reply.{what} {pointer!r} is no JSON Pointer; write one such as /{what}")
    if ask.nonce_place == "field" and "" in (ask.nonce_name or "").split("."):
        problems.append(f"the nonce's field {ask.nonce_name!r} is no dotted path; write one such as metadata.request")
    return problems
