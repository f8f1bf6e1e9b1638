"""Templates: ``{port}`` stands for a value that the harness knows, ``${KEY}`` for a secret of the environment.

``{{`` and ``}}`` stand for braces, as in JSON on a command line, and ``$${KEY}`` for ``${KEY}`` itself. Values are
filled in first and secrets last, so that no secret is ever read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.problems import Problem
from harness.reading.target import Service, Target
from harness.reading.yaml import paths
from harness.reading.yaml.document import Document
from harness.reading.yaml.expected import nearest
from harness.reading.yaml.paths import Path
from harness.registry import suggestion

EVERYWHERE = frozenset({"python", "seed", "temp"})
OF_A_LINK = frozenset({"url", "host", "port"})
OF_A_QUESTION = frozenset({"question", "conversation", "seen_version", "nonce"})

_TOKEN = re.compile(
    r"(?P<secret>\$?\$\{[A-Za-z_][A-Za-z0-9_]*\})"
    r"|(?P<escaped>\{\{|\}\})"
    r"|\{(?P<name>[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)?)\}"
    r"|(?P<stray>[{}])"
)
_SECRET = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")


def placeholders(text: str) -> list[str]:
    """Names of the placeholders of *text*, each once, in the order in which they come; secrets are not among them."""
    return list(dict.fromkeys(match["name"] for match in _TOKEN.finditer(text) if match["name"]))


def wrongs(text: str, known: Collection[str]) -> list[str]:
    """What is wrong with *text* as a template of the *known* names: unknown ones, and braces that belong to nothing."""
    found = []
    for match in _TOKEN.finditer(text):
        if match["name"] and match["name"] not in known:
            found.append(f"unknown placeholder {match[0]}; {suggestion(match['name'], list(known))}")
        elif match["stray"]:
            brace = match["stray"]
            what = f"a lone {brace} is part of no placeholder; write {2 * brace} for a brace that is meant"
            secret = brace == "{" and text[: match.start()].endswith("$")
            found.append(what + (", or ${NAME} for a secret" if secret else ""))
    return list(dict.fromkeys(found))


def fill(text: str, values: Mapping[str, str]) -> str:
    """*text* with every placeholder replaced by its value, and its secrets left as they are.

    Raises ValueError that names all unknown placeholders and lone braces, and what would be right.
    """
    found = wrongs(text, values)
    if found:
        raise ValueError("; ".join(found))
    return _TOKEN.sub(
        lambda match: values[match["name"]] if match["name"] else match["secret"] or match["escaped"][0], text
    )


def secret_names(text: str) -> list[str]:
    """Names of the environment variables that *text* asks for, each once, in the order in which they come."""
    return list(dict.fromkeys(match["name"] for match in _SECRET.finditer(text) if not match["escaped"]))


def secrets(text: str, environment: Mapping[str, str]) -> str:
    """*text* with every ``${KEY}`` replaced from *environment*; raises ValueError that names those not set."""
    missing = [name for name in secret_names(text) if name not in environment]
    if missing:
        raise ValueError(f"not set in the environment: {', '.join(missing)}")
    return _SECRET.sub(lambda match: match[0][1:] if match["escaped"] else environment[match["name"]], text)


@dataclass(frozen=True, slots=True)
class Template:
    """A *text* of a target, the names that may stand in it, and whether secrets may."""

    path: Path
    text: str
    known: frozenset[str]
    secret: bool = False


def templates(target: Target) -> Iterator[Template]:
    """Every text of *target* that the harness fills in before it is used, in the order of the model."""
    ports = frozenset(f"{name}.port" for name in [*target.services, *(["target"] if target.start else [])])
    common = EVERYWHERE | ports | {f"{name}.{part}" for name in target.links for part in OF_A_LINK}
    own = common | {"port"}
    outside = own if target.start else common
    for name, service in target.services.items():
        yield from _of_service(("services", name), service, own)
    if target.start:
        yield from _of_service(("start",), target.start, own)
    for index, entry in enumerate(target.entries):
        yield Template(("entries", index, "url"), entry.url, outside)
    for name, text in target.ask.headers.items():
        yield Template(("ask", "headers", name), text, common, secret=True)
    for name, link in target.links.items():
        if isinstance(link.upstream, str):
            # Not the address of a link: a proxy would stand in front of a proxy.
            yield Template(("links", name, "upstream"), link.upstream, ports)
        for key, text in link.env.items():
            yield Template(("links", name, "env", key), text, own | OF_A_LINK)
    if target.publish:
        yield Template(("publish", "post"), target.publish.post, outside)


def unknown_placeholders(target: Document[Target]) -> list[Problem]:
    """Everything in the templates of *target* that nothing will fill, each with its line."""
    found = [
        target.problem(paths.written(template.path), what)
        for template in templates(target.value)
        for what in [*wrongs(template.text, template.known), *([] if template.secret else _misplaced(template.text))]
    ]
    asked = target.value.ask.path
    if "{" in asked:
        found.append(
            target.problem("ask.path", f"{asked!r} would be asked for as it is: nothing is filled into a path")
        )
    return found + [
        target.problem(paths.written(path), f"unknown placeholder {{{name}}}; did you mean {near!r}?")
        for path, text in _texts(("ask", "body"), target.value.ask.body)
        for name, near in _slips(text)
    ]


def untold_links(target: Document[Target]) -> list[Problem]:
    """Every link of *target* whose address nobody is told, so that nothing can ever be sent over it."""
    named = {name.split(".")[0] for template in templates(target.value) for name in placeholders(template.text)}
    return [
        target.problem(
            f"links.{name}",
            f'nobody is told where it is; give it env: {{NAME: "{{url}}"}}, or use {{{name}.url}} in a command or an env, '
            "or say with listen: PORT where a service that runs already reaches it",
        )
        for name, link in target.value.links.items()
        if not link.env and link.listen is None and name not in named
    ]


def missing_secrets(target: Document[Target], environment: Mapping[str, str]) -> list[Problem]:
    """Every ``${KEY}`` of *target* that is not in *environment*, at each place that asks for it."""
    return [
        target.problem(paths.written(template.path), f"${{{name}}} is not set in the environment")
        for template in templates(target.value)
        if template.secret
        for name in secret_names(template.text)
        if name not in environment
    ]


def _of_service(at: Path, service: Service, known: frozenset[str]) -> Iterator[Template]:
    for index, word in enumerate(service.command):
        yield Template((*at, "command", index), word, known, secret=True)
    for key, text in service.env.items():
        yield Template((*at, "env", key), text, known, secret=True)


def _misplaced(text: str) -> list[str]:
    where = "secrets are filled into a service's command and env, and into headers"
    return [f"${{{name}}} would stay as it is here; {where}" for name in secret_names(text)]


def _slips(text: str) -> Iterator[tuple[str, str]]:
    """Names in braces that are nearly those of a question's placeholders; all else in a body is the target's affair."""
    for name in placeholders(text):
        near = nearest(name, sorted(OF_A_QUESTION))
        if name not in OF_A_QUESTION and near:
            yield name, near


def _texts(at: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Every text inside a JSON value, with its place."""
    match value:
        case str():
            yield at, value
        case dict():
            for key, inner in value.items():
                yield from _texts((*at, key), inner)
        case list():
            for index, inner in enumerate(value):
                yield from _texts((*at, index), inner)
