"""What a fault promises: it is data, it says what it does to the wire, and it says how one can see that it took hold.

A new kind is one file beside this one and one line in `harness/faults/kinds.py`; third parties register theirs through the
entry-point group ``harness``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import msgspec
from pydantic import AfterValidator, Field, model_validator

from harness.faults.effects import EdgeRule, Effect, Probe, Rule, Shape, Sight, Streams, TapShape
from harness.faults.requests import Per, Ramp, Requests
from harness.reading import quantities
from harness.reading.attempts import Attempts
from harness.reading.expectation import RESERVED
from harness.reading.quantities import Seconds, ratio
from harness.reading.strict import Strict
from harness.reading.target import Link, Name, Target
from harness.registry import Registry, nearest, suggestion

Direction = Streams
SILENCE_S = 0.6
"""What has not answered a probe for so long is silent."""
OPEN_CONNECTIONS = (
    "what becomes of connections that were opened or used in the silence, once it ends: deliver (what was held goes on its way, "
    "as TCP sends again what was not acknowledged), reset, or hold (they stay silent until their client leaves)"
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What has been seen of a fault since it was injected.

    Active *probes* by link; and how many attempts at the edge, or connections at the tap, it was done to: *answered* for it.
    """

    probes: Mapping[str, Probe] = field(default_factory=dict)
    answered: int = 0

    @classmethod
    def of(cls, sights: Iterable[Sight], links: Mapping[str, Link]) -> Looked:
        """What one look at all the *links* of a fault came to."""
        probes, answered = {}, 0
        for sight in sights:
            answered += sight.answered or 0
            if sight.outcome:
                # Nobody knows what to say over a bare TCP link to be answered, so a connection shows nothing of what is done to it.
                unseen = links[sight.link].carries == "tcp" and sight.outcome == "answered" and sight.stands
                probes[sight.link] = Probe(sight.link, "acknowledged" if unseen else sight.outcome, sight.elapsed_s)
        return cls(probes, answered)


class Aim(NamedTuple):
    """One thing of a target at which a fault is aimed: *what* it is, such as a link, and its *name*. It is there that a place bites."""

    what: str
    name: str


LINK, PROCESS, CONTAINER = "link", "process", "container"


class Selector(Strict):
    """Which links a fault is aimed at: by name, or by kind and region, so that a scenario fits any target."""

    link: Name | None = None
    kind: Name | None = None
    region: Name | None = None

    def picks(self, links: Mapping[str, Link]) -> tuple[Aim, ...]:
        """The links that match everything that is said."""
        return tuple(
            Aim(LINK, name)
            for name, link in links.items()
            if self.link in (None, name) and self.kind in (None, link.kind) and self.region in (None, link.region)
        )

    def __str__(self) -> str:
        said = {"link": self.link, "kind": self.kind, "region": self.region}
        return ", ".join(f"{key} {value}" for key, value in said.items() if value) or "all links"


class ProcessSelector(Strict):
    """Which process of the target a fault is aimed at: one that the harness started, or a container that runs already."""

    process: Name | None = Field(
        default=None, description="target, for what start starts, or the name of one of services"
    )
    container: Name | None = Field(
        default=None, description="the name of one of containers, or of one of compose's services"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> ProcessSelector:
        if (self.process is None) == (self.container is None):
            raise ValueError("say which: {process: NAME}, of what start and services start, or {container: NAME}")
        return self

    @property
    def aim(self) -> Aim:
        return Aim(CONTAINER, self.container) if self.container else Aim(PROCESS, self.process or "")

    def __str__(self) -> str:
        return " ".join(self.aim)


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def _in_capitals(method: str) -> str:
    """*method* as requests have it (RFC 9110, 9.1). Raises ValueError that says what would be right."""
    if not re.fullmatch(r"[A-Z]+", method):
        meant = nearest(method.strip().upper(), _METHODS)
        raise ValueError(
            f"{method!r} is no method as requests have it; write {meant[0] if meant else 'it in capitals, such as POST'}"
        )
    return method


class RequestSelector(Selector):
    """Which requests a fault is aimed at: those on the links that match, and that match all else that is said, too."""

    model: str | None = Field(default=None, min_length=1, description="that they name; * stands for any text: gpt-4o*")
    path: str | None = Field(
        default=None,
        pattern=r"^[/*][^?#\s]*$",
        description="without the query; * stands for any text: /v1/embeddings, */embeddings",
    )
    method: Annotated[str, AfterValidator(_in_capitals), Field(json_schema_extra={"pattern": "^[A-Z]+$"})] | None = (
        Field(default=None, description="such as POST")
    )
    stream: bool | None = Field(default=None, description="whether they ask for an answer piece by piece")
    last_role: Literal["user", "assistant", "system", "tool"] | None = Field(
        default=None, description="whose the last message is: assistant, where the answer's beginning is given"
    )
    attempt: Attempts | None = Field(
        default=None,
        description="which tries of one request: 1 (only the first one), 2- (all but the first), 2-3; "
        "for attempts that can be joined to a request",
    )

    def __str__(self) -> str:
        said = {"model": self.model, "path": self.path, "method": self.method, "last_role": self.last_role}
        words = [super().__str__(), *(f"{key} {value}" for key, value in said.items() if value)]
        if self.stream is not None:
            words.append("streams" if self.stream else "no streams")
        if self.attempt is not None:
            words.append(f"attempt {self.attempt}")
        return ", ".join(words)


class Climb(Strict):
    """How a setting gets to be what it is: it is *from* at first, and moves evenly, up or down, for *over*."""

    start: str | float = Field(alias="from", description="what it is at first, written as the setting is")
    over: Annotated[Seconds, Field(gt=0)]


class Flap(Strict):
    """In force again and again: for the first *duty* (0 to 1) of each *period*, as often as that lies whole in the fault's time."""

    period: Seconds
    duty: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @property
    def in_force_s(self) -> float:
        """How long it is in force each time."""
        return self.period * self.duty


def _unreserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name!r} is a word of an expectation; call the fault something else")
    return name


