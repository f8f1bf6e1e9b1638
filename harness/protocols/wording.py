"""What a question becomes over HTTP: templates filled in, the nonce in its place, and what is wrong with an ask whatever its protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from harness.protocols import pointer
from harness.protocols.asking import Asked, HttpRequest, MalformedError, ResolvedAsk, Said
from harness.protocols.grounding import Places, in_head, in_reply
from harness.protocols.nonce import idempotency_key, traceparent
from harness.reading.templates import fill_asked, placeholders, texts

# A byte that is no UTF-8 and an array of arrays without end are errors of their own to the decoder.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def post(ask: ResolvedAsk, asked: Asked, body: dict[str, object]) -> HttpRequest:
    headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    headers |= header_values(ask, asked)
    if ask.nonce_place == "field" and ask.nonce_name:
        _plant(body, ask.nonce_name.split("."), asked.nonce)
    path = path_of(ask, asked)
    if ask.method == "GET":
        del headers["content-type"]
        return HttpRequest("GET", path, headers, b"")
    return HttpRequest("POST", path, headers, msgspec.json.encode(body))


def header_values(ask: ResolvedAsk, asked: Asked) -> dict[str, str]:
    """The headers of *ask*, filled in, and those that carry the mark of *asked* whatever else does; names in lower case."""
    values = _values(ask, asked)
    headers = {name.lower(): _of_a_header(text, values) for name, text in ask.headers.items()}
    headers |= {"traceparent": traceparent(asked.nonce), "x-request-id": asked.nonce}
    if ask.nonce_place == "header" and ask.nonce_name:
        headers[ask.nonce_name.lower()] = asked.nonce
    return headers


def path_of(ask: ResolvedAsk, asked: Asked) -> str:
    """The path of *ask*, filled in."""
    return fill_asked(ask.path, {name: quote(value, safe="") for name, value in _values(ask, asked).items()})


def _plant(body: dict[str, object], path: list[str], text: str) -> None:
    """Set the field at *path* of *body*, making the objects on the way to it."""
    for name in path[:-1]:
        inner = body.get(name)
        body[name] = body = dict(inner) if isinstance(inner, dict) else {}
    body[path[-1]] = text


def prompt(ask: ResolvedAsk, asked: Asked) -> str:
    """The question with its mark, before what only makes it larger."""
    text = f"{asked.question} [{asked.nonce}]" if ask.nonce_place == "prompt" else asked.question
    return f"{text}\n\n{asked.filler}" if asked.filler else text


def _values(ask: ResolvedAsk, asked: Asked) -> dict[str, str]:
    return {
        "question": prompt(ask, asked),
        "conversation": asked.conversation,
        "nonce": asked.nonce,
        "user": asked.user,
        "key": idempotency_key(asked.nonce),
        "webhook": asked.webhook,
        "seen_version": "" if asked.seen_version is None else str(asked.seen_version),
    }


def _of_a_header(template: str, values: dict[str, str]) -> str:
    """A header ends with its line, and what is no ASCII goes over the wire as UTF-8."""
    if "{" not in template:
        return template
    lines = {name: " ".join(value.split()).encode().decode("latin-1") for name, value in values.items()}
    return fill_asked(template, lines)


def filled_body(ask: ResolvedAsk, asked: Asked) -> dict[str, object]:
    values = _values(ask, asked)
    return {name: _filled(value, values, asked.seen_version) for name, value in (ask.body or {}).items()}


def _filled(template: object, values: dict[str, str], seen_version: int | None) -> object:
    if isinstance(template, dict):
        return {name: _filled(value, values, seen_version) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values, seen_version) for value in template]
    if template == "{seen_version}":
        return seen_version
    # One pass: a question may itself contain a brace and a word.
    return fill_asked(template, values) if isinstance(template, str) else template


# How other tools, and people in a hurry, write where the question goes.
_MEANT = re.compile(
    r"\$?\{+\s*questions?\s*\}+|<\s*questions?\s*>|\[\s*questions?\s*\]|%\(?question\)?s?", re.IGNORECASE
)


def unasked(ask: ResolvedAsk) -> str | None:
    """Why no answer could be one to the question, which *ask* puts nowhere; None where it does."""
    written = [text for _, text in texts([ask.body, ask.path, list(ask.headers.values())])]
    if any("question" in placeholders(text) for text in written):
        return None
    meant = next((match[0] for text in written if (match := _MEANT.search(text))), None)
    seen = f"{meant} is no placeholder; " if meant else ""
    if _unquoted(ask.body):
        seen = "{question} without quotes is a mapping to YAML, and no text; "
    return (
        f"the question is put nowhere, so every answer would be one to nothing: {seen}"
        'write {question} where it goes in body (or path, or a header), such as body: {question: "{question}"}'
    )


def _unquoted(body: object) -> bool:
    """Whether ``{question}`` stands in *body* as YAML reads it without quotes: a mapping of that key alone, to nothing."""
    match body:
        case dict():
            return body == {"question": None} or any(map(_unquoted, body.values()))
        case list():
            return any(map(_unquoted, body))
    return False


_UNMARKED = frozenset({"", "0", "false", "no", "none", "null", "off", "full", "miss", "bypass"})


def marked(said: object) -> bool:
    """Whether *said*, of a reply or a header, marks it as something: any value does, but for those that say that it is nothing special."""
    # As of ``X-Cache: Miss from cloudfront`` the first word.
    return said.strip().lower().partition(" ")[0] not in _UNMARKED if isinstance(said, str) else bool(said)


def of_head(ask: ResolvedAsk, value: Callable[[str], object]) -> Said:
    """What the head of an answer says where the target file names headers; *value* gives what stands in one, or None."""
    degraded, cached = (_in_head(mark, value) for mark in (ask.degraded_mark, ask.cached_mark))
    return Said(
        degraded=degraded.so,
        cached=cached.so,
        grounding=in_head(_places(ask), value),
        says_degraded=degraded.said,
        says_cached=cached.said,
    )


def with_pointers(ask: ResolvedAsk, reply: object, text: str) -> Said:
    """*text*, with what stands in *reply* where the target file says; raises MalformedError."""
    try:
        version = pointer.version_at(reply, ask.snapshot_version_pointer) if ask.snapshot_version_pointer else None
    except ValueError as error:
        raise MalformedError(str(error)) from error
    conversation, model = (_text_at(reply, where) for where in (ask.conversation_pointer, ask.model_pointer))
    degraded, cached = (_in_reply(mark, reply) for mark in (ask.degraded_mark, ask.cached_mark))
    return Said(
        text,
        snapshot_version=version,
        conversation=conversation,
        model=model or "",
        degraded=degraded.so,
        cached=cached.so,
        grounding=in_reply(_places(ask), reply),
        says_degraded=degraded.said,
        says_cached=cached.said,
    )


def _places(ask: ResolvedAsk) -> Places:
    return Places(ask.prompt_version_at, ask.sources_at, ask.context_at, ask.keep_context)


def looks_closer(ask: ResolvedAsk) -> bool:
    """Whether `with_pointers` finds anything in a reply beside its text."""
    pointers = (ask.snapshot_version_pointer, ask.conversation_pointer, ask.model_pointer)
    places = (ask.degraded_mark, ask.cached_mark, ask.prompt_version_at, ask.sources_at, ask.context_at)
    return any(pointers) or any((place or "").startswith("/") for place in places)


def _text_at(reply: object, where: str | None) -> str | None:
    found = pointer.at(reply, where) if where else None
    return found if isinstance(found, str) else None


class _Mark(NamedTuple):
    """What stands where an answer is marked as something: anything at all, and that it is *so*."""

    said: bool = False
    so: bool = False


def _in_reply(mark: str | None, reply: object) -> _Mark:
    if mark is None or not mark.startswith("/"):
        return _Mark()
    found = pointer.at(reply, mark)
    return _Mark(found is not None, marked(found))


def _in_head(mark: str | None, value: Callable[[str], object]) -> _Mark:
    """Each cache on the way has its word there: one that has a header twice, or two words in one, is as good as two of one word."""
    if mark is None or mark.startswith("/"):
        return _Mark()
    found = value(mark)
    lines = found if isinstance(found, list) else [found]
    words = [word for line in lines for word in (line.split(",") if isinstance(line, str) else [line])]
    return _Mark(bool(found), any(map(marked, words)))


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110, 5.6.2)."""


