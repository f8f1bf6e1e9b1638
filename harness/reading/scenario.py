"""The scenario file: what load to drive, what to break and when, and what is expected; it names no target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.faults import AnyFault
from harness.reading.patterns import JsonSchema, Regex
from harness.reading.quantities import Seconds
from harness.reading.target import Name

PHASES = ("warmup", "baseline", "fault", "recovery")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Load(_Strict):
    """The requests that clients send: an open model, so a slow target does not slow them down."""

    rate_per_s: Annotated[float, Field(gt=0, le=20_000)] = 20.0
    arrivals: Literal["constant", "poisson"] = "constant"
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    questions: str = Field(description="a YAML file of questions, beside the scenario")
    turn_gap: Seconds = Field(default=5.0, description="the time between two turns of a conversation")
    deadline: Seconds = Field(default=10.0, description="when a client gives up, counted from when its request was due")
    stall: Seconds | None = Field(
        default=None,
        gt=0,
        description="how long an answer may be silent between two pieces; default: only the deadline ends it",
    )
    in_flight_max: int | None = Field(default=None, ge=1, description="default: 4 x rate x deadline")


class Phases(_Strict):
    """How long each phase lasts; they follow one another in this order."""

    warmup: Seconds = 3.0
    baseline: Seconds
    fault: Seconds
    recovery: Seconds


class Answers(_Strict):
    """What a good answer has to say, beyond that it is there; all that is given has to hold."""

    matches: Regex | None = Field(default=None, description="a regular expression that is found in the answer")
    not_matches: Regex | None = Field(default=None, description="one that is not")
    agrees: bool = Field(
        default=False,
        description="with the baseline, or the newest published snapshot, as answer_consistency counts it",
    )
    json_schema: JsonSchema | None = Field(default=None, description="the answer's text is JSON of this schema")


class Good(_Strict):
    """What counts as a good answer: complete, valid, and in time."""

    within: Seconds = 4.0
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.95
    answers: Answers | None = Field(default=None, description="what a good answer has to say; default: anything")


class Scenario(_Strict):
    """What a person wrote, checked."""

    schema_: Literal["harness.scenario/1"] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    about: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    load: Load
    phases: Phases
    faults: list[AnyFault] = Field(default_factory=list)
    good: Good = Field(default_factory=Good)
    expect: list[str] = Field(min_length=1, description="metric[.part] OP number [in PHASE]")


__all__ = ["PHASES", "Good", "Load", "Name", "Phases", "Scenario"]
