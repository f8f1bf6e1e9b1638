"""A game day carried out: one move after the other, each on disk before the next, until the day is closed or its process has to end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from harness.gameday.control import HIDDEN
from harness.gameday.desk import Desk
from harness.gameday.events import Began, Closed, Looked, Outcome, Over, Stopped, Warned, WentOn
from harness.gameday.moves import Begin, Finish, Look, Move, TakeBack, Until, next_move
from harness.gameday.patience import Patience
from harness.gameday.standing import Standing
from harness.reading.gameday import GameDay


class World(Protocol):
    """What a day is carried out in: real processes and people, or made-up ones with a clock of their own."""

    @property
    def attended(self) -> bool:
        """Whether anybody can still say something."""
        ...

    @property
    def patience(self) -> Patience:
        """How long people are waited for who say nothing."""
        ...

    @property
    def leaving(self) -> bool:
        """Whether this process has to end, and leaves the day as it stands."""
        ...

    def now(self) -> datetime: ...

    def wait(self, seen: int, until: datetime | None) -> None:
        """Return once more than *seen* events happened, it is *until*, or *leaving* has changed; earlier does no harm."""
        ...

    def look(self, prerequisite: int) -> None:
        """Find out whether it is met; a `Looked` of it is written some time later."""
        ...

    def refused(self, step: str) -> str:
        """Why the budget does not allow the scenario of *step*; empty where it does."""
        ...

    def begin(self, step: str) -> None:
        """Carry out a scenario, of which `came_to` is called some time later; anything else is shown to people."""
        ...

    def take_back(self, step: str) -> None:
        """End the run of *step*, faults first; it may be called again."""
        ...

    def heal(self) -> str:
        """Put back what a process that was killed left in force, and say what that was. Raises HarnessError where it cannot be."""
        ...


def carry_out(day: GameDay, desk: Desk, world: World) -> Standing:
    """Make moves until the day is closed or the process has to end, with nothing in force then; where the day stands.

    Raises OSError where the day cannot be written down any more.
    """
    looking = dict[int, Looked | None]()
    while (now := desk.standing).closed is None:
        looking = {number: before for number, before in looking.items() if now.looked[number] is before}
        if world.leaving:
            if now.in_hand is None or not _by_itself(day, now):
                break
            world.take_back(now.in_hand.id)
            world.wait(now.seen, None)
            continue
        move = next_move(day, now, world.now(), looking)
        if isinstance(move, Look):
            looking[move.prerequisite] = now.looked[move.prerequisite]
        _make(move, day, desk, world, now, idle=not looking)
    return desk.standing


def _by_itself(day: GameDay, now: Standing) -> bool:
    """Whether what is in hand is a run, which goes on without anybody."""
    return now.in_hand is not None and day.step(now.in_hand.id).kind == "scenario" and not now.tabletop


def _make(move: Move, day: GameDay, desk: Desk, world: World, now: Standing, *, idle: bool) -> None:
    match move:
        case Begin():
            _begin(move.step, day, desk, world, now)
        case Finish():
            desk.write(Over(step=move.step, outcome=move.outcome, told=move.told))
        case TakeBack():
            world.take_back(move.step)
            world.wait(now.seen, None)
        case Look():
            world.look(move.prerequisite)
        case Until(people=True) if idle and not world.attended:
            _alone(desk, now)
        case Until(people=True) if idle and (left := world.patience.left(now.heard)) is not None:
            _patiently(move.at, left, desk, world, now)
        case Until():
            world.wait(now.seen, move.at)


def _begin(id_: str, day: GameDay, desk: Desk, world: World, now: Standing) -> None:
    """Unless anything else has happened meanwhile, such as a stop: then whoever carries the day out looks again."""
    scenario = day.step(id_).kind == "scenario" and not desk.standing.tabletop
    if scenario and (why := world.refused(id_)):
        desk.write(Warned(what=f"{HIDDEN if day.step(id_).secret else id_} was not begun: {why}"))
        desk.write(Over(step=id_, outcome="skipped", told=why))
        return
    if desk.write_unless_more(Began(step=id_), now.seen):
        world.begin(id_)


def _patiently(at: datetime | None, left: timedelta, desk: Desk, world: World, now: Standing) -> None:
    """Wait for people until *at*, but no longer than is *left*: then the day is stopped, what they had in hand not done, and it closes."""
    if left <= timedelta() and now.stopped is None:
        desk.write(Stopped(why=f"{world.patience.over}; it waited until {_waits(now)}"))
    elif left <= timedelta():
        _alone(desk, now)
    elif warning := world.patience.warning(now.heard):
        desk.write(Warned(what=warning))
    else:
        then = world.now() + world.patience.quiet(now.heard)
        world.wait(now.seen, then if at is None else min(at, then))


def _waits(now: Standing) -> str:
    """What of people the day waits for."""
    if now.in_hand is not None:
        return f"{HIDDEN if now.in_hand.secret else now.in_hand.id} is over"
    if now.obstacles:
        return f"nothing stands in its way: {'; '.join(now.obstacles)}"
    return f"{HIDDEN if now.next.secret else now.next.id} begins" if now.next is not None else "somebody closes it"


def _alone(desk: Desk, now: Standing) -> None:
    """Nobody can say any more what the day waits for: a step of people was not done, and the day is over after that."""
    if now.in_hand is not None:
        desk.write(Over(step=now.in_hand.id, outcome="not_done", told="nobody was there to say whether it is"))
        return
    waits = "; ".join(now.obstacles) or (f"nobody was there to begin {now.next.id}" if now.next is not None else "")
    desk.write(Closed(held=held_by_verdicts(now), told=waits))


def came_to(desk: Desk, step: str, outcome: Outcome, run: str = "", told: str = "") -> None:
    """Write down what the scenario of *step* came to; one that was aborted stops the day with it."""
    desk.write(Over(step=step, outcome=outcome, run=run, told=told))
    if outcome == "aborted" and desk.standing.stopped is None:
        desk.write(Stopped(why=f"{step} was aborted: {told}" if told else f"{step} was aborted"))


def go_on(day: GameDay, desk: Desk, world: World, run: str = "") -> None:
    """Take over a day whose process was killed: first everything is put back, then that is written down.

    *run*: of the scenario that was cut short, the folder of its run. Raises HarnessError where something is left in force.
    """
    desk.write(WentOn(healed=world.heal()))
    now = desk.standing
    if now.in_hand is not None and _by_itself(day, now):
        desk.write(Over(step=now.in_hand.id, outcome="interrupted", run=run, told="the harness was killed in it"))


def held_by_verdicts(now: Standing) -> bool | None:
    """Whether the hypothesis held, as far as the verdicts of its scenarios say: none of a day in which not all could be told."""
    outcomes = {step.outcome for step in now.steps if step.kind == "scenario"}
    if "failed" in outcomes:
        return False
    return True if outcomes == {"held"} else None
