"""The placeholders of a target file: where each may stand, and what nothing would fill in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from harness.problems import Problem
from harness.reading.hosts import password_of
from harness.reading.target import Link, Target
from harness.reading.templates import OF_A_QUESTION, placeholders, secret_names, suggested, texts, wrongs
from harness.reading.yaml import paths
from harness.reading.yaml.document import Document, Draft
from harness.reading.yaml.expected import nearest_one
from harness.reading.yaml.paths import KeyPath

EVERYWHERE = frozenset({"python", "seed", "temp"})
_SECRET_NAME = re.compile(
    r"(?i:(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?$|_(?:PASS|PWD|PAT|AUTH|DSN|CONNECTION_STRING)$"
    # One of several, as in OPENAI_API_KEY_EAST and API_KEY_2.
    r"|(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD)S?"
    r"(?:_(?!(?:FILE|PATH|DIR|ID|NAME|URL|URI|TYPE|HOST|PORT|HEADER|PREFIX|ENDPOINT|ALGORITHM|SIZE|LIMIT)(?:_|$))[A-Z0-9]+){1,2}$)"
)
_A_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-(?!.*(?:test|fake|dummy|unused|none))[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35}|gh[pousr]_[A-Za-z0-9]{36}|"
    r"AKIA[A-Z0-9]{16}|xox[abp]-[A-Za-z0-9-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.)"
)
"""How the keys of OpenAI and Anthropic, Google, GitHub, AWS and Slack begin, and signed tokens."""
# Of what nobody said that it is a secret; a shorter one may be a number or a name.
_INHERITED_CHARS = 12
_USER_OF_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^\s/?#:@\"'<>]*)(?::(?P<password>[^\s/?#\"'<>]*))?@"
)
_IN_A_QUERY = re.compile(
    r"(?i)[?&](?:[a-z0-9_.-]*(?:key|token|secret|password|passwd|pwd|signature)|sig|auth|pass)=(?P<value>[^\s&#\"'<>]+)"
)
_FILLED_IN = re.compile(r"\{[A-Za-z]")
"""A placeholder, or a secret of the environment."""
OF_A_LINK = frozenset({"url", "host", "port"})
CA_FILE = "ca_file"
"""Stands for the file with the authorities that a process is to trust, where a link is reached by TLS."""


RESOLVER = "resolver"
"""Stands for the address and port of the resolver that a process is to ask, where a link is reached by name."""


@dataclass(frozen=True, slots=True)
class Template:
    """A *text* of a target, the names that may stand in it, and whether secrets may."""

    path: KeyPath
    text: str
    known: frozenset[str]
    secret: bool = False


_PLACES: tuple[tuple[tuple[str, ...], str, bool], ...] = (
    (("services", "*", "command"), "own", True),
    (("services", "*", "env"), "own", True),
    (("start", "command"), "own", True),
    (("start", "env"), "own", True),
    (("compose", "services", "*", "env"), "common", True),
    (("entries", "*", "url"), "outside", False),
    (("ask", "headers", "*"), "header", True),
    (("ask", "path"), "question", False),
    (("ask", "job", "poll"), "job", False),
    (("ask", "job", "result"), "job", False),
    # Not the address of a link: a proxy would stand in front of a proxy.
    (("links", "*", "upstream"), "ports", False),
    (("links", "*", "env"), "link", False),
    (("links", "*", "credential"), "nothing", True),
    (("reset", "post"), "outside", False),
    (("publish", "post"), "outside", False),
    (("effects", "get"), "outside", False),
    (("health", "get"), "health", False),
)
"""Where the harness fills something in, ``*`` being any name or number; which names may stand there, and whether secrets may."""
_NAMING = ["services", "links", "start", "compose"]
"""The keys that say of which names there are ports and links."""
_KEYS = tuple(dict.fromkeys(place[0] for place, _, _ in _PLACES))


def templates(target: Target) -> Iterator[Template]:
    """Every text of *target* that the harness fills in before it is used, in the order of the model."""
    held = _held(target, _KEYS)
    yield from _templates(held, _known(held))


def _held(target: Target, keys: Collection[str]) -> dict[str, object]:
    """What *target* has at *keys*, as plain values. Of a `part` of a target that lacks one of them nothing can be said."""
    return target.model_dump(include={key for key in keys if getattr(target, key) is not None})


def _templates(held: Mapping[str, object], known: Mapping[str, frozenset[str]]) -> Iterator[Template]:
    """Those of a target as its file *held* it, as far as it is *known* which names may stand in them."""
    for path, text in texts(held):
        for place, names, secret in _PLACES:
            if len(path) >= len(place) and all(part in ("*", here) for part, here in zip(place, path, strict=False)):
                # A path that each entry has is one of the service's own.
                names = "nothing" if names == "health" and text.startswith("/") else names
                if names in known:
                    yield Template(path, text, known[names], secret)


def _known(held: Mapping[str, object]) -> dict[str, frozenset[str]]:
    """What may stand in each kind of template of a target as its file *held* it: what it starts and what its links are called is known."""
    services, links, start = (_mapping(held.get(key)) for key in ("services", "links", "start"))
    composed = _mapping(_mapping(held.get("compose")).get("services"))
    listening = [name for name, one in composed.items() if _mapping(one).get("port")]
    ports = frozenset(f"{name}.port" for name in [*services, *listening, *(["target"] if start else [])])
    of_the_run = {
        word
        for key, word in (("tls", CA_FILE), ("dns", RESOLVER))
        if any(_mapping(one).get(key) for one in links.values())
    }
    common = EVERYWHERE | ports | of_the_run | {f"{name}.{part}" for name in links for part in OF_A_LINK}
    outside = common | {"port"} if start else common
    return _ALWAYS_KNOWN | {
        "common": common,
        "own": common | {"port"},
        "outside": outside,
        "health": outside,
        "header": common | OF_A_QUESTION,
        "ports": ports,
        "link": common | {"port"} | OF_A_LINK,
    }


_ALWAYS_KNOWN = {"question": OF_A_QUESTION, "job": frozenset({"job"}), "nothing": frozenset[str]()}
"""What may stand in those templates whose names do not hang on what else the file says."""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def unknown_placeholders(target: Document[Target]) -> list[Problem]:
    """Everything in the templates of *target* that nothing will fill, each with its line."""
    found = [*map(_unfillable, templates(target.value)), _unfillable_in_a_body(target.value.ask.body)]
    return [target.problem(paths.written(place), what) for wrongs_of in found for place, what in wrongs_of]


def unknown_in_draft(draft: Draft) -> Iterator[Problem]:
    """As `unknown_placeholders`, of a target that is refused for something else, as far as the names can be told that are known in it."""
    held = _mapping(draft.value)
    slip = any(len(path) == 1 and nearest_one(str(path[0]), _NAMING) for path in draft.wrong)
    told = not slip and all(isinstance(held.get(key, {}), dict) for key in _NAMING)
    found = map(_unfillable, _templates(held, _known(held) if told else _ALWAYS_KNOWN))
    for wrongs_of in [*found, _unfillable_in_a_body(_mapping(held.get("ask")).get("body"))]:
        yield from (draft.problem(paths.written(place), what) for place, what in wrongs_of)


def _unfillable(template: Template) -> list[tuple[KeyPath, str]]:
    """What is wrong with a template, at its place."""
    misplaced = [] if template.secret else _misplaced(template.text)
    return [(template.path, what) for what in [*wrongs(template.text, template.known), *misplaced]]


def _unfillable_in_a_body(body: object) -> list[tuple[KeyPath, str]]:
    return [(place, what) for place, text in texts(body, ("ask", "body")) for what in _wrong_in_a_body(text)]


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
        if not _told_of(link) and link.listen is None and name not in named
    ]


def untold_authorities(target: Document[Target]) -> list[Problem]:
    """Links of *target* that are reached by TLS with certificates which nobody could trust, since nobody is told whose they are."""
    return _untold(
        target,
        CA_FILE,
        [f"links.{name}.tls" for name, link in target.value.links.items() if link.tls and link.tls.ca is None],
        'is told whom to trust; give it env: {SSL_CERT_FILE: "{ca_file}"}, or what its runtime looks at, such as REQUESTS_CA_BUNDLE or '
        "NODE_EXTRA_CA_CERTS",
        "that runs already can be told of a run's own authority; name one that it trusts: tls: {ca: FILE, ca_key: FILE}",
    )


def untold_resolver(target: Document[Target]) -> list[Problem]:
    """Links of *target* that are reached by a name for which nobody is told whom to ask."""
    return _untold(
        target,
        RESOLVER,
        [f"links.{name}.dns" for name, link in target.value.links.items() if link.dns],
        'is told whom to ask for that name; say it in a command or an env, such as env: {DNS_SERVER: "{resolver}"}, from where the service '
        "takes the address of its resolver, 127.0.0.1:PORT",
        "that runs already can be told of a resolver that is there with a run alone; leave dns out, or have the harness start it",
    )


def _untold(target: Document[Target], name: str, needed_by: list[str], started: str, runs: str) -> list[Problem]:
    """Each of *needed_by*, if no template of *target* has *name*: what to do where it is *started* by the harness, or *runs*."""
    if not needed_by or any(name in placeholders(template.text) for template in templates(target.value)):
        return []
    what = started if target.value.processes or target.value.compose else runs
    return [target.problem(place, f"no process {what}") for place in needed_by]


def _told_of(link: Link) -> bool:
    """Whether what the service finds in its environment of *link* says where that is, and not only a key or a name."""
    return any(OF_A_LINK & {*placeholders(text)} for text in link.env.values())


def untold_ports(target: Document[Target]) -> list[Problem]:
    """Every process of *target* that is not told on which port it is looked for, so that it can only be found there by chance.

    Not one that is told what nobody knows: that may be meant for it.
    """
    found, known = [], _known(_held(target.value, _NAMING))["own"]
    for name, service in target.value.processes.items():
        said = {one for text in (*service.command, *service.env.values()) for one in placeholders(text)}
        if said <= known and not {"port", f"{name}.port"} & said:
            fixed = next((port for word in service.command for port in _A_PORT.findall(word)), None)
            instead = (
                f"in the place of {fixed}" if fixed else 'in its command or its env, such as env: {PORT: "{port}"}'
            )
            place = (
                "start.command" if name == "target" and target.value.start is service else f"services.{name}.command"
            )
            what = f"does not say on which port it is to listen, and it is waited for and asked on its {{port}}; write {{port}} {instead}"
            found.append(target.problem(place, what))
    return found


_A_PORT = re.compile(r"(?<![\w.])(?:[1-9]\d{3,4})(?!\w|\.\d)")
"""A number in a command that may be a port."""


def missing_secrets(target: Document[Target], environment: Mapping[str, str]) -> list[Problem]:
    """Every ``${KEY}`` of *target* that is not in *environment*, at each place that asks for it."""
    return [
        target.problem(paths.written(template.path), f"${{{name}}} is not set in the environment")
        for template in templates(target.value)
        if template.secret
        for name in secret_names(template.text)
        if name not in environment
    ]


def written_out(target: Document[Target]) -> list[Problem]:
    """Each place of *target* at which a key stands as itself, told by how providers write theirs."""
    return [
        target.problem(
            paths.written(template.path),
            "a key seems to stand here as itself, and every run keeps a copy of this file; write ${NAME}, and set that in the environment",
        )
        for template in templates(target.value)
        if template.secret and _A_KEY.search(template.text)
    ]


def told_secrets(target: Target, environment: Mapping[str, str]) -> dict[str, str]:
    """What of *environment* is filled into *target*, and what its processes get besides that is a secret by its name or a password's;
    the passwords and keys that stand as themselves in addresses of *target*, each by where it stands.
    """
    asked = {name for template in templates(target) if template.secret for name in secret_names(template.text)}
    return secrets_among(environment, asked) | _in_addresses(target)


def _in_addresses(target: Target) -> dict[str, str]:
    """What no placeholder stands for is a secret as it is: a user's name, or a kind of server, that is its own password is none."""
    found: dict[str, str] = {}
    for path, text in texts(target.model_dump(exclude_none=True)):
        for number, value in enumerate(dict.fromkeys(_of_addresses(text))):
            if not _FILLED_IN.search(value):
                found[f"a secret in {paths.written(path)}" + (f" ({number + 1})" if number else "")] = value
    return found