_OURS = {
    "messages": "the {protocol} protocol sends the question as one message; for other messages use the json protocol",
    "model": "say it with ask.model",
    "stream": "say it with ask.stream",
}
"""What the body of a chat cannot say of itself, and how to say it."""
_OF_A_CHAT = (*_OURS, "system", "tools", "max_tokens", "max_completion_tokens")
"""What the body of a chat has from the question, and from ask."""


def chat_problems(ask: ResolvedAsk, protocol: str) -> list[str]:
    """What is wrong with an ask of a *protocol* by which a question is the one message of a chat with a model."""
    problems = common_problems(ask)
    if not ask.model:
        problems.append(f"the {protocol} protocol needs model: the name of a model")
    if ask.method != "POST":
        problems.append(f"the {protocol} protocol posts; leave method out")
    for name, why in _OURS.items():
        if name in (ask.body or {}):
            problems.append(f"body.{name} would be replaced: {why.format(protocol=protocol)}")
    if ask.nonce_place == "field" and (ask.nonce_name or "").partition(".")[0] in _OF_A_CHAT:
        problems.append(f"the nonce would take the place of {ask.nonce_name} in a chat; {_ANOTHER_FIELD}")
    return problems


def chat(
    ask: ResolvedAsk,
    asked: Asked,
    own: Mapping[str, object],
    *,
    first: Sequence[Mapping[str, str]] = (),
    usual: Mapping[str, object] = MappingProxyType({}),
) -> HttpRequest:
    """The question as the newest message of a chat, with all that *ask.body* has, and those *usual* settings that it does not say.

    *own*: what the question itself has beside its text, in the API's words; *first*: messages before all others.
    """
    messages = [*first, *_said_before(asked), {"role": "user", "content": prompt(ask, asked)}]
    said = {**usual, **filled_body(ask, asked), **own}
    if asked.max_tokens:
        # Newer models of OpenAI take no other word for it.
        said["max_completion_tokens" if "max_completion_tokens" in said else "max_tokens"] = asked.max_tokens
    return post(ask, asked, {**said, "model": ask.model, "messages": messages, "stream": ask.stream})


