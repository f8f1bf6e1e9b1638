"""A target file with a word about each of its lines, checked as every target file is before anybody writes it down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.checks import target_problems
from harness.first_target.draft import Draft
from harness.problems import Problem, UsageProblems
from harness.reading.target import Target
from harness.reading.yaml import Document, read
from harness.reading.yaml.plain import scalar

_Place = tuple[str, ...]

_WORDS: Mapping[str, str] = {
    "schema": "what kind of file this is",
    "name": "stands in the report",
    "start": "the service's own process",
    "start.command": "{port} is a free port that it is to listen on",
    "start.env": "{port} is a free port that it is to listen on",
    "start.ready": "how to tell that it serves; it has 20 s to do so, or as long as within: says",
    "start.ready.get": "it serves when this path answers 2xx",
    "start.ready.tcp": "it serves when its port accepts a connection; a path that answers 2xx tells more: get: /healthz",
    "entries": "where questions are sent, in turn",
    "entries.*.url": "scheme, host and port; a scenario can tell entries apart by region: east",
    "ready": "how to tell that it serves; it has 20 s to do so, or as long as within: says",
    "ready.get": "it serves when this path answers 2xx",
    "ask": "how one question is put",
    "ask.protocol": "openai-chat, or json for any JSON API",
    "ask.path": "where it is posted to",
    "ask.model": "what stands in the request's model",
    "ask.stream": "whether the answer is asked for as a stream; default: true",
    "ask.body": "what is posted, with {question}, {conversation} and {user} filled in",
    "ask.headers": "sent with every question; ${NAME} is taken from the environment",
    "ask.reply": "where things stand in the reply, as JSON Pointers",
    "ask.reply.answer": "the answer",
    "ask.reply.snapshot_version": "which version of the data it stands on",
    "ask.reply.conversation": "the service's own name of the conversation",
    "links": "what it depends on; scenarios aim at links by kind and region",
    "links.*": "the name is yours; it stands in the report",
    "links.*.kind": "provider, store, cache, or a word of your own",
    "links.*.upstream": "where it really is",
    "links.*.upstream.simulated": "a provider of the harness's own, in place of a real one: no key, no network, no cost",
    "links.*.listen": "the service has to be told that it is here, on 127.0.0.1",
    "links.*.env": "how the service is told; {url}, {host} and {port} lead through the harness",
}
"""What is said beside each key, by its place; a ``*`` is any name or number."""


def document(draft: Draft, file: str) -> Document[Target]:
    """The target file of *draft* as text and as what it says. Raises UsageProblems with all that is wrong with it."""
    text = written(draft)
    try:
        found = read(text, Target, file)
    except UsageProblems as problems:
        raise UsageProblems(*(_of_what_was_said(problem) for problem in problems.problems)) from None
    if wrongs := list(target_problems(found, None)):
        raise UsageProblems(*map(_of_what_was_said, wrongs))
    return found


def _of_what_was_said(problem: Problem) -> Problem:
    """*problem* without its line: there is no such file yet, it is what was asked for that is wrong."""
    return Problem(problem.what, path=problem.path)


def written(draft: Draft) -> str:
    """The text of the file; every line of it says what it is for."""
    opening = [
        f"# {draft.name}: how to start or find it, how to ask it, and what it depends on.",
        "# Every key that there is stands in scenarios/targets/template.yaml of the harness.",
        *(f"# {_shown(line)}".rstrip() for line in draft.head),
        *(f"# Missing: {_shown(line)}" for line in draft.missing),
    ]
    lines = [*_mapping(draft.document(), (), 0)]
    width = min(72, max(len(line) for line, _ in lines))
    said = [f"{line:<{width}}  # {word}" if word else line for line, word in lines]
    return "\n".join([*opening, *said, ""])


def _shown(line: str) -> str:
    """*line* as a comment can hold it: what a service answered may be quoted in it."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def _mapping(values: Mapping[str, object], at: _Place, indent: int) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        place = (*at, key)
        yield from _entry(f"{' ' * indent}{_key(key)}:", value, place, indent)


def _entry(opening: str, value: object, place: _Place, indent: int) -> Iterator[tuple[str, str]]:
    word = _word(place)
    if isinstance(value, dict) and value and not _free(place):
        yield opening, word
        yield from _mapping(value, place, indent + 2)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        yield opening, word
        for item in value:
            inner = list(_mapping(item, (*place, "0"), indent + 4))
            first, first_word = inner[0]
            yield f"{' ' * indent}  - {first.lstrip()}", first_word
            yield from inner[1:]
    else:
        yield f"{opening} {_flow(value)}", word


def _free(place: _Place) -> bool:
    """Whether what is inside belongs to the service, and has no meaning of ours: it stands on one line."""
    return place[-1] in ("body", "headers", "env", "simulated")


def _word(place: _Place) -> str:
    for known, word in _WORDS.items():
        parts = known.split(".")
        if len(parts) == len(place) and all(part in ("*", here) for part, here in zip(parts, place, strict=True)):
            return word
    return ""


def _flow(value: object) -> str:
    """*value* on one line, as YAML 1.2 and 1.1 read it alike."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_key(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return value if _plain(value) else json.dumps(value, ensure_ascii=False)
        case _:
            return json.dumps(value)


_BARE = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*")
_WORDS_OF_YAML_1_1 = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def _plain(text: str) -> bool:
    """Whether *text* needs no quotes."""
    return _BARE.fullmatch(text) is not None and text.lower() not in _WORDS_OF_YAML_1_1 and scalar(text) == text


def _key(key: str) -> str:
    return key if _plain(key) else json.dumps(key, ensure_ascii=False)


def refuse_what_is_there(path: Path) -> None:
    """Raises UsageProblems where there is something at *path*: a person is told before anybody is asked for anything."""
    if path.exists() or path.is_symlink():
        what = "is there already, and was left as it is; name another file, or say --force"
        raise UsageProblems(Problem(what, file=str(path)))


def write(text: str, path: Path, *, over: bool) -> None:
    """*text* in a new file at *path*; raises UsageProblems where one is there already and nobody said that it may be *over* it."""
    try:
        with path.open("w" if over else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:  # it has come meanwhile
        refuse_what_is_there(path)
    except OSError as error:
        raise UsageProblems(Problem(f"cannot be written: {error.strerror}", file=str(path))) from error
