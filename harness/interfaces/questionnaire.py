"""What a person is asked of a service that has no target file yet, question by question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.first_target.dependencies import dependency
from harness.first_target.given import Given
from harness.problems import UsageProblems

Ask = Callable[[str, str], str]
"""Puts a question, with the answer that an empty line stands for."""
Say = Callable[[str], None]


def answered(given: Given, ask: Ask, say: Say) -> Given:
    """*given*, completed by what a person answers; what was said already is not asked for."""
    url = ask("Where does it run? Its address, or nothing if the harness is to start it", "")
    given = replace(given, url=url) if url else _started(given, ask)
    return given if given.links else replace(given, links=_links(ask, say, "" if url else "openai=simulated"))


def _started(given: Given, ask: Ask) -> Given:
    command = ask("The command that starts it, with {port} where its port is said", "uvicorn app:app --port {port}")
    ready = given.ready or ask("A path that answers 2xx once it serves, or nothing", "") or None
    given = replace(given, command=command, ready=ready)
    protocol = given.protocol or ask("How is it asked: openai-chat, or json", "openai-chat")
    given = replace(given, protocol=protocol)
    if protocol != "json":
        path = given.path or ask("The path that is asked", "/v1/chat/completions")
        return replace(given, path=path, model=given.model or ask("The model", "default"))
    path = given.path or ask("The path that is asked", "/ask")
    field = given.field or ask("The field of the request that holds the question", "question")
    answer = given.answer or ask("Where the answer stands in the reply, as a JSON Pointer", "/answer")
    return replace(given, path=path, field=field, answer=answer)


def _links(ask: Ask, say: Say, default: str) -> tuple[str, ...]:
    """What it depends on, one a line until an empty one; what cannot be read is asked for again."""
    say("What does it depend on? NAME=UPSTREAM, such as openai=https://api.openai.com or redis=redis://127.0.0.1:6379;")
    say("openai=simulated is a provider of the harness's own.")
    found: list[str] = []
    while written := ask("Another one, or nothing" if found else "The first one, or nothing", "" if found else default):
        try:
            dependency(written)
        except UsageProblems as problems:
            say(str(problems))
        else:
            found.append(written)
    return tuple(found)
