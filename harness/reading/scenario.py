"""The scenario file: what load to drive, what to break and when, and what is expected; it names no target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from harness.faults import AnyFault
from harness.reading import expectation
from harness.reading.abort import FORM as ABORT_FORM
from harness.reading.abort import LIMITS, AbortLimit, parse, spelt_out
from harness.reading.expectation import FORM, PHASE_NAME, RESERVED
from harness.reading.hosts import address
from harness.reading.incident import Incident
from harness.reading.patterns import JsonSchema, Regex
from harness.reading.quantities import Period, Seconds
from harness.reading.retries import Retries, misfits
from harness.reading.shapes import RATE_MOST, LoadShape
from harness.reading.strict import Strict
from harness.reading.target import Name
from harness.registry import letters_apart, suggestion

PHASES = ("warmup", "baseline", "fault", "recovery")
"""Phases as they usually are; of these only `fault` may be left out, or have others in its place."""
AROUND = ("warmup", "baseline", "recovery")
"""Phases in which nothing is broken: those before the first fault, and what follows the last."""
SHED = "load_shed"
"""In a phase of this name most clients stay away, to see whether a service that keeps itself down comes back then."""
WARMUP_S = 3.0
TRIALS_MAX = 100

_Wrong = tuple[tuple[str | int, ...], str]
_PHASE_MOST = 30
_SLIP = 2
"""Within so many letters of a known name a phase's name is taken for a slip."""


def _reach(text: str) -> str:
    parts = address(text)
    if parts.scheme or parts.user or parts.path or not (parts.port or "0").isdecimal():
        raise ValueError(
            f"should be a host, with its port or without, such as metrics.example or 127.0.0.1:8125, but is {text!r}"
        )
    return text


Reach = Annotated[str, AfterValidator(_reach)]
Tag = Annotated[str, Field(pattern=r"^[^\s-]\S*$")]
USERS_MOST = 10_000
WORKERS_MOST = 64
PROBES_MOST = 5.0
"""Questions a second that may be asked beside a load of the service's own: more of them would be a load themselves."""

Known = Literal["attempts", "requests", "joined"]
"""What can be known of the traffic of a run: *attempts*, what passes on links, whoever it is for; *requests*, what clients asked and
what became of that; *joined*, for which request each attempt was made."""


