"""The target file: the system under test, how to start or find it, how to ask it, and what it depends on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from harness.dialects import dialects, spoken_at
from harness.reading.hosts import Address, address, on_this_machine
from harness.reading.quantities import Seconds
from harness.reading.state_place import is_url, misplaced
from harness.reading.strict import Strict
from harness.reading.templates import placeholders, secret_names
from harness.registry import suggestion

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=40)]

OURS = frozenset({"compose", "compose-logs", "keeper", "load", "preflight", "toxiproxy", "wire"})
"""Names of the harness's own processes, which a run starts beside the target's; workers of its load are `load-0` and so on."""
_WORKER = re.compile(r"load-\d+")

_OF_HTTP = frozenset({"account", "host", "ca", "credential"})
"""Keys of a link that say something of HTTP."""
_LINK_WORDS = frozenset({"url", "host", "port"})
_NO_PORT = re.compile(r"\{[^}]+(?<!\.port)\}")
_LINK_URL = re.compile(r"\{([^}]+)\.url\}(?=/|$)")


def _known_api(name: str) -> str:
    if name not in dialects:
        raise ValueError(f"unknown api {name!r}; {suggestion(name, list(dialects))}")
    return name


class Ready(Strict):
    """How to tell that a process serves: one of ``get`` (a path that answers 2xx) or ``tcp`` (its port accepts)."""

    get: Annotated[str, Field(pattern=r"^/\S*$", examples=["/healthz"])] | None = Field(
        default=None, description="a path that answers 2xx"
    )
    tcp: bool = Field(default=False, description="its port accepts")
    within: Seconds = Field(
        default=20.0, validate_default=False, description="how long it may take until it serves; default: 20s"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Ready:
        if (self.get is None) == (not self.tcp):
            raise ValueError("say how to tell that it is ready: either get: /path or tcp: true")
        return self


class Service(Strict):
    """A process that the harness starts. ``{port}`` in its command or environment is a free port that it is to listen on."""

    command: list[str] = Field(min_length=1, examples=[["python3", "server.py", "--port", "{port}"]])
    cwd: str | None = Field(
        default=None,
        min_length=1,
        description="the folder that it is started in, and below which a relative command is looked for, relative to this file; "
        "default: where the harness was started",
    )
    env: dict[str, str] = Field(default_factory=dict)
    ready: Ready
    after: list[Name] = Field(
        default_factory=list, description="services that have to be ready before this one is started"
    )


def _spelt_out(written: Any) -> Any:
    """``redis`` alone is a Redis server that keeps nothing, wherever its binary comes from."""
    if written != "redis":
        return written
    server = ["{python}", "-P", "-m", "harness.running.redis_server", "--port", "{port}", "--dir", "{temp}"]
    return Service(command=server, ready=Ready(tcp=True))


class Simulated(Strict):
    """A provider that the harness brings: seeded, with a capacity, so that it can be overloaded."""

    api: Literal["openai", "anthropic"] = Field(
        default="openai",
        description="what its link speaks; chats, Responses, embeddings and messages are answered all the same",
    )
    capacity: int = Field(default=24, ge=1, description="requests worked on at once")
    queue: int = Field(default=48, ge=0, description="requests that wait; further ones are answered 503")
    first_token: Seconds = Field(default=0.25, description="median time to the first token (log-normal)")
    sigma: float = Field(default=0.35, ge=0, le=3, description="spread of the log-normal")
    tokens: int = Field(default=20, ge=1, le=10_000, description="tokens an answer")
    token_gap: Seconds = Field(default=0.015, description="median time between tokens")
    tools: Literal["ignored", "called"] = Field(
        default="ignored",
        description="called: it calls the first that a request offers, and answers when it has what that brought",
    )


class SimulatedUpstream(Strict):
    """``{simulated: {...}}``: the provider that stands behind the link is the harness's own."""

    simulated: Simulated = Field(default_factory=Simulated)


KNOWN_KINDS = ("provider", "store", "cache", "replication")
"""Kinds of links that a judgement may ask for, or that scenarios here aim by; any other word is a team's own."""