def _said_before(asked: Asked) -> Iterator[dict[str, str]]:
    for one in asked.history:
        yield {"role": "user", "content": one.question}
        yield {"role": "assistant", "content": one.answer}


def quoted(data: bytes) -> str:
    """The beginning of what an API said of an error."""
    return data[:200].decode("utf-8", "replace")


_CARRIERS = ("traceparent", "x-request-id")
"""Headers that every request has, with its mark."""
_ANOTHER_FIELD = "name a field of its own, such as metadata.request"


def _displaced(ask: ResolvedAsk) -> Iterator[str]:
    """What is told a service elsewhere in *ask*, and the nonce would take the place of: then nobody would be asked that."""
    name = ask.nonce_name or ""
    own = name.lower() if ask.nonce_place == "header" else ""
    for header, text in ask.headers.items():
        if text == "{nonce}":
            continue
        if header.lower() == own:
            yield f"header {name!r} stands in headers, and the nonce would take its place; name another one for the nonce"
        elif header.lower() in _CARRIERS:
            yield f"header {header!r} carries the mark of each request, whatever is written here; leave it out"
    if ask.nonce_place == "field":
        place, there = _in_the_way(ask.body, name.split("."))
        if lost := [one for _, text in texts(there) for one in placeholders(text) if one != "nonce"]:
            yield f"the nonce would take the place of {{{lost[0]}}} in {name}; {_ANOTHER_FIELD}"
        elif place != name and there is not None:
            yield f"the nonce would take the place of {place}, which is no object, in {name}; {_ANOTHER_FIELD}"


def _in_the_way(body: object, path: Sequence[str]) -> tuple[str, object]:
    """What stands in *body* at *path*, or on the way there in the place of an object, and where; None where nothing does."""
    for place, name in enumerate(path):
        if not isinstance(body, dict):
            return ".".join(path[:place]), body
        body = body.get(name)
    return ".".join(path), body


def common_problems(ask: ResolvedAsk) -> list[str]:
    problems = []
    if not ask.path.startswith("/") or re.search(r"[^\x21-\x7e]", ask.path):
        problems.append(f"path {ask.path!r} is no path of a URL; write one such as /v1/ask")
    named = {**ask.headers, **({ask.nonce_name: ""} if ask.nonce_place == "header" and ask.nonce_name else {})}
    for name, text in named.items():
        # Never the value itself: it may be a secret.
        if not TOKEN.fullmatch(name) or re.search(r"[^\t\x20-\x7e\x80-\xff]", text):
            problems.append(f"header {name!r} cannot be sent; a name has no spaces, a value only printable characters")
        elif name.lower() in ("content-length", "transfer-encoding", "connection"):
            problems.append(f"header {name!r} is the harness's own; leave it out")
    for what in ("answer", "snapshot_version", "conversation", "model"):
        told = getattr(ask, f"{what}_pointer")
        if told and not pointer.is_pointer(told):
            problems.append(f"reply.{what} {told!r} is no JSON Pointer; write one such as /{what}")
    places = {"degraded": ask.degraded_mark, "cached": ask.cached_mark, "prompt_version": ask.prompt_version_at}
    for what, told in {**places, "sources": ask.sources_at, "context": ask.context_at}.items():
        if told is not None and not (
            pointer.is_pointer(told) and told if told.startswith("/") else TOKEN.fullmatch(told)
        ):
            problems.append(
                f"reply.{what} {told!r} is neither; write a JSON Pointer such as /{what}, or the name of a header"
            )
    if ask.keep_context and ask.context_at is None:
        problems.append("reply.keep_context keeps nothing unless reply.context says where it stands, such as /context")
    if ask.nonce_place == "field" and "" in (ask.nonce_name or "").split("."):
        problems.append(f"the nonce's field {ask.nonce_name!r} is no dotted path; write one such as metadata.request")
    return [*problems, *_displaced(ask)]
