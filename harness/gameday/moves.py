"""What is to be done next on a game day, told from its file, where it stands, and the time alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.gameday.events import Outcome
from harness.gameday.standing import Standing, StepStands
from harness.reading.gameday import GameDay, Step

LOOK_AGAIN = timedelta(seconds=30)
"""How long after it was not met the harness looks at a prerequisite again."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The *step* begins."""

    step: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The *step*, which nobody's verdict ends, is over."""

    step: str
    outcome: Outcome
    told: str = ""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """What the run of the *step* broke is taken back, and the run ends."""

    step: str


@dataclass(frozen=True, slots=True)
class Look:
    """It is found out whether the *prerequisite* of that number is met."""

    prerequisite: int


@dataclass(frozen=True, slots=True)
class Until:
    """There is nothing to do before somebody says something, or before *at*; *people*: nobody but people can change that."""

    at: datetime | None = None
    people: bool = False


Move = Begin | Finish | TakeBack | Look | Until


def next_move(day: GameDay, now: Standing, at: datetime, looking: Collection[int] = ()) -> Move:
    """What is to be done *at* this time; *looking*: prerequisites that somebody is looking at already."""
    if now.in_hand is not None:
        return _with(day.step(now.in_hand.id), now.in_hand, now, at)
    if now.called:
        return Begin(now.called)
    dues = list[datetime]()
    for number, due in _looks(now, at):
        if number not in looking and due <= at:
            return Look(number)
        dues.append(due)
    begins = _due(day, now, at)
    if begins is not None and now.next is not None:
        if begins <= at:
            return Begin(now.next.id)
        dues.append(begins)
    # What was looked at and is not met is met again only if somebody mends it.
    return Until(min((due for due in dues if due > at), default=None), people=begins is None)


def waits_for_people(day: GameDay) -> Iterator[str]:
    """All of *day* that somebody has to say, in the order in which it comes."""
    yield from (f"prerequisite {n} is ticked" for n, one in enumerate(day.prerequisites, 1) if one.tick is not None)
    yield from (f"{one.by} has to agree" for one in day.approvals)
    for id_, step in zip(day.ids, day.agenda, strict=True):
        if step.start == "hand":
            yield f"{id_} begins by hand"
        if step.kind in ("manual", "discuss"):
            yield f"{id_} is over when somebody says so"


def _with(step: Step, stands: StepStands, now: Standing, at: datetime) -> Move:
    """What is to be done while *step* is in hand."""
    by_itself = step.kind == "scenario" and not now.tabletop
    if now.stopped is not None:
        return TakeBack(stands.id) if by_itself else Finish(stands.id, "not_done", f"stopped by {now.stopped.by}")
    if step.wait is not None and not now.tabletop:
        due = _instant(stands.began) + timedelta(seconds=step.wait)
        return Finish(stands.id, "done") if due <= at else Until(due)
    return Until(people=not by_itself)


def _looks(now: Standing, at: datetime) -> Iterator[tuple[int, datetime]]:
    """Prerequisites that are not met as far as is known, and when each is to be looked at."""
    for number in now.found_out if not now.tabletop else ():
        look = now.looked[number]
        if look is None or not look.ok:
            yield number, at if look is None else _instant(look.at) + LOOK_AGAIN


def _due(day: GameDay, now: Standing, at: datetime) -> datetime | None:
    """When the next step begins by itself; None where somebody has to say so."""
    if now.next is None or now.stopped is not None or now.obstacles:
        return None
    place = now.steps.index(now.next)
    start = day.agenda[place].start
    before = now.steps[place - 1] if place else None
    # What was cut short is to be looked at by somebody before anything else is broken.
    if start == "hand" or (before is not None and before.outcome in ("aborted", "interrupted")):
        return None
    if start == "next":
        return at
    return None if now.tabletop else _instant(now.opened) + timedelta(seconds=start)


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