class Tls(Strict):
    """How a link is reached by TLS: with certificates that the harness makes, by an authority of the run's own if none is named."""

    names: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]+$")]] = Field(
        default_factory=list,
        description="further names and addresses by which the target reaches it; 127.0.0.1 and localhost are known",
    )
    ca: str | None = Field(
        default=None,
        min_length=1,
        description="a PEM file with an authority that the target trusts already, to vouch in the place of the run's; looked for where the "
        "harness is started",
    )
    ca_key: str | None = Field(default=None, min_length=1, description="the PEM file with its key")

    @model_validator(mode="after")
    def _both_or_none(self) -> Tls:
        if (self.ca is None) != (self.ca_key is None):
            raise ValueError(
                "ca and ca_key belong together: the authority's certificate, and the key with which it signs"
            )
        return self


def _by_tls(written: Any) -> Any:
    """``true`` alone says all that most need to say."""
    if isinstance(written, bool):
        return Tls() if written else None
    return written


_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


def _looked_up(name: str) -> str:
    if re.fullmatch(r"[0-9.]+", name):
        raise ValueError(f"{name!r} is an address, which nobody looks up; write a name, such as api.provider.example")
    if not _DNS_NAME.fullmatch(name) or name.lower() == "localhost":
        raise ValueError(
            f"{name!r} cannot be looked up; write a name alone, without scheme, port and last dot, such as api.provider.example"
        )
    return name.lower()


def _whole_seconds(seconds: float) -> float:
    if seconds != round(seconds) or not 0 <= seconds <= 86_400:
        raise ValueError(f"{seconds:g} s: DNS counts in whole seconds, and a day is enough; write 5s")
    return seconds


WholeSeconds = Annotated[Seconds, AfterValidator(_whole_seconds)]
"""For how long an answer of DNS may be kept."""


class Dns(Strict):
    """How a link is reached by name: the target looks it up at a resolver that the harness brings."""

    name: Annotated[str, AfterValidator(_looked_up)] = Field(
        description="by which the target reaches it, such as api.provider.example; nobody outside the run is asked for it"
    )
    ttl: WholeSeconds = Field(default=5.0, description="for how long the target may keep its address")


def _by_name(written: Any) -> Any:
    """A name alone says all that most need to say."""
    return {"name": written} if isinstance(written, str) else written


class Link(Strict):
    """One dependency of the target, reached only through a Toxiproxy proxy."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "provider", "upstream": "https://api.openai.com"}]}
    )

    kind: Name = Field(description="what it is: provider, store, cache, replication, ...; scenarios aim by it")
    region: Name | None = Field(default=None, description="where the dependency lives")
    upstream: str | SimulatedUpstream = Field(
        description="https://host[:port], http://host:port, redis://host:port, host:port, or simulated: with its settings"
    )
    listen: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="the port of 127.0.0.1 where the target reaches it; default: any free one",
    )
    api: Annotated[str, AfterValidator(_known_api), WithJsonSchema({"enum": list(dialects)})] | None = Field(
        default=None,
        description="in whose words a fault limits and errs on an HTTP link; default: told from the upstream's host where that leaves no "
        "doubt, else openai",
    )
    account: Name | None = Field(
        default=None,
        description="the provider's account that it is billed to: links of one account share a fault's limits; default: one of its own",
    )
    host: Literal["upstream", "keep"] = Field(
        default="upstream",
        description="which Host the provider is told on an HTTP link: its own, or (keep) the one that the target wrote, which "
        "a request signed over its Host needs",
    )
    ca: str | None = Field(
        default=None,
        min_length=1,
        description="a PEM file with the authority that vouches for an https:// upstream, beside those that this machine trusts; "
        "looked for where the harness is started",
    )
    tls: Annotated[Tls | None, BeforeValidator(_by_tls, json_schema_input_type=bool | Tls | None)] = Field(
        default=None,
        description="true: the target reaches it by TLS, and {url} is https:// (rediss://); it is told whom to trust by {ca_file}",
    )
    dns: Annotated[Dns | None, BeforeValidator(_by_name, json_schema_input_type=str | Dns | None)] = Field(
        default=None,
        description="the name by which the target reaches it: {url} and {host} have that name, which is looked up at {resolver}",
    )
    env: dict[str, str] = Field(
        default_factory=dict,
        description="what the started processes are told; {url}, {host}, {port}, {ca_file}, {resolver}",
    )
    credential: (
        Annotated[str, Field(pattern=r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$", examples=["${OPENAI_API_KEY}"])] | None
    ) = Field(
        default=None,
        description="the key that the target presents on this link and on no other, as ${NAME}: credential_leaks knows it elsewhere",
    )

    idle: bool = Field(
        default=False,
        description="nothing is expected to pass on it before anything is broken, as on the way to a passive standby",
    )

    @property
    def speaks(self) -> str:
        """In whose words its provider errs."""
        if self.api is not None:
            return self.api
        if not isinstance(self.upstream, str):
            return self.upstream.simulated.api
        try:
            return spoken_at(address(self.upstream).host) or "openai"
        except ValueError:  # told of where it stands
            return "openai"

    @property
    def carries(self) -> Literal["http", "redis", "tcp"]:
        """What flows over it, told by its upstream: only an HTTP link has an edge."""
        if not isinstance(self.upstream, str) or self.upstream.lower().startswith(("http://", "https://")):
            return "http"
        return "redis" if self.upstream.lower().startswith("redis://") else "tcp"


class Container(Strict):
    """A container of this machine's engine that somebody else started and that the target is made of, by one way of finding it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = Field(
        default=None, description="what the engine calls it, such as shop-cache-1"
    )
    label: Annotated[str, Field(pattern=r"^[^\s=]+(=.*)?$")] | None = Field(
        default=None, description="a label that it alone has, as KEY=VALUE or KEY"
    )
    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = Field(
        default=None, description="what it is called in a Compose file"
    )
    project: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] | None = Field(
        default=None, description="of a service: the Compose project; needed where several have such a service"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Container:
        if sum(way is not None for way in (self.name, self.label, self.service)) != 1:
            raise ValueError(
                "say how it is found, in one way: by its name, by a label, or by its service in a Compose file"
            )
        if self.project is not None and self.service is None:
            raise ValueError("project: is where a service of Compose is; say service, or leave it out")
        return self

    def __str__(self) -> str:
        of = f" of project {self.project}" if self.project else ""
        said = {"name": self.name, "label": self.label, "service": self.service}
        return " ".join(f"{key} {value}" for key, value in said.items() if value) + of


class ComposeService(Strict):
    """A service of a Compose file that the harness brings up, and what it is told beside what stands there."""

    port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="on which it listens in its container; {NAME.port} is where 127.0.0.1 leads there, at a free port",
    )
    env: dict[str, str] = Field(
        default_factory=dict,
        description="what it is told beside what the file says, and in its place; placeholders as in services, but {port}",
    )