def _of_addresses(text: str) -> Iterator[str]:
    for match in _USER_OF_ADDRESS.finditer(text):
        user, password = match["user"], match["password"]
        if password and password != user and password not in match["scheme"]:
            yield from (password, unquote(password))
        elif not password and len(user) >= _INHERITED_CHARS:
            yield from (user, unquote(user))
    for match in _IN_A_QUERY.finditer(text):
        yield from (match["value"], unquote_plus(match["value"]))


def secrets_among(environment: Mapping[str, str], asked: Collection[str]) -> dict[str, str]:
    """What of *environment* is *asked* for by name, and what else of it is a secret by its name or a password's."""
    inherited = {
        name
        for name, value in environment.items()
        if (_SECRET_NAME.search(name) and len(value) >= _INHERITED_CHARS) or len(password_of(value)) >= _INHERITED_CHARS
    }
    return {name: environment[name] for name in sorted({*asked, *inherited}) if name in environment}


def _misplaced(text: str) -> list[str]:
    where = "secrets are filled into a service's command and env, into headers, and into a link's credential"
    return [f"${{{name}}} would stay as it is here; {where}" for name in secret_names(text)]


# The ways in which other tools write a placeholder.
_OTHERWISE = re.compile(
    rf"(?<!{{)(?P<written>\$\{{\s*(?P<shell>{'|'.join(OF_A_QUESTION)})\s*\}}"
    rf"|\{{(?:\s+(?P<padded>{'|'.join(OF_A_QUESTION)})\s*|(?P<trailed>{'|'.join(OF_A_QUESTION)})\s+)\}})"
)


def _wrong_in_a_body(text: str) -> Iterator[str]:
    """Names that nothing fills in; a brace on its own is the target's affair, since a body may hold JSON or code."""
    found = list(_OTHERWISE.finditer(text))
    for match in found:
        name = match["shell"] or match["padded"] or match["trailed"]
        yield f"{match['written']} would be sent as it is; write {{{name}}}"
    rest = _OTHERWISE.sub("", text)
    for name in placeholders(rest):
        if name not in OF_A_QUESTION:
            hint = suggested(name, OF_A_QUESTION)
            stop = "" if hint.endswith("?") else "."
            yield f"unknown placeholder {{{name}}}; {hint}{stop} Write {{{{{name}}}}} for braces that are meant"
    for name in secret_names(rest):
        yield f"${{{name}}} would be sent as it is; secrets are filled into headers, and a $$ is a $ that is meant"