class Fault(Strict):
    """One disturbance, as data. The first line of a kind's docstring is its documentation."""

    kind: str
    id: Annotated[Name, AfterValidator(_unreserved)] | None = Field(
        default=None,
        description="what it is called in expectations and in the report; default: its kind and place, such as latency-1",
    )
    at: str | None = Field(
        default=None,
        description="when it begins: a phase, or the start or end of another fault, and an offset, such as fault + 3s or "
        "dns.end + 2s; default: fault, or the only phase between baseline and recovery",
    )
    lasts: Seconds | None = Field(
        default=None,
        gt=0,
        alias="for",
        description="it may reach over several phases; default: to the end of the phase",
    )
    until: str | None = Field(
        default=None,
        description="when it ends, in place of for: a moment as at takes it, such as dns.end + 2s",
    )
    flap: Flap | None = Field(
        default=None, description="it comes and goes: {period: 10s, duty: 0.4}; each time is a window of its own"
    )
    stagger: Seconds | None = Field(
        default=None, gt=0, description="one link after the other, so long apart, in the order of the target file"
    )
    aftereffect: bool = Field(
        default=False,
        description="a consequence of another fault, such as a provider that comes back slowly: it may reach into recovery, "
        "whose clock starts when the last of all other faults has ended",
    )

    undone: ClassVar[bool] = True
    """Whether all of it is put right again when it ends."""
    seen_as: ClassVar[Mapping[str, str]] = {}
    """What people call it when it happens to them, each with the settings that make it, as YAML: found by `harness list faults WORDS`."""
    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {}
    """The settings that can change little by little, each with what reads it as it is written."""

    @property
    def probes(self) -> bool:
        """Whether an active probe through the link shows it; else what it was done to does, at the edge or at the tap."""
        return True

    @property
    def needs(self) -> Literal["http", "any"]:
        """What a link has to carry for this fault."""
        return "any"

    def aim(self, target: Target) -> tuple[Aim, ...]:
        """What of *target* it touches."""
        raise NotImplementedError

    def nothing_such(self, target: Target) -> str:
        """That *target* has nothing at which it could be aimed, and what it has."""
        links = target.links.items()
        known = "; ".join(f"{name} ({link.kind}{f', {link.region}' if link.region else ''})" for name, link in links)
        return f"target {target.name!r} has no such link; it has {known or 'none'}"

    def drawn(self, aims: tuple[Aim, ...], seed: int) -> tuple[Aim, ...]:
        """Those of *aims* that it really touches, where chance has a say; that hangs on *seed* alone."""
        return aims

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        """What to make true on the wire, in this order; it is made false in the opposite one. *links* are those it is aimed at."""
        raise NotImplementedError

    def effects_at(self, aims: tuple[Aim, ...], links: Mapping[str, Link]) -> tuple[Effect, ...]:
        """As `effects`, by all that it is aimed at; *links* are those among it."""
        return self.effects(links)

    @classmethod
    def suits(cls, link: Link) -> bool:
        """Whether *link* can carry a fault of this kind, in one form or another."""
        return True

    def misfit(self, link: Link) -> str:
        """What of it *link*, which it is aimed at, cannot carry, and what would be right; empty where it can carry all of it."""
        return ""

    def publishes_at_s(self) -> tuple[float, ...]:
        """When, after its start, the next snapshot is to be published."""
        return ()

    @property
    def breaks(self) -> bool:
        """Whether it does anything to what it is aimed at, and is not merely looked at there."""
        return True

    @property
    def lies_in_wait(self) -> bool:
        """Whether it is well that it is never met: it answers what a service may do, and breaks nothing for who does not do it."""
        return False

    def took_hold(self, looked: Looked) -> bool:
        """Whether *looked* shows that it is in force on every link it touches."""
        raise NotImplementedError

    def shown_after_s(self) -> float:
        """How long it has to last for anybody to see that it took hold."""
        return SILENCE_S if self.probes else 0.0

    def hides_attempts(self) -> bool:
        """Whether attempts that it defeats can be seen by nobody."""
        return False

    def hides_requests(self) -> bool:
        """Whether nobody can tell for which requests those attempts were, so that amplification is unmeasured while it lasts."""
        return self.hides_attempts()

    def owed_s(self) -> float:
        """For how long what a client sent is still on its way once the client has left, as in a slow network."""
        return 0.0

    def looks_for_s(self) -> float:
        """How long a probe waits before it calls a link silent, in whichever world: where answers are merely late, until they have come."""
        return self.owed_s() + 1.0 if self.owed_s() else SILENCE_S

    def summary(self) -> str:
        """A few words for a person: what and where."""
        raise NotImplementedError