def _named(written: Any) -> Any:
    """Names alone stand for services of which there is nothing to say."""
    if isinstance(written, list) and all(isinstance(name, str) for name in written):
        return {name: {} for name in written}
    return {name: {} if one is None else one for name, one in written.items()} if isinstance(written, dict) else written


class Compose(Strict):
    """A Compose file of which the harness brings services up for a run, as a project of the run's own, and takes them down after it."""

    file: str = Field(
        min_length=1, description="the Compose file, relative to this file", examples=["docker-compose.yml"]
    )
    services: Annotated[
        dict[Name, ComposeService],
        BeforeValidator(_named, json_schema_input_type=list[str] | dict[str, ComposeService | None]),
        Field(min_length=1),
    ] = Field(
        description="which of its services are brought up, with all that they depend on; each is told where the links are, and faults can "
        "be aimed at it as a container of that name",
        examples=[["api", "worker"]],
    )
    within: Seconds = Field(
        default=120.0,
        validate_default=False,
        description="how long it may take until all of them run and are healthy, with what is pulled and built; default: 2min",
    )


class Entry(Strict):
    """One address where the target is asked."""

    name: Name | None = None
    url: str
    region: Name | None = None
    sheddable: bool = Field(
        default=False,
        description="what is asked here may be refused while something is broken, so that others are served: batch work",
    )


class NoncePlace(Strict):
    """Where the nonce that joins attempts to a request travels."""

    place: Literal["prompt", "header", "field"] = Field(default="prompt", alias="in")
    name: str | None = Field(default=None, description="of the header, or of the JSON field")

    @model_validator(mode="after")
    def _named(self) -> NoncePlace:
        if self.place != "prompt" and not self.name:
            raise ValueError(f"a nonce in a {self.place} needs the {self.place}'s name")
        return self