class Load(Strict):
    """The requests that clients send: an open model, so a slow target does not slow them down; users of a locustfile; or none at all."""

    source: Literal["harness", "service"] = Field(
        default="harness",
        description="who makes the traffic: the harness, or the service itself, and then it is watched where it passes; "
        "load: none is short for load: {source: service}",
    )
    probe_per_s: Annotated[float, Field(gt=0, le=PROBES_MOST)] | None = Field(
        default=None,
        description="of a load of the service's own: questions a second that the harness asks beside it; default: none",
    )
    rate_per_s: Annotated[float, Field(gt=0, le=RATE_MOST)] = 20.0
    shape: LoadShape | None = Field(default=None, description="how the rate changes over the run; default: it does not")
    arrivals: Literal["constant", "poisson", "bursty"] = "constant"
    cv: Annotated[float, Field(gt=0, le=20)] = Field(
        default=2.0, description="of bursty arrivals: the standard deviation of the gaps between them, over their mean"
    )
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    questions: str | None = Field(
        default=None,
        description="a file of questions, beside the scenario: YAML, JSONL or CSV; needed unless there is a locustfile",
    )
    turn_gap: Seconds = Field(default=5.0, description="the time between two turns of a conversation")
    deadline: Seconds = Field(default=10.0, description="when a client gives up, counted from when its request was due")
    stall: Seconds | None = Field(
        default=None,
        gt=0,
        description="how long an answer may be silent between two pieces; default: only the deadline ends it",
    )
    in_flight_max: int | None = Field(default=None, ge=1, description="default: 4 x the highest rate x deadline")
    workers: Annotated[int, Field(ge=1, le=WORKERS_MOST)] = Field(
        default=1, description="processes that share the load, each of which can use one core"
    )
    shed_to: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.2, description="what is left of the load in a phase called load_shed, 0 to 1"
    )
    retries: Retries | None = Field(
        default=None, description="clients who ask again when they are not served; default: they do not"
    )

    locustfile: str | None = Field(
        default=None,
        description="a Python file of Locust's, beside the scenario, whose User classes are the load: a closed one",
    )
    users: Annotated[int, Field(ge=1, le=USERS_MOST)] = Field(
        default=1, description="of a locustfile: how many; a LoadTestShape in it decides itself"
    )
    spawn_rate: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="of a locustfile: users that begin a second; default: all within one"
    )
    host: Name | None = Field(
        default=None, description="of a locustfile: the entry that its users ask; default: each the next one"
    )
    tags: list[Tag] = Field(default_factory=list, description="of a locustfile: only tasks with one of these tags")
    exclude_tags: list[Tag] = Field(default_factory=list, description="of a locustfile: no task with one of these tags")
    web: bool | Annotated[int, Field(ge=1024, le=65535)] = Field(
        default=False, description="of a locustfile: show Locust's page while the run goes on: true, or its port"
    )
    otel: bool = Field(default=False, description="of a locustfile: turn Locust's OpenTelemetry on")
    reaches: list[Reach] = Field(
        default_factory=list,
        description="of a locustfile: hosts beside the target that its own clients may connect to, each with its port or without",
    )

    @property
    def closed(self) -> bool:
        """Whether who waits for an answer asks nothing meanwhile."""
        return self.locustfile is not None

    @property
    def watched(self) -> bool:
        """Whether the traffic is the service's own, which the harness watches and does not send."""
        return self.source == "service"

    @property
    def asks(self) -> bool:
        """Whether the harness has anything asked of the target at all, be it probes beside the service's own traffic."""
        return not self.watched or self.probe_per_s is not None

    @property
    def usual_per_s(self) -> float:
        """Requests a second that the harness sends where its shape says nothing else."""
        return (self.probe_per_s or 0.0) if self.watched else self.rate_per_s

    @property
    def known(self) -> frozenset[Known]:
        """What can be known of the traffic of a run under it."""
        if not self.watched:
            return frozenset({"attempts", "requests", "joined"})
        return frozenset({"attempts", "requests"} if self.asks else {"attempts"})

    @property
    def spawn_per_s(self) -> float:
        """How many users of a locustfile begin a second."""
        return self.spawn_rate or self.users

    @property
    def who(self) -> str:
        """Who asks, in words, where it is not the harness by its own schedule: ``10 users of users.py``; else empty."""
        if self.locustfile is not None:
            return f"{self.users} {'user' if self.users == 1 else 'users'} of {Path(self.locustfile).name}"
        if not self.watched:
            return ""
        probes = (
            f" and {self.usual_per_s:g} {'probe' if self.usual_per_s == 1 else 'probes'} a second" if self.asks else ""
        )
        return f"the service's own traffic{probes}"

    @model_validator(mode="after")
    def _leaves_room_to_ask_again(self) -> Load:
        wrongs = (
            [(("retries", key), what) for key, what in misfits(self.retries, self.deadline)] if self.retries else []
        )
        if wrongs:
            raise PydanticCustomError("placed", "nobody would ask again", {"wrongs": wrongs})
        return self

    @model_validator(mode="after")
    def _says_of_bursts_what_bursts_are(self) -> Load:
        said = "cv" in self.model_fields_set and not self.locustfile and not self.watched
        replayed = (
            self.shape is not None and self.shape.trace is not None
        )  # of which all that changes nothing is told at once
        if said and self.arrivals != "bursty" and not replayed:
            what = f"is of bursty arrivals, and these are {self.arrivals}; write arrivals: bursty, or leave it out"
            raise PydanticCustomError("placed", "cv would change nothing", {"wrongs": [(("cv",), what)]})
        return self

    @model_validator(mode="after")
    def _has_one_source_of_due_times(self) -> Load:
        replay = self.shape.trace if self.shape is not None else None
        if replay is None or self.watched:
            return self
        idle = {"arrivals", "cv", "jitter"} | ({"rate_per_s"} if replay.rate == "as_is" else set())
        if said := sorted(idle & self.model_fields_set):
            also = "; for another rate write trace: {file: …, speed: 2} or rate: scaled" if "rate_per_s" in said else ""
            raise ValueError(f"a trace says when requests are due, so {' and '.join(said)} would change nothing{also}")
        return self

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Load:
        given = [name for name in type(self).model_fields if name in self.model_fields_set]
        if self.watched:
            self._is_watched_alone(given)
            return self
        if self.probe_per_s is not None:
            raise ValueError(
                "probe_per_s is asked beside a load of the service's own; write source: service, or leave it out"
            )
        if not self.closed and self.questions is None:
            raise ValueError(
                "says nothing that clients could ask; write questions: a YAML file of questions, beside the scenario, "
                "or locustfile: for users of your own"
            )
        if self.closed and (odd := [name for name in given if name not in (*OF_LOCUSTFILES, *OF_BOTH)]):
            raise _placed(
                odd[0], f"{_several(odd)} for the load of the harness; the users of a locustfile decide that themselves"
            )
        if not self.closed and (odd := [name for name in given if name in OF_LOCUSTFILES]):
            raise _placed(odd[0], f"{_several(odd)} for the users of a locustfile, and none is named (load.locustfile)")
        return self

    def _is_watched_alone(self, given: Sequence[str]) -> None:
        """Raises what is wrong with what is *given* of a load of the service's own."""
        if odd := [name for name in given if name not in (*OF_PROBES, "source", "probe_per_s")]:
            raise _placed(
                odd[0],
                f"{_several(odd)} for a load that the harness sends, and this one is the service's own (source: service); leave it out",
            )
        if not self.asks and (odd := [name for name in given if name in OF_PROBES]):
            raise ValueError(
                f"{_several(odd)} for probe requests, and none are sent; write probe_per_s: 1, or leave it out"
            )
        if self.asks and self.questions is None:
            raise ValueError("probes have nothing to ask; write questions: a file of questions, beside the scenario")


