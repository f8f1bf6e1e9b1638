"""What a game day came to, in the stable form ``harness.gameday-result/1`` that machines read.

Wall times are UTC, ISO 8601, and empty where something has not happened. Times between two of them are seconds, null where one of them is
not known. Of a secret step that is not over nothing is told but that there is one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.judging.json_document import DocumentPart, JsonDocument
from harness.judging.result import Measured, Outcome

State = Literal["going on", "closed"]
Came = Literal[
    "held", "failed", "inconclusive", "invalid", "aborted", "done", "not_done", "skipped", "interrupted", "going on",
    "not begun",
]  # fmt: skip
"""What became of a step; ``held`` to ``aborted`` are the verdict of its run."""
Mark = Literal["detected", "acknowledged", "mitigated", "resolved"]


class Person(DocumentPart):
    """Somebody whom the file names."""

    name: str
    role: Literal["owner", "coordinator", "reporter", "observer"]


class Prerequisite(DocumentPart):
    """What had to be so before anything was broken; *met* is null where nobody looked."""

    said: str
    met: bool | None
    by: str
    told: str


class Approval(DocumentPart):
    """Somebody whose yes was needed; *yes* is null where they said nothing."""

    of: str
    yes: bool | None
    by: str
    at: str
    why: str


class Marked(DocumentPart):
    """What responders did, as somebody marked it; *after_s*: from when it was broken; null where that is not known."""

    kind: Mark
    at: str
    by: str
    text: str
    after_s: float | None


class Expected(DocumentPart):
    """An expectation of a step's run, with what was measured and its 95 % interval; *counts*: whether the run can be trusted at all.

    An end of the interval that is open, and a value that was not measured, are null; *censored*: the true value lies beyond it.
    """

    expectation: str
    metric: str
    unit: str
    limit: float
    value: float | None
    low: float | None
    high: float | None
    censored: bool
    verdict: Literal["pass", "fail", "inconclusive"]
    counts: bool


class InForce(DocumentPart):
    """A fault of a step's run; *until* is empty where it is not known that it was put back."""

    kind: str
    summary: str
    links: list[str]
    at: str
    until: str
    confirmed: bool


class Good(DocumentPart):
    """The share of good answers, 0 to 1, in a stretch of a step's run; null where nothing was due."""

    phase: str
    at: str
    until: str
    ratio: float | None


class Times(DocumentPart):
    """Seconds from when a step broke something to the first mark of each kind; below 0 where somebody marked it before.

    *since* says from what they count: the first fault of the run, the start of the run where the wall time of its fault is not known, or
    the start of the step where no harness broke it.
    """

    at: str = Field(description="wall time from which they count")
    since: Literal["fault", "run", "step"]
    detect_s: float | None
    acknowledge_s: float | None
    mitigate_s: float | None
    resolve_s: float | None
    recovery: Measured | None = Field(
        description="of the run's result: from the end of the fault until answers were good and stayed so; null where it was not measured"
    )


class Step(DocumentPart):
    """One thing of the agenda, as it went."""

    id: str
    kind: Literal["scenario", "manual", "wait", "discuss", ""] = Field(description="empty where the file is not known")
    title: str
    about: str
    secret: bool = Field(description="whether it is hidden still")
    planned: str = Field(description="when it was to begin, in words")
    planned_at: str = Field(description="the same as a wall time; empty where the file says none")
    planned_s: float | None = Field(description="how long a run or a wait was to take")
    at: str
    until: str
    took_s: float | None
    begun: int = Field(description="how often; all that is told is of the last time")
    outcome: Came
    told: str
    run: str = Field(description="folder of its run, below that of this document; empty where there is none")
    earlier: list[str] = Field(description="folders of runs of the times before, likewise")
    verdict: Outcome | None = Field(description="that of its run")
    expectations: list[Expected]
    faults: list[InForce]
    good: list[Good]
    good_from: str = Field(
        default="", description="when the first second of good_by_second began; empty where there is none"
    )
    good_by_second: list[float | None] = Field(
        default=[],
        description="the share of good answers of what was due in each second of its run, 0 to 1; null where nothing was due",
    )
    marks: list[Marked]
    times: Times | None = Field(description="null where it broke nothing, or is hidden")
    unasked: list[str] = Field(description="what got much worse though no expectation is about it")
    odd: list[str] = Field(description="that the service kept itself down when nothing was broken any more, or ended")
    behind: list[str] = Field(description="what is behind its numbers, and what to change")


class Note(DocumentPart):
    """What somebody wrote down; *step*: while which one it was, or after which."""

    at: str
    by: str
    text: str
    step: str
    decision: bool
    surprise: bool


class Surprise(DocumentPart):
    """What nobody had expected: as a person said, or as a run shows."""

    said: str
    by: str = Field(description="who said so; harness: a run shows it")
    step: str


class Item(DocumentPart):
    """Something to be done after the day."""

    text: str
    owner: str
    ticket: str
    due: str = Field(description="a date: when it is to be tested again; empty where nobody said")
    done: bool
    at: str
    by: str
    day: str = Field(description="id of the day on which it was first said")


class Stop(DocumentPart):
    """Somebody pressed stop."""

    at: str
    by: str
    why: str
    gone_s: float | None = Field(
        default=None, description="after so many seconds nothing was in force any more; null where nobody knows"
    )


class Warned(DocumentPart):
    """What everybody was told: a warning of the harness, or that a day whose process had ended was carried on."""

    at: str
    what: str


class Beside(DocumentPart):
    """One step, this time and the last time; null where it was not measured."""

    step: str
    then: Came
    now: Came
    times_then: Times | None
    times_now: Times | None


class LastTime(DocumentPart):
    """The day before this one of the same name."""

    day: str
    at: str
    held: bool | None
    steps: list[Beside]
    open: list[Item] = Field(description="items of earlier days that were open then and are still")
    closed: list[Item] = Field(description="items of earlier days that were open when that day ended and are done")


class GameDayResult(JsonDocument):
    """What a game day came to."""

    schema_: Literal["harness.gameday-result/1"] = Field(default="harness.gameday-result/1", alias="schema")
    day: str
    name: str
    title: str
    objective: str
    hypothesis: str
    target: str = Field(description="its name, or what its file is called")
    people: list[Person]
    tabletop: bool
    state: State
    opened_at: str
    closed_at: str
    until: str = Field(description="when the last thing of it happened")
    held: bool | None = Field(description="whether the hypothesis held; null where nobody can say, or not yet")
    shown: bool = Field(
        default=True,
        description="whether something of the day can show it: false where runs were made and none can be trusted, or nothing was broken",
    )
    told: str = Field(description="what was said of that")
    prerequisites: list[Prerequisite]
    approvals: list[Approval]
    steps: list[Step]
    notes: list[Note]
    surprises: list[Surprise]
    items: list[Item]
    stops: list[Stop]
    warnings: list[Warned]
    untold: int = Field(description="messages to somebody outside that could not be delivered")
    communication: str = Field(description="a draft for those outside, in plain text: only what is known")
    last: LastTime | None = Field(description="null where there was no such day before")
    file: str = Field(description="path of the game-day file, as given")
    sha256: str