class Reply(Strict):
    """Where in a JSON reply things stand, as JSON Pointers (RFC 6901), what marks an answer, and when two answers agree."""

    answer: str | None = Field(default=None, description="needed by the json protocol")
    snapshot_version: str | None = None
    conversation: str | None = None
    model: str | None = Field(
        default=None,
        description="json protocol: where the reply names the model that answered; the other protocols know",
    )
    degraded: str | None = Field(
        default=None,
        description="what marks an answer as partial or from a fallback: a JSON Pointer into the reply, or the name of a header; "
        "it is marked unless nothing stands there, or false, 0, none, no or full",
    )
    cached: str | None = Field(
        default=None,
        description="what marks an answer as one from a cache: a JSON Pointer into the reply, or the name of a header such as "
        "X-Cache; it is marked unless nothing stands there, or false, 0, none, no or miss",
    )
    prompt_version: str | None = Field(
        default=None,
        description="where an answer names the version of the prompt that it was made with: a JSON Pointer into the reply, or the name "
        "of a header",
    )
    sources: str | None = Field(
        default=None,
        description="where an answer names the sources that were retrieved for it, likewise: a list of names, or of objects with an id, a "
        "URL or a title; in a header with commas between",
    )
    context: str | None = Field(
        default=None,
        description="where an answer has the context that was put before the model, likewise; its hash and its length are kept",
    )
    keep_context: bool = Field(
        default=False, description="whether its text is kept as well, at most 64 Ki characters of each; default: false"
    )
    compare: Literal["text", "facts"] = Field(
        default="text",
        description="answers agree when their wording does (text), or the numbers, dates, names with digits, addresses and "
        "denials in them (facts), for a model that words the same thing in many ways",
    )


class Job(Strict):
    """How a service is asked that answers later: what is submitted is asked about until it is done, or its result is sent."""

    id: str | None = Field(
        default=None,
        description="where the answer to a submission gives the job's id: a JSON Pointer, or the name of a header such as Location; "
        "needed unless there is a webhook",
    )
    webhook: bool = Field(
        default=False,
        description="the result is sent to the address that {webhook} stands for in ask.body, path or headers; nothing is polled",
    )
    settle: Seconds = Field(
        default=1.0,
        validate_default=False,
        description="webhook: for how long after its result it is counted whether it is sent once more; default: 1s",
    )
    poll: str | None = Field(
        default=None,
        description="the path of a GET that says how far it has come, with {job} for the id; default: where the header leads",
    )
    every: Annotated[Seconds, Field(gt=0)] = Field(
        default=1.0,
        validate_default=False,
        description="how long a client waits between two polls where the service states no Retry-After; default: 1s",
    )
    state: str | None = Field(
        default=None,
        description="a JSON Pointer to the job's state; default: there is none, 202 says that it goes on and 200 that it is done",
    )
    waiting: list[str] = Field(default_factory=list, description="states in which nothing is done yet, such as queued")
    running: list[str] = Field(default_factory=list, description="states in which it is worked on")
    done: list[str] = Field(default_factory=list, description="states in which there is a result")
    failed: list[str] = Field(default_factory=list, description="states in which there will never be one")
    result: str | None = Field(
        default=None,
        description="the path of a GET of the result, with {job}; default: the poll that says it is done has it, as ask.reply says",
    )
    deadline: Annotated[Seconds, Field(gt=0)] | None = Field(
        default=None,
        description="how long after its submission a job is given up; default: when the client gives up (load.deadline)",
    )


def _kept(written: object) -> object:
    """``restart`` is what happens where nothing is said."""
    return None if written == "restart" else written


class Ask(Strict):
    """How one question is put to the target."""

    protocol: str = Field(description="openai-chat, anthropic-messages, json, or a registered one")
    method: Literal["POST", "GET"] = Field(
        default="POST", description="json protocol: GET puts the question into path or a header, and has no body"
    )
    path: str = "/"
    headers: dict[str, str] = Field(default_factory=dict)
    model: str | None = None
    stream: bool = Field(
        default=True,
        description="whether answers are asked for piece by piece; default: true; the json protocol has none",
    )
    body: dict[str, Any] | None = Field(
        default=None,
        description="json protocol: the body; {question}, {conversation}, {seen_version}, {nonce}, {user}, {key} and {webhook} are filled "
        "in",
    )
    reply: Reply = Field(default_factory=Reply)
    job: Job | None = Field(default=None, description="json protocol: what is asked is answered later, and asked about")
    nonce: NoncePlace = Field(default_factory=NoncePlace)

    @property
    def streams(self) -> bool:
        """Whether an answer is asked for that comes piece by piece; the json protocol has none."""
        return self.stream and self.protocol != "json"


