"""The suite file: scenarios, targets and settings that are run together, how often, how sure one has to be, and what it may use up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from harness.reading.quantities import Seconds
from harness.reading.scenario import TRIALS_MAX
from harness.reading.schedule import Schedule
from harness.reading.strict import Strict

RERUNS = 1
"""How often a run that was invalid is made again where nobody says."""
ERROR_RATE = 0.05
FailOn = Literal["fail", "inconclusive", "invalid"]
Trials = Annotated[int, Field(ge=1, le=TRIALS_MAX)]


def _with_fail(words: list[FailOn]) -> list[FailOn]:
    if "fail" not in words:
        raise ValueError("leaves out 'fail', so that what is broken would pass; add it")
    return words


class Policy(Strict):
    """How sure one has to be, and what ends with the status of a failure."""

    error_rate: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=ERROR_RATE,
        description="how often a suite may be red, all of its expectations together, where nothing is beyond its limit",
    )
    fail_on: Annotated[list[FailOn], AfterValidator(_with_fail)] = Field(
        default=["fail"], description="verdicts that end with status 1; others keep their own"
    )
    reruns: Annotated[int, Field(ge=0, le=10)] = Field(
        default=RERUNS, description="how often a run whose measurement cannot be trusted is made again"
    )
    early: bool = Field(default=True, description="end as soon as the answer is clear")


class Budget(Strict):
    """What a suite may use up; a run that might go over it is not begun."""

    time: Annotated[Seconds, Field(gt=0)] | None = Field(default=None, description="such as 20min")
    money: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="in the currency of the targets' prices"
    )


def _one_or_more(written: object) -> object:
    return [written] if isinstance(written, str) else written


Files = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_one_or_more)]
Settings = dict[
    Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=30)],
    dict[Annotated[str, Field(min_length=1)], bool | int | float | str | list[object] | dict[str, object] | None],
]


class Suite(Strict):
    """Several runs whose verdict is one."""

    schema_: Literal["harness.suite/1"] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    about: str = ""
    scenarios: Annotated[Files, Field(min_length=1)] = Field(
        description="scenario files, or folders of them, beside the suite"
    )
    targets: Files = Field(
        default_factory=list,
        description="target files beside the suite; default: targets/default.yaml beside each scenario",
    )
    settings: Settings = Field(
        default_factory=dict,
        description="settings of the scenarios, as for --set, under a name of their own; every scenario is run with each",
    )
    trials: Trials | None = Field(default=None, description="runs of each; default: what the scenario says")
    policy: Policy = Field(default_factory=Policy)
    budget: Budget = Field(default_factory=Budget)
    schedule: Schedule | None = None


def overrides(settings: Mapping[str, object]) -> tuple[str, ...]:
    """*settings* of a suite as ``--set`` says them."""
    return tuple(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items())