OF_LOCUSTFILES = ("users", "spawn_rate", "host", "tags", "exclude_tags", "web", "otel", "reaches")
"""What can be said of a load of a locustfile's users alone."""
OF_BOTH = ("source", "locustfile", "deadline", "workers")
OF_PROBES = ("questions", "deadline", "stall")
"""What can be said of the questions that are asked beside a load of the service's own."""
PROBES = "load: {source: service, probe_per_s: 1, questions: FILE}"
"""How a scenario has the service probed beside its own traffic, as it is written."""


def _load_spelt_out(written: object) -> object:
    """``none`` as the load that it is: the service's own; anything else as it is."""
    return {"source": "service"} if written == "none" else written


def _several(names: Sequence[str]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _placed(key: str, what: str) -> PydanticCustomError:
    """That *what* is wrong at *key*, so that the reader of the file can tell the line."""
    return PydanticCustomError("placed", "the load is not of one kind", {"wrongs": [((key,), what)]})


def _checked(phases: dict[str, float]) -> dict[str, float]:
    wrongs = [*_misnamed(phases), *_misplaced(phases)]
    if wrongs:
        # Each with its place, so that the reader of the file can tell the line.
        raise PydanticCustomError("placed", "the phases are not in order", {"wrongs": wrongs})
    return in_order(phases)


def in_order(phases: Mapping[str, float]) -> dict[str, float]:
    """*phases* in the order in which they are run, with a warm-up where none is written."""
    between = {name: span_s for name, span_s in phases.items() if name not in AROUND}
    before = {"warmup": phases.get("warmup", WARMUP_S), "baseline": phases["baseline"]}
    return {**before, **between, "recovery": phases["recovery"]}


def _misnamed(phases: dict[str, float]) -> Iterator[_Wrong]:
    slips = {name: known for name in phases if (known := _meant(name)) is not None and known not in phases}
    for name in phases:
        if name in RESERVED:
            yield (name,), f"{name!r} is a word of an expectation; call the phase something else"
        elif name not in PHASES and (known := _meant(name)):
            yield (
                (name,),
                f"unknown key; did you mean {known!r}? It is within {_SLIP} letters of that, and so taken for a slip of it: "
                "a phase of your own needs a name that is further from it, such as outage",
            )
        elif not re.fullmatch(PHASE_NAME, name) or len(name) > _PHASE_MOST:
            what = f"a lower-case letter and then lower-case letters, digits, _ and -, at most {_PHASE_MOST} in all"
            yield (name,), f"{name!r} is no name of a phase; write {what}"
    for name, span_s in phases.items():
        if name not in AROUND and span_s == 0:
            yield (name,), "lasts no time, so nothing could be broken in it; let it last longer, or leave it out"
    for name in ("baseline", "recovery"):
        if name not in phases and name not in slips.values():
            yield (name,), "is missing; it should be text such as 3s, 250ms or 2min"


def _meant(name: str) -> str | None:
    """The phase with a meaning that *name* is a slip of."""
    meant = (*PHASES, SHED)
    near = {known: distance for known in meant if 0 < (distance := letters_apart(name, known)) <= _SLIP}
    return min(near, key=lambda known: near[known]) if near and name not in meant else None


def _misplaced(phases: dict[str, float]) -> Iterator[_Wrong]:
    """What stands where it does not happen. Of the usual four the order is known, however they are written."""
    names = list(phases)
    if not set(names) - set(PHASES) or any(_meant(name) for name in names):
        return
    if "warmup" in names and names[0] != "warmup":
        yield (
            ("warmup",),
            "stands behind other phases, and is always the first; phases follow one another as they are written",
        )
    if "baseline" in names and next(name for name in names if name != "warmup") != "baseline":
        yield ("baseline",), "stands behind what is measured against it; write it first, or right behind warmup"
    if "recovery" in names and names[-1] != "recovery":
        yield (
            ("recovery",),
            f"stands before {names[-1]!r}, and is always the last; phases follow one another as they are written",
        )


_A_DURATION = TypeAdapter(Seconds).json_schema()
Phases = Annotated[
    dict[str, Seconds],
    AfterValidator(_checked),
    WithJsonSchema(
        {
            "type": "object",
            "description": "How long each phase lasts; they follow one another as they are written, and any number of "
            "phases of your own may stand in place of fault.",
            "properties": {
                "warmup": {**_A_DURATION, "default": f"{WARMUP_S:g}s"},
                "baseline": _A_DURATION,
                "fault": _A_DURATION,
                "recovery": _A_DURATION,
            },
            "patternProperties": {f"^{PHASE_NAME}$": _A_DURATION},
            "required": ["baseline", "recovery"],
            "additionalProperties": False,
        }
    ),
]
"""Seconds of each phase, in the order in which they follow one another: warmup, baseline, any number between, recovery."""


class Answers(Strict):
    """What a good answer has to say, beyond that it is there; all that is given has to hold."""

    matches: Regex | None = Field(default=None, description="a regular expression that is found in the answer")
    not_matches: Regex | None = Field(default=None, description="one that is not")
    agrees: bool = Field(
        default=False,
        description="with the baseline, or the newest published snapshot, as answer_consistency counts it",
    )
    json_schema: JsonSchema | None = Field(default=None, description="the answer's text is JSON of this schema")

    @model_validator(mode="after")
    def _says_something(self) -> Answers:
        if not self.agrees and (self.matches, self.not_matches, self.json_schema) == (None, None, None):
            raise ValueError(
                "asks nothing of an answer; give matches, not_matches, agrees: true or json_schema, or leave it out"
            )
        return self


class Good(Strict):
    """What counts as a good answer: complete, valid, and in time."""

    within: Annotated[Seconds, Field(gt=0)] = 4.0
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.95
    answers: Answers | None = Field(default=None, description="what a good answer has to say; default: anything")


class Slo(Strict):
    """What the service promises over days or weeks; what may fail of it is its error budget, of which a run spends a part."""

    good: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="the share of good answers that is promised, such as 0.999"
    )
    over: Annotated[Period, Field(gt=0)] = Field(description="for how long: 30d, 4w")
    rate_per_s: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="requests per second over all that time; default: as many as the load of the run"
    )