class Health(Strict):
    """The URL by which a load balancer tells whether the target is well: a GET at a fixed pace; 2xx in time is well."""

    get: str = Field(
        min_length=1,
        examples=["/healthz"],
        description="a path, which each entry has; or an HTTP address for all of the target, with the placeholders of publish.post",
    )
    every: Annotated[Seconds, Field(ge=0.1)] = Field(
        default=0.5, validate_default=False, description="how often it is asked while the load runs; default: 500ms"
    )
    within: Annotated[Seconds, Field(gt=0)] | None = Field(
        default=None, description="how long its answer may take, at most as long as every; default: as long"
    )

    @property
    def of_each_entry(self) -> bool:
        """Whether each entry has one of its own."""
        return self.get.startswith("/")

    @property
    def within_s(self) -> float:
        return self.every if self.within is None else self.within

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Health:
        if self.within_s > self.every:
            raise ValueError(
                f"an answer that may take {self.within_s:g} s is still waited for when the next is due after {self.every:g} s; "
                "let every be as long as within, or longer"
            )
        return self


class SideEffects(Strict):
    """How to count what the target has done in the world: a GET that answers JSON, and where in it the count stands."""

    get: str = Field(description="an HTTP address, with the placeholders of publish.post")
    at: str = Field(
        default="",
        description="a JSON Pointer to a number, or to a list or an object with an element for each effect, whose text or name has the "
        "x-request-id of its request in it; default: all of the answer",
    )
    settle: Seconds = Field(
        default=1.0, validate_default=False, description="how long after the load it is read; default: 1s"
    )


class Price(Strict):
    """What tokens cost, in a currency of your own; ``in`` of the prompt, ``out`` of the answer."""

    in_: float = Field(alias="in", ge=0, description="of a million tokens of the prompt")
    out_: float = Field(alias="out", ge=0, description="of a million tokens of the answer")


class Publish(Strict):
    """How the next snapshot is published: a POST that answers JSON with the version at *version*."""

    post: str
    version: str = "/version"
    replica_lag: Seconds = Field(default=0.5, description="how soon all regions answer from it when nothing is broken")


class Reset(Strict):
    """How the target is put back to where it began, so that the next of several runs need not start it: a POST that answers 2xx."""

    post: str = Field(description="an HTTP address, with the placeholders of publish.post")


