"""What a person has said of a service, and the draft of a target file that it comes to."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.first_target.dependencies import dependency, told_apart
from harness.first_target.draft import MODEL, Dependency, Draft, is_read, with_reply
from harness.first_target.names import name_of
from harness.problems import Problem, UsageProblems
from harness.reading.hosts import host_of, on_this_machine
from harness.reading.placeholders import secrets_among
from harness.reading.target import Ask, Reply
from harness.reading.templates import secret_names, secrets
from harness.record.masking import Mask

WAYS = (
    "say where the service runs (--url http://127.0.0.1:8000), how it is started (--command 'uvicorn app:app --port {port}'), "
    "or in which Compose file it lives (--compose docker-compose.yml)"
)


@dataclass(frozen=True, slots=True)
class Given:
    """What was said; one of *url*, *command* and *compose* has to be there. None and nothing: nobody said."""

    file: Path
    name: str | None = None
    url: str | None = None
    command: str | None = None
    compose: Path | None = None
    service: str | None = None
    ready: str | None = None
    protocol: str | None = None
    path: str | None = None
    model: str | None = None
    stream: bool | None = None
    field: str | None = None
    answer: str | None = None
    headers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()

    @property
    def ways(self) -> int:
        """How many ways were said in which the service comes to run."""
        return sum(one is not None for one in (self.url, self.command, self.compose))


def draft(given: Given, environment: Mapping[str, str], within_s: float) -> Draft:
    """The draft that *given* comes to; a service that runs is looked at, and one answer may take *within_s*.

    Raises UsageProblems with what was said wrongly, and where nothing answers at the address that was said.
    """
    if given.ways != 1:
        raise UsageProblems(Problem(WAYS if not given.ways else f"these are {given.ways} ways at once; {WAYS}"))
    headers, links = _headers(given.headers, environment), told_apart([dependency(link) for link in given.links])
    if given.url is not None:
        found = replace(_looked_at(given, headers, environment, within_s), dependencies=links)
    elif given.compose is not None:
        found = _lives_in_compose(given, links)
    else:
        found = replace(_started(given), dependencies=links)
    missing = (*found.missing, *([] if found.dependencies else [_NOTHING_TO_BREAK]))
    return replace(found, headers=headers, missing=missing)


_NOTHING_TO_BREAK = "links: nobody said what it depends on, so nothing can be broken; say it, such as --link openai=https://api.openai.com"


def _started(given: Given) -> Draft:
    try:
        command = tuple(shlex.split(given.command or ""))
    except ValueError as error:
        raise UsageProblems(
            Problem(f"{given.command!r} cannot be split into words: {error}", path="--command")
        ) from error
    if not command:
        raise UsageProblems(
            Problem("is empty; write it as in a shell, such as 'uvicorn app:app --port {port}'", path="--command")
        )
    untold = [] if any("{port}" in word for word in command) else [_UNTOLD_PORT]
    asking, guessed = _asking(given)
    return Draft(_name(given), asking, command=command, ready=given.ready, missing=(*untold, *guessed))


_GUESSED = "ask: where the question goes in the body, and where the answer stands in the reply, are guesses as long as it is not answered"
_UNTOLD_PORT = (
    "start.env: that it takes its port from PORT is a guess; write {port} in start.command where it is said, "
    "or name another variable"
)


def _asking(given: Given, path: str | None = None) -> tuple[Ask, tuple[str, ...]]:
    """The way to ask that was said, and what of it is a guess."""
    if (given.protocol or ("json" if given.field or given.answer else "openai-chat")) == "json":
        said = Ask(
            protocol="json",
            path=given.path or path or "/ask",
            body={given.field or "question": "{question}"},
            reply=Reply(answer=given.answer or "/answer"),
        )
        guesses = {"path": given.path or path, "field": given.field, "answer": given.answer}
    else:
        stream = True if given.stream is None else given.stream
        where = given.path or path or "/v1/chat/completions"
        said = Ask(protocol=given.protocol or "openai-chat", path=where, model=given.model or MODEL, stream=stream)
        guesses = {"path": given.path or path, "model": given.model}
    untold = [f"--{name}" for name, value in guesses.items() if value is None]
    what = f"ask: how it is asked is a guess as long as nobody says {', '.join(untold)}; harness ask tells whether it is right"
    return said, (what,) if untold else ()


def _looked_at(given: Given, headers: Mapping[str, str], environment: Mapping[str, str], within_s: float) -> Draft:
    from harness.first_target.looking import Known, look  # what asks over HTTP takes its time to load

    assert given.url is not None
    url = _allowed(given.url, given.allowed_hosts) + (given.path or "")
    known = Known(given.protocol, given.model, given.field, given.stream)
    asked = {name for text in headers.values() for name in secret_names(text)}
    mask = Mask(secrets_among(environment, asked))
    seen = look(url, _with_secrets(headers, environment), within_s, known, mask)
    asking, guessed = (seen.asking, ()) if seen.asking else _asking(given, urlsplit(url).path or None)
    if given.answer:
        asking = with_reply(asking, answer=given.answer)
    elif not is_read(asking):
        asking, guessed = with_reply(asking, answer="/answer"), (*guessed, _GUESSED)
    return Draft(
        _name(given),
        asking,
        url=seen.url,
        ready=given.ready or seen.ready,
        found=seen.found,
        missing=(*seen.missing, *guessed),
    )


def _lives_in_compose(given: Given, links: Sequence[Dependency]) -> Draft:
    from harness.first_target.compose_file import drafted

    assert given.compose is not None
    asking, guessed = _asking(given)
    found = drafted(given.compose, given.service, given.file, asking, links)
    return replace(
        found, name=given.name or found.name, ready=given.ready or found.ready, missing=(*found.missing, *guessed)
    )


def _allowed(url: str, allowed: Collection[str]) -> str:
    """*url* without what follows its path; raises UsageProblems for a host off this machine that nobody *allowed*."""
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        right = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 80) and "@" not in parts.netloc
    except ValueError:
        right = False
    if not right:
        raise UsageProblems(
            Problem(f"{url!r} is no HTTP address; write one such as http://127.0.0.1:8000", path="--url")
        )
    host = host_of(whole) or ""
    if not on_this_machine(host) and host.lower() not in {name.lower() for name in allowed}:
        what = f"{host!r} is not on this machine; if it may be asked a few questions, allow it with --allow-host {host}"
        raise UsageProblems(Problem(what, path="--url"))
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _headers(written: Collection[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The headers, by name. What a shell has filled in of a secret is taken for the variable that it was filled in from."""
    known, found = secrets_among(environment, ()), {}
    for one in written:
        name, colon, value = one.partition(":")
        if not colon or not name.strip():
            shown = Mask(known).text(one)
            what = f"{shown!r} is not NAME: VALUE, such as 'authorization: Bearer ${{MY_KEY}}'"
            raise UsageProblems(Problem(what, path="--header"))
        for variable, secret in sorted(known.items(), key=lambda item: -len(item[1])):
            value = value.replace(secret, f"${{{variable}}}")
        found[name.strip()] = value.strip()
    return found


def _with_secrets(headers: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    unset = [name for text in headers.values() for name in secret_names(text) if name not in environment]
    if unset:
        raise UsageProblems(*(Problem(f"${{{name}}} is not set in the environment", path="--header") for name in unset))
    return {name: secrets(text, environment) for name, text in headers.items()}


def _name(given: Given) -> str:
    return given.name or name_of(given.file.stem)