def _abortable(written: str) -> str:
    parse(written)
    return written


AbortWritten = Annotated[Annotated[str, AfterValidator(_abortable)] | AbortLimit, BeforeValidator(spelt_out)]
"""A condition of an ``abort:``, in short or spelt out."""


def _one_text(written: object) -> object:
    """What is expected of a metric is one text; YAML makes a mapping of it where a colon stands for the comparison."""
    if isinstance(written, dict):
        metric, limit = next(iter(written.items()), ("METRIC", 5))
        if limit is None:
            raise ValueError(f"an expectation is one text, and in braces it is a mapping; write {metric} without them")
        with_equals = f"{metric}={limit}"
        if expectation.can_be_read(with_equals):
            meant = with_equals
        else:
            meant = f"{metric} <= {limit if isinstance(limit, int | float) else 5}, or >="
        raise ValueError(f"an expectation is one text, and this is a mapping; write {meant}")
    return written


class Scenario(Strict):
    """What a person wrote, checked."""

    ends_with: ClassVar[Mapping[str, str]] = {"phases": "recovery"}
    """A phase that is put in from outside comes before the recovery."""

    schema_: Literal["harness.scenario/1"] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    about: str = ""
    incident: Incident | None = Field(default=None, description="the published incident that this replays")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    load: Annotated[Load, BeforeValidator(_load_spelt_out, json_schema_input_type=Literal["none"] | Load)]
    phases: Phases
    faults: list[AnyFault] = Field(default_factory=list)
    good: Good = Field(default_factory=Good)
    slo: Slo | None = Field(default=None, description="what is promised over weeks, and so how much may fail")
    recorded: str | None = Field(
        default=None,
        min_length=1,
        description="a recorded curve, beside the scenario: CSV, a row a second; the run is told how close it came to it",
    )
    abort: list[AbortWritten] = Field(
        default_factory=list,
        description=f"on what the run is ended at once, with everything put back: {ABORT_FORM}, or {LIMITS}",
    )
    expect: list[Annotated[str, BeforeValidator(_one_text)]] = Field(min_length=1, description=FORM)
    trials: Annotated[int, Field(ge=1, le=TRIALS_MAX)] = Field(
        default=1, description="how many runs of it are judged together, each with a seed of its own"
    )

    @property
    def fault_ids(self) -> tuple[str, ...]:
        """What each fault is called: its id, or its kind and its place in the list."""
        return tuple(fault.id or f"{fault.kind}-{number}" for number, fault in enumerate(self.faults, start=1))

    def of_folder(self, folder: Path) -> Scenario:
        """Itself, with the whole path of a locustfile that lies in *folder*, where the scenario does."""
        if self.load.locustfile is None:
            return self
        path = str(folder / self.load.locustfile)
        return self.model_copy(update={"load": self.load.model_copy(update={"locustfile": path})})

    @model_validator(mode="after")
    def _a_published_curve_is_of_its_phases(self) -> Scenario:
        known = list(self.phases)
        strange = [name for name in (self.incident.curve if self.incident else ()) if name not in known]
        if strange:
            wrongs = [
                (("incident", "curve", name), f"there is no phase {name!r}; {suggestion(name, known)}")
                for name in strange
            ]
            raise PydanticCustomError(
                "placed", "what was published stands for a phase of the scenario", {"wrongs": wrongs}
            )
        return self

    @model_validator(mode="after")
    def _says_nothing_of_what_nobody_sends(self) -> Scenario:
        if wrongs := [*_unsent(self)]:
            raise PydanticCustomError("placed", "the load is the service's own", {"wrongs": wrongs})
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Scenario:
        first: dict[str, int] = {}
        wrongs: list[_Wrong] = []
        for index, (name, fault) in enumerate(zip(self.fault_ids, self.faults, strict=True)):
            if (earlier := first.setdefault(name, index)) != index:
                what = f"{name!r} is what faults[{earlier}] is called, too; each needs an id of its own"
                wrongs.append((("faults", index, *(("id",) if fault.id else ())), what))
        if wrongs:
            raise PydanticCustomError("placed", "ids are used twice", {"wrongs": wrongs})
        return self


def _unsent(scenario: Scenario) -> Iterator[_Wrong]:
    """What *scenario* says of a load that it does not send, or of answers that nobody hears, each with its place."""
    if not scenario.load.watched:
        return
    own = "the load is the service's own (load.source)"
    if scenario.recorded is not None:
        yield ("recorded",), f"is held against a load that the harness sends, and {own}; leave it out"
    if SHED in scenario.phases:
        what = f"has most clients stay away, and {own}, so that the harness cannot keep them away; call the phase something else"
        yield ("phases", SHED), what
    heard: dict[tuple[str, ...], object] = {("good", "answers"): scenario.good.answers, ("slo",): scenario.slo}
    for place, said in heard.items():
        if said is not None and not scenario.load.asks:
            yield (
                place,
                f"is about answers that clients get, {own}, and nobody hears those; write {PROBES}, or leave it out",
            )


__all__ = ["PHASES", "TRIALS_MAX", "Good", "Load", "Name", "Phases", "Scenario"]