class Target(Strict):
    """The system under test and its links."""

    schema_: Literal["harness.target/1"] = Field(alias="schema")
    name: Name
    about: str = ""
    services: dict[
        Name, Annotated[Service, BeforeValidator(_spelt_out, json_schema_input_type=Literal["redis"] | Service)]
    ] = Field(
        default_factory=dict,
        description="processes beside the target's own, by name; redis alone is a Redis server that keeps nothing",
    )
    start: Service | None = Field(
        default=None, description="the target's own process, when there is one; it is called 'target'"
    )
    compose: Compose | None = Field(
        default=None,
        description="a Compose file whose services the harness brings up for each run, in the place of start",
    )
    containers: dict[Name, Container] = Field(
        default_factory=dict,
        description="containers of this machine that the target is made of and that run already, by names of your own, so that faults can "
        "be aimed at them",
    )
    entries: list[Entry] = Field(min_length=1)
    ready: Ready | None = Field(
        default=None, description="how to tell that a target which runs already serves; default: its entries accept"
    )
    ask: Ask
    links: dict[Name, Link] = Field(default_factory=dict)
    publish: Publish | None = None
    reset: Annotated[Reset | None, BeforeValidator(_kept, json_schema_input_type=Literal["restart"] | Reset | None)] = (
        Field(
            default=None,
            description="what happens between several runs that are judged together: restart, as where nothing is said, or a POST after "
            "which its processes are as when they began",
        )
    )
    state: str | None = Field(
        default=None,
        description="where it is kept who holds, stops or freezes the target, for all who share it: a path, or a URL",
    )
    effects: SideEffects | None = Field(default=None, description="how to count what it has done in the world")
    health: Health | None = Field(default=None, description="the URL by which a load balancer tells whether it is well")
    prices: dict[Annotated[str, Field(min_length=1, max_length=100)], Price] = Field(
        default_factory=dict,
        description="what a million tokens cost, by the name of a link, or of a model as its provider names it (gpt-4o is also gpt-4o-...)",
    )

    @property
    def entries_by_name(self) -> dict[str, Entry]:
        """All entries; one without a name is called by its place."""
        return {entry.name or f"entry-{number}": entry for number, entry in enumerate(self.entries, start=1)}

    @property
    def processes(self) -> dict[str, Service]:
        """All that the harness starts for it, by name."""
        return {**self.services, **({"target": self.start} if self.start else {})}

    def links_to(self, process: str) -> list[str]:
        """Names of the links behind which *process* listens."""
        return [
            name
            for name, link in self.links.items()
            if isinstance(link.upstream, str) and process in _named_in(link.upstream)
        ]

    def asked_itself(self, process: str) -> bool:
        """Whether clients of the target, or the harness, ask *process* without a link: it is what serves, or an address says so."""
        urls = [entry.url for entry in self.entries] + [self.publish.post if self.publish else ""]
        return process == "target" or any(process in _named_in(url) for url in urls)

    @property
    def composed(self) -> dict[str, ComposeService]:
        """The services of a Compose file that the harness brings up, by name."""
        return dict(self.compose.services) if self.compose else {}

    @property
    def broken_as_containers(self) -> dict[str, Container]:
        """All containers at which a fault can be aimed, by name: those that run already, and those that are brought up."""
        return {**{name: Container(service=name) for name in self.composed}, **self.containers}

    def of_folder(self, folder: Path) -> Target:
        """This target as a file in *folder* says it: what it starts is started from there, where it says a folder at all."""

        def placed(service: Service) -> Service:
            return service.model_copy(update={"cwd": str(folder / service.cwd)}) if service.cwd else service

        services = {name: placed(service) for name, service in self.services.items()}
        here: dict[str, object] = {"services": services, "start": placed(self.start) if self.start else None}
        if self.compose:
            here["compose"] = self.compose.model_copy(update={"file": str(folder / self.compose.file)})
        if self.state is not None and not is_url(self.state):
            here["state"] = str(folder / Path(self.state).expanduser())
        return self.model_copy(update=here)

    @field_validator("state")
    @classmethod
    def _state_can_be_kept(cls, state: str | None) -> str | None:
        if state is not None and (wrong := misplaced(state)):
            raise ValueError(f"{state!r} {wrong}")
        return state

    @model_validator(mode="after")
    def _names_are_one_space(self) -> Target:
        taken = {*self.processes, *self.composed}
        wrongs = [
            ((*where, name), f"{name!r} is the name of a {what}, too; choose another")
            for where, names, others, what in (
                (("links",), set(self.links), taken, "service"),
                (("compose", "services"), set(self.composed), set(self.processes), "process"),
                (("containers",), set(self.containers), taken, "service"),
                (("containers",), set(self.containers) - taken, set(self.links), "link"),
            )
            for name in sorted(names & others)
        ]
        if wrongs:
            raise PydanticCustomError("placed", "names are used twice", {"wrongs": wrongs})
        return self

    # One for each group of keys, so that each is told where its own keys are right, whatever is wrong with others.

    @model_validator(mode="after")
    def _entries_told_apart(self) -> Target:
        return self._without(_of_one_name(self))

    @model_validator(mode="after")
    def _names_are_free(self) -> Target:
        return self._without(_taken(self))

    @model_validator(mode="after")
    def _can_be_asked(self) -> Target:
        return self._without([*_ambiguous(self), *_unstreamed(self)])

    @model_validator(mode="after")
    def _can_be_started(self) -> Target:
        return self._without(_misordered(self))

    @model_validator(mode="after")
    def _links_lead_somewhere(self) -> Target:
        return self._without(_unlinked(self))

    @model_validator(mode="after")
    def _can_be_reached(self) -> Target:
        return self._without(_unreachable(self))

    def _without(self, wrongs: Iterable[_Wrong]) -> Target:
        """Itself, where there are no *wrongs*; each has its place, so that the reader of the file can tell the line."""
        if found := list(wrongs):
            raise PydanticCustomError("placed", "what is named is not there", {"wrongs": found})
        return self


_Wrong = tuple[tuple[str | int, ...], str]


def _of_one_name(target: Target) -> Iterator[_Wrong]:
    first: dict[str, int] = {}
    for index, entry in enumerate(target.entries):
        name = entry.name or f"entry-{index + 1}"
        if (earlier := first.setdefault(name, index)) != index:
            named: tuple[str, ...] = ("name",) if entry.name else ()
            what = f"{name!r} is what entries[{earlier}] is called, too; each needs a name of its own"
            yield ("entries", index, *named), what


def _taken(target: Target) -> Iterator[_Wrong]:
    for where, names in (("services", target.services), ("links", target.links)):
        for name in sorted(name for name in names if name in OURS or _WORKER.fullmatch(name)):
            yield (where, name), f"{name!r} is the name of a process of the harness's own; choose another"
    if target.start and target.compose:
        yield (
            ("compose",),
            "start and compose both say how the target comes up; keep one of them, and say the rest in services",
        )
    if target.start and "target" in target.services:
        yield ("services", "target"), "'target' is what the process of start is called; choose another name"


