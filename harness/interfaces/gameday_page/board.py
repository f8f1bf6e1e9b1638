"""What everybody on a page sees of a day: where it stands, what has to be agreed to, its agenda, and what can be done about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from harness.gameday.control import DayShown, Person, PrerequisiteShown, StepShown
from harness.gameday.events import Agreed, Called, Event, Item, Looked, Marked, Outcome, Over
from harness.gameday.items import alike
from harness.gameday.sentences import HELD, UNSEEN
from harness.gameday.standing import Standing, StepStands, refusal
from harness.interfaces.gameday_page.hidden import hidden
from harness.report.plain_text import one_line, visible

AGAIN: set[Outcome] = {"inconclusive", "invalid", "aborted", "not_done", "skipped", "interrupted"}
"""After these a step may be worth another time."""
ANYBODY = "anybody"


class Where(msgspec.Struct):
    """Where the day stands: in a word for its colour, in a sentence, and since when."""

    tone: str  # waiting, on, stopped or closed
    said: str
    since: str = ""


class Check(msgspec.Struct):
    """A prerequisite; *ok* is None while nobody has looked."""

    said: str
    ticked: bool  # by a person
    ok: bool | None
    by: str
    at: str
    told: str


class Asked(msgspec.Struct):
    """Somebody whose yes is needed; *yes* is None while they have said neither."""

    name: str
    of: str
    yes: bool | None
    by: str
    at: str
    why: str


class Seen(msgspec.Struct):
    """A step; *can* names what a person can do about it now: begin, done, not_done, skip."""

    number: int
    id: str  # by which the page speaks of it
    kind: str
    title: str
    start: str
    about: str
    verify: str
    rollback: str
    planned_s: float | None
    secret: bool
    state: str  # waiting, called, on, or an outcome
    word: str
    began: str
    ended: str
    told: str
    can: list[str]


class Mark(msgspec.Struct):
    """What responders did about a step, by its number."""

    kind: str
    by: str
    at: str
    text: str
    step: int


class ToDo(msgspec.Struct):
    """An action item, as last said; *said* is its text as it was said, by which it is spoken of again."""

    said: str
    text: str
    owner: str
    ticket: str
    due: str
    done: bool
    by: str


class Board(msgspec.Struct):
    """All of it."""

    day: str
    title: str
    objective: str
    hypothesis: str
    target: str
    tabletop: bool
    people: list[Person]
    where: Where
    checks: list[Check]
    asked: list[Asked]
    steps: list[Seen]
    about: int  # the number of the step that a mark is about now; 0 where nothing has begun
    marks: list[Mark]
    items: list[ToDo]
    stopped: str  # who stopped everything, and why, until a step is called again
    left: list[str]  # what may be in force though its step is over or was stopped, with that step
    closed: str


def board(now: Standing, day: DayShown, people: Sequence[Person], agenda: Sequence[StepShown]) -> Board:
    """The board of *day* as it stands *now*."""
    names, numbers = hidden(now, agenda), {step.id: number for number, step in enumerate(now.steps, 1)}
    steps = [_seen(now, step, numbers[step.id], names) for step in agenda if step.id in numbers]
    return Board(
        day=now.day,
        title=one_line(day.title),
        objective=visible(day.objective),
        hypothesis=visible(day.hypothesis),
        target=one_line(day.target),
        tabletop=now.tabletop,
        people=list(people),
        where=where(now, {step.number: step.title for step in steps}),
        checks=[_check(said, look) for said, look in zip(day.prerequisites, now.looked, strict=False)],
        asked=[_asked(name, said, people) for name, said in now.agreed.items()],
        steps=steps,
        about=_about(now),
        marks=[_mark(mark, numbers) for mark in now.marks],
        items=list(_to_do(now.items)),
        stopped=_stopped(now),
        left=[f"{one_line(said)} (step {numbers[id_]})" for id_, faults in now.left.items() for said in faults],
        closed=_closed(now),
    )


def where(now: Standing, titles: dict[int, str]) -> Where:
    """Where the day stands *now*; *titles* of its steps by number, as they may be shown."""
    if now.closed is not None:
        return Where("closed", f"The day is over: {_closed(now)}.", now.closed.at)
    on = now.in_hand
    if now.stopped is not None:
        after = f"{_named(now, on, titles)} is being ended." if on else "Nothing begins until somebody says so."
        gone = " Nothing is in force any more." if now.put_back else ""
        back = " NOT all is put back." if now.left else gone
        return Where("stopped", f"{_stopped(now)}.{back} {after}", now.stopped.at)
    if on is not None:
        return Where("on", f"{_named(now, on, titles)} goes on.", on.began)
    if called := now.step(now.called):
        return Where("on", f"{_named(now, called, titles)} is about to begin.")
    if not now.day:
        return Where("waiting", "The day has not been opened yet.")
    if now.obstacles:
        return Where("waiting", f"Nothing may begin yet: {'; '.join(_obstacles(now))}.")
    if now.next is not None:
        return Where("waiting", f"No step goes on. Next is {_named(now, now.next, titles, 'step')}.")
    return Where("waiting", "All steps are over; the day can be closed.")


def _named(now: Standing, step: StepStands, titles: dict[int, str], word: str = "Step") -> str:
    number = next(at for at, one in enumerate(now.steps, 1) if one.id == step.id)
    return f"{word} {number} ({titles.get(number, 'no longer in the file')})"


def _obstacles(now: Standing) -> Iterator[str]:
    for said in now.obstacles:
        yield f"{said} is not met" if said.startswith("prerequisite ") else one_line(said)


def _stopped(now: Standing) -> str:
    if now.stopped is None:
        return ""
    why = f": {one_line(now.stopped.why)}" if now.stopped.why else ""
    return f"{one_line(now.stopped.by, 80)} stopped everything{why}"


def _closed(now: Standing) -> str:
    if now.closed is None:
        return ""
    held = HELD[now.closed.held] if now.shown or not now.closed.held else UNSEEN
    return held + (f" ({one_line(now.closed.told)})" if now.closed.told else "")


def _about(now: Standing) -> int:
    begun = [(step.in_hand, step.began, number) for number, step in enumerate(now.steps, 1) if step.began]
    return max(begun, default=(False, "", 0))[2]


def _check(asked: PrerequisiteShown, look: Looked | None) -> Check:
    by, at, told = (look.by, look.at, look.told) if look else ("", "", "")
    return Check(visible(asked.said), asked.ticked, look.ok if look else None, one_line(by, 80), at, visible(told))


def _asked(name: str, said: Agreed | None, people: Sequence[Person]) -> Asked:
    of = next((person.of for person in people if person.name == name and person.role == "approves"), "")
    by, at, why = (said.by, said.at, said.why) if said else ("", "", "")
    return Asked(name, visible(of), said.yes if said else None, one_line(by, 80), at, visible(why))


def _mark(mark: Marked, numbers: dict[str, int]) -> Mark:
    return Mark(mark.kind, one_line(mark.by, 80), mark.at, visible(mark.text), numbers.get(mark.step, 0))


def _to_do(said: Sequence[Item]) -> Iterator[ToDo]:
    """Each item once: who says the same text again says what has changed of it."""
    found: dict[str, Item] = {}
    for item in said:
        before = found.get(alike(item.text), item)
        kept = {name: getattr(item, name) or getattr(before, name) for name in ("owner", "ticket", "due")}
        found[alike(item.text)] = replace(before, done=item.done, **kept)
    for item in found.values():
        owner, ticket, due = map(one_line, (item.owner, item.ticket, item.due))
        yield ToDo(item.text, visible(item.text), owner, ticket, due, item.done, one_line(item.by, 80))


def _seen(now: Standing, shown: StepShown, number: int, names: dict[str, str]) -> Seen:
    stands = now.step(shown.id)
    assert stands is not None, "steps that the day was not opened with are left out"
    state, word = _state(now, stands)
    return Seen(
        number=number,
        id=names.get(shown.id, shown.id),
        kind=shown.kind,
        title=one_line(shown.title),
        start=shown.start,
        about=visible(shown.about),
        verify=visible(shown.verify),
        rollback=visible(shown.rollback),
        planned_s=shown.planned_s,
        secret=shown.id in names,
        state=state,
        word=word,
        began=stands.began,
        ended=stands.ended,
        told=visible(stands.told) if stands.ended else "",
        can=list(_can(now, stands, shown.kind)),
    )


def _state(now: Standing, step: StepStands) -> tuple[str, str]:
    if step.outcome is not None:
        return step.outcome, step.outcome.replace("_", " ")
    if step.in_hand:
        return "on", "goes on"
    return ("called", "about to begin") if now.called == step.id else ("waiting", "not begun")


def _can(now: Standing, step: StepStands, kind: str) -> Iterator[str]:
    said: dict[str, Event] = {}
    if now.called != step.id and (step.outcome is None or step.outcome in AGAIN):
        said["begin"] = Called(step=step.id, by=ANYBODY)
    said["done"] = Over(step=step.id, outcome="done", by=ANYBODY)
    if kind == "manual":
        said["not_done"] = Over(step=step.id, outcome="not_done", by=ANYBODY)
    if not step.ended:
        said["skip"] = Over(step=step.id, outcome="skipped", by=ANYBODY)
    yield from (name for name, event in said.items() if not refusal(now, event))
