"""The game-day file: what a team breaks together, step by step, who has to agree to it, and when it is over."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from harness.reading.quantities import Seconds, seconds
from harness.reading.scenario import AbortWritten
from harness.reading.schedule import Schedule
from harness.reading.strict import Strict
from harness.reading.suite import Budget

Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Who = Annotated[str, Field(min_length=1, max_length=80)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
Moment = Literal["opened", "began", "ended", "stopped", "refused", "note", "mark", "closed", "missed"]
"""What somebody outside can be told of: the day, a step of it, what a person said, or that it did not begin on its schedule."""


def _beginning(written: Any) -> Any:
    """A word or a duration; raises ValueError that names both."""
    try:
        return written if written in BEGINNINGS else seconds(written)
    except ValueError:
        said = "null" if written is None else repr(written)
        what = "write hand, next, or how long after the day was opened, such as 30min"
        raise ValueError(f"{said} says not when a step begins; {what}") from None


BEGINNINGS = ("hand", "next")


class Prerequisite(Strict):
    """What has to be so before anything is broken: a text that a person ticks, a command that ends with 0, or a URL that answers 2xx."""

    tick: Text | None = Field(default=None, description="what a person looks at and ticks")
    command: list[str] | None = Field(
        default=None,
        min_length=1,
        description="a program and its arguments, run beside the file",
        examples=[["kubectl", "get", "nodes"]],
    )
    url: str | None = Field(default=None, min_length=1, description="asked once; 2xx is right")
    within: Annotated[Seconds, Field(gt=0, le=600)] = Field(
        default=30.0, description="how long a command or URL may take"
    )
    about: str = ""

    @model_validator(mode="after")
    def _one(self) -> Prerequisite:
        if sum(each is not None for each in (self.tick, self.command, self.url)) != 1:
            raise ValueError("wants exactly one of tick:, command: and url:")
        return self

    @property
    def said(self) -> str:
        """What it is, in one line."""
        return self.about or self.tick or self.url or " ".join(self.command or [])


class Approval(Strict):
    """Somebody whose yes is needed."""

    by: Who
    of: str = Field(default="", description="what they are asked to agree to; default: the day")


class Step(Strict):
    """One thing of the agenda: a scenario, a manual step, a wait, or a talk; exactly one of these four keys."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scenario": "../provider-latency.yaml"}]})

    id: Id | None = Field(default=None, description="default: step- and its number, from 1")
    scenario: str | None = Field(
        default=None, min_length=1, description="a scenario file beside this one", examples=["../provider-latency.yaml"]
    )
    manual: Text | None = Field(default=None, description="what a person does, as in a runbook")
    wait: Annotated[Seconds, Field(gt=0)] | None = Field(default=None, description="for how long nothing is done")
    discuss: Text | None = Field(default=None, description="what is talked about until somebody says that it is over")
    start: Annotated[
        Literal["hand", "next"] | Annotated[float, Field(ge=0)],
        BeforeValidator(_beginning, json_schema_input_type=Literal["hand", "next"] | Annotated[Seconds, Field(ge=0)]),
    ] = Field(
        default="hand",
        description="hand: when somebody says so; next: as soon as the step before is over; a time such as 30min: that long after the day "
        "was opened, or as soon as the step before is over where that is later",
    )
    settings: dict[str, bool | int | float | str | list[object] | dict[str, object] | None] = Field(
        default_factory=dict, description="settings of the scenario, as for --set"
    )
    expect: list[str] = Field(
        default_factory=list,
        description="further expectations of the scenario, as for --expect",
        examples=[["good_ratio >= 0.9 in fault"]],
    )
    secret: bool = Field(default=False, description="responders may not know before it is over")
    verify: str = Field(default="", description="how one sees that a manual step did what it should")
    rollback: str = Field(default="", description="how a manual step is undone")
    about: str = ""

    @model_validator(mode="after")
    def _one(self) -> Step:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(f"wants exactly one of {', '.join(f'{name}:' for name in KINDS)}")
        for names, kind in ((("settings", "expect", "secret"), "scenario"), (("verify", "rollback"), "manual")):
            if kinds != [kind] and (wrong := [name for name in names if getattr(self, name)]):
                raise ValueError(f"{wrong[0]}: goes with {kind}: alone")
        return self

    @property
    def kind(self) -> str:
        """``scenario``, ``manual``, ``wait`` or ``discuss``."""
        return next(name for name in KINDS if getattr(self, name) is not None)


KINDS = ("scenario", "manual", "wait", "discuss")


class Webhook(Strict):
    """Who is told while the day goes on, by POST of JSON."""

    url: str = Field(
        min_length=1, description="where it is posted to, such as https://chat.example.org/hook; may hold ${SECRET}s"
    )
    on: list[Moment] = Field(default=["opened", "ended", "stopped", "closed"], min_length=1)


def _differ(steps: list[Step]) -> list[Step]:
    ids = [step.id or f"step-{number}" for number, step in enumerate(steps, 1)]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ValueError(f"two steps have the id {twice[0]!r}; each needs its own")
    return steps


class GameDay(Strict):
    """A game day."""

    schema_: Literal["harness.gameday/1"] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    title: Text
    objective: Text = Field(description="what the team wants to learn")
    hypothesis: Text = Field(description="what it believes will happen, so that it can be wrong")
    owner: Who = Field(description="who answers for the day")
    coordinator: Who = Field(description="who leads through it")
    reporter: Who = Field(description="who writes down what is seen")
    observers: list[Who] = Field(default_factory=list)
    target: str = Field(min_length=1, description="a target file beside this one")
    prerequisites: list[Prerequisite] = Field(default_factory=list)
    approvals: list[Approval] = Field(default_factory=list)
    agenda: Annotated[list[Step], Field(min_length=1, max_length=40), AfterValidator(_differ)]
    abort: list[AbortWritten] = Field(
        default_factory=list,
        description="on what a scenario of the day is ended, beside its own; the day stops with it",
        examples=[["good_ratio < 0.5 for 10s"]],
    )
    budget: Budget = Field(default_factory=Budget)
    notify: list[Webhook] = Field(default_factory=list)
    schedule: Schedule | None = None

    @property
    def ids(self) -> list[str]:
        """What each step is called, in the order of the agenda."""
        return [self.step_id(number) for number in range(len(self.agenda))]

    def step(self, id_: str) -> Step:
        """The step of that id. Raises KeyError where there is none."""
        return dict(zip(self.ids, self.agenda, strict=True))[id_]

    def step_id(self, number: int) -> str:
        """The id of the step of that *number*, counted from 0."""
        return self.agenda[number].id or f"step-{number + 1}"
