"""What of a game-day file may be shown while the day goes on: secret steps stay secret until they are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.gameday.control import HIDDEN, DayShown, LiveFigures, Person, PrerequisiteShown, StepShown
from harness.gameday.desk import Desk
from harness.gameday.files import DayFiles
from harness.gameday.standing import Standing
from harness.reading.gameday import GameDay, Step
from harness.suites.spending import spelt

NEXT = "as soon as the step before is over"
"""When a step begins by itself, in words."""


class ShownDay:
    """The `Control` of a day; *figures* are those of the run in hand."""

    def __init__(self, files: DayFiles, desk: Desk, figures: Callable[[], LiveFigures | None]) -> None:
        self._files, self._desk, self._figures = files, desk, figures

    def about(self) -> DayShown:
        day = self._files.day
        prerequisites = tuple(PrerequisiteShown(one.said, one.tick is not None) for one in day.prerequisites)
        target = self._files.target.value.name
        return DayShown(day.name, day.title, day.objective, day.hypothesis, target, prerequisites)

    def people(self) -> list[Person]:
        return list(people(self._files.day))

    def agenda(self) -> list[StepShown]:
        return agenda(self._files, self._desk.standing)

    def live(self) -> LiveFigures | None:
        return self._figures()


def people(day: GameDay) -> Iterator[Person]:
    """Everybody whom *day* names, in each of their roles."""
    yield Person(day.owner, "owner")
    yield Person(day.coordinator, "coordinator")
    yield Person(day.reporter, "reporter")
    yield from (Person(name, "observer") for name in day.observers)
    yield from (Person(one.by, "approves", one.of or "the day") for one in day.approvals)


def agenda(files: DayFiles, now: Standing) -> list[StepShown]:
    """Each step as it may be shown where the day stands."""
    return [
        shown(files, id_, hidden=is_hidden(step, id_, now))
        for id_, step in zip(files.day.ids, files.day.agenda, strict=True)
    ]


def is_hidden(step: Step, id_: str, now: Standing) -> bool:
    """Whether responders may not know yet what *step* is; one that begins again is no news, and on a tabletop it is read out."""
    stands = now.step(id_)
    if not step.secret or stands is None:
        return step.secret
    return stands.outcome in (None, "skipped") and not (now.tabletop and stands.began)


def shown(files: DayFiles, id_: str, *, hidden: bool) -> StepShown:
    """The step of that id, or of one that is *hidden* when it begins and no more."""
    step = files.day.step(id_)
    if hidden:
        return StepShown(id_, step.kind, HIDDEN, starts(step), secret=True)
    return StepShown(
        id_, step.kind, title(files, id_), starts(step),
        about=step.about, verify=step.verify, rollback=step.rollback, planned_s=planned_s(files, id_),
    )  # fmt: skip


def title(files: DayFiles, id_: str) -> str:
    """What the step is, in a line."""
    step = files.day.step(id_)
    if id_ in files.runs:
        return files.runs[id_].plan.scenario.name
    return spelt(step.wait) if step.wait is not None else str(step.manual or step.discuss)


def planned_s(files: DayFiles, id_: str) -> float | None:
    """How long the step takes as planned; None where that is up to people."""
    return files.runs[id_].plan.total_s if id_ in files.runs else files.day.step(id_).wait


def starts(step: Step) -> str:
    """When the step begins, in words."""
    match step.start:
        case "hand":
            return "by hand"
        case "next":
            return NEXT
        case seconds:
            return f"{spelt(seconds)} after the day was opened"
