"""A service that lives in a Compose file: what it listens on, how to tell that it serves, and what its environment leads to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.first_target.dependencies import kind_of, told_apart
from harness.first_target.draft import Dependency, Draft
from harness.first_target.names import name_of
from harness.problems import Problem, UsageProblems
from harness.reading.compose_file import NoComposeFileError
from harness.reading.compose_file import services as services_of
from harness.reading.target import Ask
from harness.registry import suggestion

_PORTS = {"amqp": 5672, "http": 80, "https": 443, "mongodb": 27017, "mysql": 3306, "postgres": 5432, "postgresql": 5432, "redis": 6379,
          "rediss": 6379, "valkey": 6379}  # fmt: skip
_DEFAULT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*:?-([^}]*)\}")
_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)?(?P<user>[^@/\s]*@)?(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<port>:\d{1,5})?(?P<rest>[/?].*)?"
)

_SAID_SECRET = re.compile(r"((?:key|token|secret|password|passwd|pwd|sig|signature|sas)=)[^&#]+", re.IGNORECASE)


def drafted(path: Path, service: str | None, file: Path, asking: Ask, links: Sequence[Dependency] = ()) -> Draft:
    """The draft for *service* of the Compose file at *path*, whose target file is to be *file*; it depends on *links*, too.

    Raises UsageProblems for a file that is none, and where nobody can tell which of its services is meant.
    """
    services = _services(path)
    name = _chosen(services, service, path)
    here = services[name]
    port, ready = _listens_on(here)
    missing = [] if port else ["entries: the Compose file does not say what the service listens on; 8000 is a guess"]
    if here.get("env_file"):
        missing.append("links: what stands in the env_file of the service was not read")
    found = told_apart([*_dependencies(_environment(here), set(services) - {name}), *links])
    missing += _unnamed(here, found)
    draft = Draft(
        name=name_of(name),
        asking=asking,
        url=f"http://127.0.0.1:{port or 8000}",
        ready=ready,
        dependencies=found,
        found=(f"service {name} of {path}, port {port}",) if port else (),
        missing=tuple(missing),
    )
    return replace(draft, head=tuple(_override(draft, name, path, file, set(services))))


def _services(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return services_of(path)
    except NoComposeFileError as error:
        raise UsageProblems(Problem(str(error), file=str(path))) from error


def _chosen(services: Mapping[str, Mapping[str, Any]], service: str | None, path: Path) -> str:
    if service is not None:
        if service not in services:
            what = f"{path} has no service {service!r}; {suggestion(service, list(services))}"
            raise UsageProblems(Problem(what, path="--service"))
        return service
    own = [name for name, one in services.items() if "build" in one]
    likely = own or list(services)
    if len(likely) != 1:
        raise UsageProblems(Problem(f"say which service is to be tested: {', '.join(likely)}", path="--service"))
    return likely[0]


def _listens_on(service: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """The port inside the container, and the path by which its health is checked."""
    checked = service.get("healthcheck")
    test = checked.get("test") if isinstance(checked, dict) else None
    words = " ".join(map(str, test)) if isinstance(test, list) else str(test or "")
    url = re.search(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::(\d+))?(/[^\s'\"|]*)?", words)
    port = int(url[1]) if url and url[1] else next(_ports(service), None)
    return port, (url[2] if url and url[2] and url[2] != "/" else None)


def _ports(service: Mapping[str, Any]) -> Iterator[int]:
    for one in [*_list(service.get("ports")), *_list(service.get("expose"))]:
        target = one.get("target") if isinstance(one, dict) else str(one).rpartition(":")[2].partition("/")[0]
        if re.fullmatch(r"\d{1,5}", str(target)):
            yield int(str(target))
    said = _environment(service).get("PORT", "")
    words = service.get("command")
    command = " ".join(map(str, words)) if isinstance(words, list) else str(words or "")
    if match := re.fullmatch(r"(\d{1,5})", said) or re.search(r"(?:--port|-p)[ =](\d{1,5})\b", command):
        yield int(match[1])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _environment(service: Mapping[str, Any]) -> dict[str, str]:
    """What the container is told, with the defaults of what the file leaves to the shell."""
    said = service.get("environment")
    pairs = said.items() if isinstance(said, dict) else (str(one).partition("=")[::2] for one in _list(said))
    return {str(name): _DEFAULT.sub(r"\1", str(value)) for name, value in pairs if value is not None}


@dataclass(frozen=True, slots=True)
class _Leads:
    """Where a variable leads, and how the same is written with the harness in between."""

    variable: str
    host: str
    upstream: str
    text: str


def _dependencies(environment: Mapping[str, str], services: set[str]) -> Iterator[Dependency]:
    """What the variables lead to: one for each address, told of by all that name it."""
    leads = [one for name, value in environment.items() if (one := _leads(name, value, environment, services))]
    for upstream in dict.fromkeys(one.upstream for one in leads):
        same = [one for one in leads if one.upstream == upstream]
        name = name_of(same[0].host if same[0].host in services else _subject(same[0].variable))
        kind = kind_of(same[0].host, *(one.variable for one in same))
        yield Dependency(name, kind, upstream, _told(same, environment))


def _told(leads: list[_Leads], environment: Mapping[str, str]) -> dict[str, str]:
    told = {one.variable: one.text for one in leads}
    for one in leads:
        beside = re.sub(r"HOST$", "PORT", one.variable)
        if one.text == "{host}" and beside in environment:
            told[beside] = "{port}"
    return told


def _leads(variable: str, value: str, environment: Mapping[str, str], services: set[str]) -> _Leads | None:
    """Where *value* leads, if that is another of the *services* or an HTTP server elsewhere."""
    match = _ADDRESS.fullmatch(value.strip())
    if match is None:
        return None
    scheme, host = (match["scheme"] or "").removesuffix("://"), match["host"]
    if not scheme and not match["port"] and not variable.endswith("HOST"):
        return None  # a word that happens to be the name of a service, too
    if host not in services and not (scheme in ("http", "https") and "." in host and host != "127.0.0.1"):
        return None
    beside = environment.get(re.sub(r"HOST$", "PORT", variable), "") if variable.endswith("HOST") else ""
    known = _PORTS.get(scheme.partition("+")[0]) or next((port for word, port in _PORTS.items() if word in host), None)
    port = int(match["port"][1:]) if match["port"] else int(beside) if beside.isdigit() else known
    if port is None:
        return None
    where = "{host}:{port}" if match["port"] or scheme else "{host}"
    user = "***@" if match["user"] else ""
    spoken = "http" if scheme == "https" else scheme
    rest = _SAID_SECRET.sub(r"\1***", match["rest"] or "")
    text = (f"{spoken}://" if spoken else "") + user + where + rest
    return _Leads(variable, host, _upstream(scheme, host, port, match["port"]), text)


def _upstream(scheme: str, host: str, port: int, said: str | None) -> str:
    if scheme in ("http", "https"):
        return f"{scheme}://{host}" + (f":{port}" if said else "")
    return f"redis://{host}:{port}" if scheme == "redis" or "redis" in host else f"{host}:{port}"


def _subject(variable: str) -> str:
    """What a variable such as OPENAI_BASE_URL is about."""
    return (
        re.sub(r"_?(API_)?(BASE_)?(URL|URI|ENDPOINT|HOST|ADDR|ADDRESS|BASE)$", "", variable).lower() or variable.lower()
    )


def _unnamed(service: Mapping[str, Any], found: tuple[Dependency, ...]) -> Iterator[str]:
    """What the service waits for, though no variable says where it is."""
    said = service.get("depends_on")
    for name in said if isinstance(said, list | dict) else ():
        if name_of(str(name)) not in {one.name for one in found}:
            yield f"links: it depends on {name}, and no variable that was read leads there; its address has to be told to it"


def _override(draft: Draft, service: str, path: Path, file: Path, services: set[str]) -> Iterator[str]:
    """What has to be laid over the Compose file, line by line."""
    hosts = dict.fromkeys(urlsplit(_url(one.upstream)).hostname or "" for one in draft.dependencies if one.upstream)
    allow = "".join(f", --allow-host, {host}" for host in hosts)
    needed = ", ".join([service, *(host for host in hosts if host in services)])
    yield from (
        "",
        f"The service lives in {path.name}, so the harness has to join its network: 127.0.0.1 is then the same to both.",
    )
    yield from ("Save this beside it as compose.harness.yaml:", "", "  services:", f"    {service}:")
    if draft.dependencies:
        yield "      environment:"
        for one in draft.dependencies:
            for variable, text in one.told_at(draft.listens[one.name]).items():
                yield f'        {variable}: "{text}"'
    yield from (
        "    harness:",
        "      image: resilience-harness",
        f"      network_mode: service:{service}",
        f"      depends_on: [{needed}]",
        # Nobody in the image is root, and a folder that Docker makes is root's.
        '      user: "${HARNESS_USER:-1000:1000}"',
        f"      volumes: ['./{file.name}:/harness/target.yaml:ro', './reports:/harness/reports']",
        f"      command: [ask, target.yaml{allow}]",
        "",
        "  mkdir -p reports",
        '  export HARNESS_USER="$(id -u):$(id -g)"',
        f"  docker compose -f {path.name} -f compose.harness.yaml run --rm harness",
        "",
    )


def _url(upstream: str) -> str:
    return upstream if "://" in upstream else f"tcp://{upstream}"