def _ambiguous(target: Target) -> Iterator[_Wrong]:
    """Headers that are one to HTTP, which knows no case."""
    first: dict[str, str] = {}
    for name in target.ask.headers:
        if (other := first.setdefault(name.lower(), name)) != name:
            yield ("ask", "headers", name), f"{name!r} and {other!r} are one header; keep one of them"


def _unstreamed(target: Target) -> Iterator[_Wrong]:
    """A stream that was asked for in so many words, where none is read."""
    if "stream" in target.ask.model_fields_set and target.ask.stream and not target.ask.streams:
        yield ("ask", "stream"), "the json protocol reads one JSON reply and has no streams; leave it out"


def _misordered(target: Target) -> Iterator[_Wrong]:
    """Predecessors that nobody will ever have been started as."""
    known = target.processes
    unknown = False
    for name, service in known.items():
        for index, other in enumerate(service.after):
            if other not in known:
                unknown = True
                yield (
                    (*_place(target, name), "after", index),
                    f"there is no service {other!r}; {suggestion(other, list(known))}",
                )
    started: set[str] = set()
    while ready := {name for name in known.keys() - started if started.issuperset(known[name].after)}:
        started |= ready
    waiting = [name for name in known if name not in started]
    if waiting and not unknown:
        yield (
            (*_place(target, waiting[0]), "after"),
            f"these wait for one another, so that none can start: {', '.join(waiting)}",
        )


def _named_in(text: str) -> set[str]:
    """The processes whose ports stand in *text*."""
    return {name.partition(".")[0] for name in placeholders(text)}


def _place(target: Target, name: str) -> tuple[str, ...]:
    return ("start",) if target.processes[name] is target.start else ("services", name)


def _unlinked(target: Target) -> Iterator[_Wrong]:
    ports: dict[int, str] = {}
    told: dict[str, str] = {}
    known: dict[str, str] = {}
    for name, link in target.links.items():
        if isinstance(link.upstream, str):
            yield from _upstream_wrong(("links", name, "upstream"), link.upstream, link)
        if link.carries != "http":
            for key in sorted(_OF_HTTP & link.model_fields_set):
                yield (
                    ("links", name, key),
                    f"{key} is for a link that carries HTTP, and {link.upstream!r} does not; leave it out",
                )
        if link.dns and (other := known.setdefault(link.dns.name, name)) != name:
            yield ("links", name, "dns"), f"{link.dns.name} is the name of link {other!r} too; each needs its own"
        if link.listen and (other := ports.setdefault(link.listen, name)) != name:
            yield ("links", name, "listen"), f"{link.listen} is the port of link {other!r} too; each needs its own"
        if link.listen and (taken := _fixed_ports(target).get(str(link.listen))):
            what = f"{link.listen} is where {taken} listens itself; let one of them have another port"
            yield ("links", name, "listen"), what
        for key, text in link.env.items():
            if (other := told.setdefault(key, name)) != name and not _of_both(text, target.links[other].env[key]):
                # The later one would win, and nobody would go over the other.
                yield (
                    ("links", name, "env", key),
                    f"{key} is where link {other!r} is told of, too; each needs a name of its own",
                )


def _of_both(text: str, other: str) -> bool:
    """Whether two links tell the same of something that is no link's, such as whom to trust."""
    return text == other and not _LINK_WORDS & {*placeholders(text)}


def _unreachable(target: Target) -> Iterator[_Wrong]:
    urls: list[_Wrong] = [(("entries", index, "url"), entry.url) for index, entry in enumerate(target.entries)]
    urls += [(("publish", "post"), target.publish.post)] if target.publish else []
    urls += [(("reset", "post"), target.reset.post)] if target.reset else []
    urls += [(("effects", "get"), target.effects.get)] if target.effects else []
    urls += [(("health", "get"), target.health.get)] if target.health and not target.health.of_each_entry else []
    for place, url in urls:
        if (match := _LINK_URL.match(url)) and (link := target.links.get(match[1])) and link.tls:
            yield (
                place,
                f"{match[1]!r} is reached by TLS (links.{match[1]}.tls), which the harness itself does not speak; name where this listens",
            )
        elif match and (link := target.links.get(match[1])) and link.dns:
            yield (
                place,
                f"{match[1]!r} is reached by name (links.{match[1]}.dns), which the harness does not look up; name where this listens",
            )
        elif (why := _no_http(_with_links(url, target.links))) is not None:
            yield place, f"{url!r} is not an {_HTTP_ADDRESS}, or the {{link.url}} of a link that carries HTTP{why}"


