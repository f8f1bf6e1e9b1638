"""A look at a service that runs: which of the ways to ask it are answered, as a run would ask and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import msgspec

from harness.first_target.draft import MODEL, with_reply
from harness.first_target.openapi import FIELDS, described
from harness.first_target.replies import answer_at, conversation_at, needed_fields, version_at
from harness.first_target.service import Answer, Service
from harness.reading.target import Ask
from harness.record.masking import NOTHING, Mask

QUESTIONS = ("What can you help me with?", "Which day comes after Monday?")
_READY = ("/healthz", "/health", "/readyz", "/ready", "/livez", "/ping", "/v1/models", "/")
_CHATS = ("/v1/chat/completions", "/chat/completions", "/api/v1/chat/completions", "/api/chat/completions")
_JSON_PATHS = ("/ask", "/chat", "/query", "/answer", "/v1/ask", "/v1/chat", "/v1/query", "/api/ask", "/api/chat", "/api/query",
               "/generate", "/invoke", "/")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at a service at *url*: *asking* None where nothing that it was asked was answered."""

    url: str
    asking: Ask | None
    ready: str | None
    found: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What a person has said of the way to ask, so that nothing else is tried."""

    protocol: str | None = None
    model: str | None = None
    field: str | None = None
    stream: bool | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field,) if self.field else FIELDS


def look(url: str, headers: Mapping[str, str], within_s: float, known: Known = Known(), mask: Mask = NOTHING) -> Seen:
    """Look at the service at *url*, which may end in the path that is asked, sending *headers* along; an answer may take *within_s*.

    What *mask* hides is in nothing that was seen, whatever the service echoes.
    Raises UsageProblems where nothing answers at *url*.
    """
    with closing(Service(url, headers, within_s, mask)) as service:
        service.reach()
        ready = next((path for path in _READY if service.look(path) is not None), None)
        return _Search(service, known).seen(ready)


class _Search:
    """Tries one way after another, and remembers what came closest."""

    def __init__(self, service: Service, known: Known) -> None:
        self._service, self._known = service, known
        self._closest: tuple[Ask, Answer] | None = None
        self._nobody_at: set[str] = set()
        self._tells: list[Ask] = []

    def seen(self, ready: str | None) -> Seen:
        doubtful: tuple[Ask, str] | None = None
        for asking in self._ways():
            if doubtful and asking.path != doubtful[0].path:
                break
            answered, doubt = self._tried(asking)
            if answered and not doubt:
                return Seen(
                    self._service.url, answered, ready, (f"POST {answered.path} answers{_named(answered)}",), ()
                )
            if answered:
                doubtful = doubtful or (answered, doubt)
            if self._closest and _refuses(self._closest[1]):
                break
        if doubtful:
            return Seen(self._service.url, doubtful[0], ready, (), (doubtful[1],))
        if self._closest is None:
            what = "nothing there takes a question at the paths that were tried; say where with --path"
            return Seen(self._service.url, None, ready, (), (what,))
        asking, answer = self._closest
        return Seen(
            self._service.url, asking, ready, (), (f"POST {asking.path} answered {answer.told}{_hint(answer)}",)
        )

    def _ways(self) -> Iterator[Ask]:
        """Every way to ask that is worth a try, the likeliest first."""
        for asking in self._all_ways():
            if asking.path not in self._nobody_at and self._known.protocol in (None, asking.protocol):
                yield asking

    def _all_ways(self) -> Iterator[Ask]:
        path, tells = self._service.path, described(_json(self._service.look("/openapi.json")))
        self._tells = tells
        if path:
            chats = [path] if path.endswith("/chat/completions") else [f"{path}/chat/completions", path]
            paths = [path]
        else:
            chats = [*(asking.path for asking in tells if asking.protocol == "openai-chat"), *_CHATS]
            paths = [*(asking.path for asking in tells if asking.protocol == "json")] or [*_JSON_PATHS]
        yield from self._chats(chats, tells)
        if not self._known.field:
            yield from (asking for asking in tells if asking.protocol == "json" and asking.path in paths)
        for one in dict.fromkeys(paths):
            yield from (Ask(protocol="json", path=one, body={field: "{question}"}) for field in self._known.fields)

    def _chats(self, paths: list[str], tells: list[Ask]) -> Iterator[Ask]:
        told = {asking.path: asking.model for asking in tells if asking.protocol == "openai-chat"}
        for path in dict.fromkeys(paths):
            listed = self._known.model or self._listed(path.removesuffix("/chat/completions"))
            yield Ask(protocol="openai-chat", path=path, model=listed or told.get(path) or MODEL)

    def _listed(self, prefix: str) -> str | None:
        """The first model that ``GET …/models`` lists."""
        listed = _json(self._service.look(f"{prefix}/models"))
        models = listed.get("data") if isinstance(listed, dict) else None
        first = models[0] if isinstance(models, list) and models else None
        name = first.get("id") if isinstance(first, dict) else None
        return name if isinstance(name, str) and name else None

    def _tried(self, asking: Ask) -> tuple[Ask | None, str]:
        """*asking*, completed by what its answer shows, with what is doubtful about that; None where it is not answered well."""
        if asking.protocol == "openai-chat":
            return self._tried_chat(asking), ""
        answer = self._service.ask(asking, QUESTIONS[0])
        if answer.status in (400, 422) and not self._known.field and (needed := needed_fields(answer.reply)):
            # What a service says of itself names the field of the question; what was only tried does not.
            placed = asking in self._tells
            asking = asking.model_copy(update={"body": _with(asking.body or {}, needed, placed=placed)})
            answer = self._service.ask(asking, QUESTIONS[0])
        if not answer.well:
            self._remember(asking, answer)
            return None, ""
        return self._completed(asking, answer)

    def _tried_chat(self, asking: Ask) -> Ask | None:
        for stream in (True, False) if self._known.stream is None else (self._known.stream,):
            one = asking.model_copy(update={"stream": stream})
            answer = self._service.ask(one, QUESTIONS[0])
            if answer.well:
                return one.model_copy(update={"stream": answer.streamed})
            self._remember(one, answer)
            if answer.nobody_there or not answer.status:
                return None
        return None

    def _completed(self, asking: Ask, answer: Answer) -> tuple[Ask | None, str]:
        reply = answer.reply
        pointer = answer_at(reply, QUESTIONS[0])
        if pointer is None:
            self._remember(asking, replace(answer, wrong="in the reply stands no text that could be an answer"))
            return None, ""
        conversed = "{conversation}" in (asking.body or {}).values()
        whole = with_reply(
            asking,
            answer=pointer,
            snapshot_version=version_at(reply),
            conversation=conversation_at(reply) if conversed else None,
        )
        first, second = (self._service.ask(whole, question) for question in QUESTIONS)
        if not (first.well and second.well):
            self._remember(asking, second if first.well else first)
            return None, ""
        if first.text == second.text:
            named = next(name for name, text in (asking.body or {}).items() if text == "{question}")
            return (
                whole,
                f"POST {asking.path} gave two questions one answer: see that the question really goes in {named!r}",
            )
        return whole, ""

    def _remember(self, asking: Ask, answer: Answer) -> None:
        if answer.nobody_there:
            self._nobody_at.add(asking.path)
        elif answer.status and (self._closest is None or _nearness(answer) > _nearness(self._closest[1])):
            self._closest = (asking, answer)


def _with(body: Mapping[str, object], needed: list[str], *, placed: bool) -> dict[str, object]:
    """*body* with the fields that its service says it *needed*; unless it is *placed*, the question goes to the most telling of them."""
    likely = next((field for field in FIELDS if field in needed), needed[0] if len(needed) == 1 else None)
    question = None if placed else likely
    kept = {name: value for name, value in body.items() if value != "{question}"} if question else dict(body)
    return {**kept, **{name: "{question}" if name == question else "" for name in needed}}


def _refuses(answer: Answer) -> bool:
    return answer.status in (401, 403)


def _nearness(answer: Answer) -> int:
    """How close an answer that was not good came to one."""
    if _refuses(answer):
        return 4
    return 3 if 200 <= answer.status < 300 else 2 if answer.status >= 500 else 1


def _hint(answer: Answer) -> str:
    if _refuses(answer):
        return "; say what it wants, such as --header 'authorization: Bearer ${MY_KEY}'"
    if answer.status >= 500:
        return "; see its log, and whether it reaches what it depends on"
    return "; say how it is asked with --path, --field, --model or --answer"


def _named(asking: Ask) -> str:
    if asking.protocol == "openai-chat":
        streamed = ", streamed" if asking.stream else ", in one piece"
        return f" as OpenAI's chat completions{streamed}; model {asking.model}"
    named = next((name for name, text in (asking.body or {}).items() if text == "{question}"), "")
    return f" JSON: the question in {named!r}, the answer at {asking.reply.answer}"


def _json(body: bytes | None) -> object:
    try:
        found: object = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found