class Climbing(Fault):
    """A fault of which some settings can change little by little."""

    ramp: dict[str, Climb] = Field(
        default_factory=dict,
        description="a setting that climbs or falls to what it is told to be: {SETTING: {from: VALUE, over: 10s}}",
    )

    @model_validator(mode="after")
    def _climbs_what_can(self) -> Self:
        for name in self.ramp:
            if name not in self.climbs:
                can = " and ".join(self.climbs)
                raise ValueError(f"ramp: {name!r} cannot climb or fall; of {self.kind}, {can} can")
            self.climb(name)
        return self

    def climb(self, name: str) -> Ramp | None:
        """How the setting *name* gets to be what it is; None where it is so at once. Raises ValueError for what it cannot be."""
        if name not in self.ramp:
            return None
        try:
            return Ramp(self.climbs[name](self.ramp[name].start), self.ramp[name].over)
        except ValueError as error:
            raise ValueError(f"ramp: {name}: from {error}") from error

    @property
    def climbing(self) -> str:
        """A few words for a person: what climbs or falls; nothing where nothing does."""
        return "".join(
            f", {name} from {f'{one.start:g}' if isinstance(one.start, float) else one.start} over {one.over:g} s"
            for name, one in self.ramp.items()
        )


class Aimed(Fault):
    """A fault with a selector."""

    on: Selector = Field(description="which links: {link: NAME}, or {kind: KIND, region: REGION}")

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return self.on.picks(target.links)


class OfStores(Aimed):
    """A fault of a Redis store, or of what is said to one; it took hold where it found something to do it to."""

    @property
    def probes(self) -> bool:
        return False

    @classmethod
    def suits(cls, link: Link) -> bool:
        return link.carries == "redis"

    def misfit(self, link: Link) -> str:
        return "" if self.suits(link) else f"carries {link.carries}, and {self.kind} is for redis:// upstreams"

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0


class OfLookups(Aimed):
    """A fault of what is told to who looks up the name of a link."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="of the lookups of each link's address, 0 to 1, drawn once for each"
    )

    @classmethod
    def suits(cls, link: Link) -> bool:
        return link.dns is not None

    def misfit(self, link: Link) -> str:
        instead = "so nobody looks one up; say dns: NAME on it, such as dns: api.provider.example"
        return "" if self.suits(link) else f"is not reached by a name, {instead}"

    def hides_requests(self) -> bool:
        # Who has no address, or waits for one, never says what it was about to ask.
        return True

    @property
    def whom(self) -> str:
        """A few words for a person: which lookups, and where."""
        share = f" for {quantities.share(self.share)} of lookups" if self.share < 1 else ""
        return f"{share} on {self.on}"


class OfProcesses(Fault):
    """A fault of a process of the target, and of all that this one started; or of a container."""

    on: ProcessSelector = Field(
        description="which one: {process: target}, {process: NAME} of services, or {container: NAME}"
    )

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return (self.on.aim,) if self.on.aim.name in _known(target, self.on.aim.what) else ()

    def nothing_such(self, target: Target) -> str:
        what, name = self.on.aim
        if known := _known(target, what):
            return f"target {target.name!r} has no such {what}; {suggestion(name, known)}"
        if what == CONTAINER:
            return f"target {target.name!r} names no container; say in containers how it is found, or have compose bring it up"
        where = "what runs already can be broken on its links alone, or as one of containers"
        return f"target {target.name!r} has no process that the harness started; {where}"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return ()

    def effects_at(self, aims: tuple[Aim, ...], links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(map(self.effect, aims))

    def effect(self, aim: Aim) -> Effect:
        """What becomes of the process, or the container, at which it is aimed."""
        raise NotImplementedError

    @property
    def probes(self) -> bool:
        return False

    @classmethod
    def suits(cls, link: Link) -> bool:
        return False

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0


def _known(target: Target, what: str) -> list[str]:
    return list(target.broken_as_containers if what == CONTAINER else target.processes)


class OfConnections(Aimed):
    """A fault of what passes on connections, or on a share of them: which ones is drawn by the run's seed, once for each."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="of the connections of each link, 0 to 1, drawn once for each"
    )
    direction: Direction = Field(
        default="both", description="upstream: what clients send; downstream: what they are answered"
    )

    def shape(self) -> Shape:
        """How what passes is shaped."""
        raise NotImplementedError

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(TapShape(link, self.shape(), self.direction, self.share) for link in links)

    @property
    def probes(self) -> bool:
        return False

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    @property
    def where(self) -> str:
        """A few words for a person: which way, which connections, and where."""
        way = f" {self.direction}" if self.direction != "both" else ""
        share = f" for {quantities.share(self.share)} of connections" if self.share < 1 else ""
        return f"{way}{share} on {self.on}"