def _fixed_ports(target: Target) -> dict[str, str]:
    """Ports of this machine on which something else has to listen, and what that is."""
    urls = [(f"entry {name!r}", entry.url) for name, entry in target.entries_by_name.items()]
    urls += [
        (f"the upstream of link {name!r}", link.upstream)
        for name, link in target.links.items()
        if isinstance(link.upstream, str)
    ]
    found: dict[str, str] = {}
    for what, url in urls:
        with suppress(ValueError):  # told of where it stands
            if (where := address(url)).port and on_this_machine(where.host.strip("[]")):
                found.setdefault(where.port, what)
    return found


_SIMULATED = re.compile(r"simulated(:(//)?[a-z]*)?", re.IGNORECASE)
"""What people write who mean the provider of the harness's own; a host of that name has a port."""
_HTTP_ADDRESS = "HTTP address without user and query; write http://host:port"


def _upstream_wrong(place: tuple[str | int, ...], upstream: str, link: Link) -> Iterator[_Wrong]:
    if _SIMULATED.fullmatch(upstream):
        yield place, f"{upstream!r} is no address; write {{simulated: {{}}}} for a provider of the harness's own"
        return
    if link.carries == "http":
        if (why := _no_http(upstream)) is not None:
            yield place, f"{upstream!r} is not an {_HTTP_ADDRESS}, or https://host{why}"
        return
    if _NO_PORT.fullmatch(upstream):
        return  # no placeholder but a port is ever filled in, and that is told of where placeholders are
    if (why := _uncarried(upstream)) is not None:
        yield place, f"{upstream!r} begins with {why}"
        return
    try:
        found = address(upstream)
    except ValueError as error:
        yield place, f"{upstream!r} {error}"
        return
    # Redis has a port of its own.
    if not found.port and link.carries != "redis":
        yield place, _portless(upstream, found)


def _portless(upstream: str, found: Address) -> str:
    """What to write in the place of *upstream*, an address without a port."""
    if not found.scheme and not found.user and "." in found.host.strip("0123456789."):
        return f"{upstream!r} has no port; write https://{upstream} for a server of HTTP, else host:port, such as 127.0.0.1:5432"
    return f"{upstream!r} has no port; write host:port, such as 127.0.0.1:5432"


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
_SCHEMES = ("http://", "https://", "redis://", "tcp://")
_SOCKETS = {"ws://": "http://", "wss://": "https://"}


def _uncarried(upstream: str) -> str | None:
    """With which scheme *upstream* begins that no link carries, or that is written in capitals, and what to write; None for others."""
    match = _SCHEME.match(upstream.lower())
    if match is None or upstream.startswith(_SCHEMES):
        return None
    scheme, rest = match[0], upstream[match.end() :]
    if scheme in _SCHEMES:
        return f"a scheme in capitals; write {scheme}{rest}"
    if scheme in _SOCKETS:
        return f"{scheme}; a WebSocket begins as HTTP: write {_SOCKETS[scheme]}{rest}"
    bare = rest.rpartition("@")[2].partition("/")[0]
    if not bare:
        return f"{scheme}; a link leads to a port, and a socket in a folder has none: have it listen on one, and write host:port"
    what = (
        "links carry http://, https:// and redis://; of all else the bytes pass as they are, with network faults alone"
    )
    return f"{scheme}; {what}: write {bare if ':' in bare else f'{bare}:PORT'}"


def _no_http(url: str) -> str | None:
    """None for the address of an HTTP server, whatever its placeholders are filled with; else what there is to say of why it is none."""
    if secret_names(url):
        return None  # no secret is filled in there, and that is told of where placeholders are
    try:
        found = address(url)
    except ValueError as error:
        return f": it {error}"
    return None if found.scheme in ("http", "https") and not found.user else ""


def _with_links(url: str, links: Mapping[str, Link]) -> str:
    """*url*, with a link's address in front as what it will be. A link that is not there is told of where placeholders are."""
    match = _LINK_URL.match(url)
    if match is None or (match[1] in links and links[match[1]].carries != "http"):
        return url
    return f"http://link{url[match.end() :]}"