class OfRequests(Climbing):
    """A fault of single requests: which ones, and how large a share of them."""

    on: RequestSelector = Field(
        description="which requests: {link: NAME}, or {kind: KIND, region: REGION}; also model, path, method, stream, attempt"
    )
    share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0, description="of those requests, above 0 and up to 1; 0 where it falls to that, as a ramp says"
    )
    per: Per = Field(
        default="attempt",
        description="what draws whether it is hit: each attempt, or once for all of a connection, or of a conversation",
    )
    may_miss: bool = Field(
        default=False,
        description="it lies in wait for what the service may do, such as for requests that end with the assistant: where none comes, "
        "the run is no less valid",
    )
    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {"share": ratio}

    @model_validator(mode="after")
    def _hits_somebody(self) -> Self:
        if self.share == 0 and "share" not in self.ramp:
            raise ValueError("share: 0 hits nobody; write more, up to 1, or with ramp from what it falls to that")
        return self

    @property
    def probes(self) -> bool:
        return False

    @property
    def needs(self) -> Literal["http", "any"]:
        return "http"

    @classmethod
    def suits(cls, link: Link) -> bool:
        return link.carries == "http"

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return self.on.picks(target.links)

    @property
    def requests(self) -> Requests:
        """The requests that it is for, as a rule at an edge is told."""
        said = self.on
        first, last = said.attempt.ends if said.attempt else (1, None)
        return Requests(
            said.model or "",
            said.path or "",
            said.method or "",
            said.stream,
            first,
            last,
            self.share,
            self.climb("share"),
            self.per,
            said.last_role or "",
        )

    def rule(self) -> Rule:
        """What the edge does to each of them."""
        raise NotImplementedError

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(EdgeRule(link, self.rule(), self.requests) for link in links)

    @property
    def lies_in_wait(self) -> bool:
        return self.may_miss

    def took_hold(self, looked: Looked) -> bool:
        # Where nothing has to come to it, it is there as long as its place does not say otherwise, which is told apart from this.
        return looked.answered > 0 or self.may_miss

    @property
    def whom(self) -> str:
        """A few words for a person: which requests."""
        share = f" for {quantities.share(self.share)}" if self.share < 1 else ""
        return f"{share}{f' of {self.per}s' if self.per != 'attempt' else ''} on {self.on}{self.climbing}"


class OfStreams(OfRequests):
    """A fault of answers that come piece by piece, so of requests that ask for those."""

    @model_validator(mode="after")
    def _of_what_streams(self) -> Self:
        if self.on.stream is False:
            raise ValueError(
                f"on: stream: false picks answers in one piece, and {self.kind} is of those that come piece by piece"
            )
        return self

    @property
    def requests(self) -> Requests:
        return msgspec.structs.replace(super().requests, stream=True)


faults: Registry[type[Fault]] = Registry("fault kind")


def every_probe(looked: Looked, outcomes: set[str]) -> bool:
    """True when there is a probe and each one ended in one of *outcomes*, or saw as much as can be seen."""
    return bool(looked.probes) and all(probe.outcome in {*outcomes, "acknowledged"} for probe in looked.probes.values())


def suiting(link: Link) -> list[str]:
    """The kinds of fault that *link* can carry."""
    return [kind for kind, fault in faults.items() if fault.suits(link)]
