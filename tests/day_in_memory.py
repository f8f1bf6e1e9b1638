"""A game day in memory: people who answer at once, runs by a clock that only they move, and faults that outlive a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.gameday.carrying import came_to, carry_out, go_on
from harness.gameday.desk import Desk
from harness.gameday.events import Agreed, Called, Closed, Event, Looked, Marked, Noted, Opened, Outcome, Over
from harness.gameday.patience import Patience
from harness.gameday.standing import Standing
from harness.reading.gameday import GameDay
from harness.reading.yaml import read


def head(name: str = "friday", title: str = "Friday", target: str | Path = "target.yaml") -> str:
    """As much of a game-day file as each has, whatever is done on the day."""
    return f"""schema: harness.gameday/1
name: {name}
title: {title}
objective: learn
hypothesis: it holds
owner: Ada
coordinator: Grace
reporter: Katherine
target: {target}
"""


TEXT = (
    head()
    + """prerequisites: [{tick: quiet}, {command: [make, smoke]}]
approvals: [{by: Ada}]
agenda:
  - {id: known, scenario: a.yaml}
  - {id: talk, discuss: what was seen, start: next}
  - {id: manual, manual: fail over}
  - {id: quiet, wait: 2min, start: next}
  - {id: late, scenario: b.yaml, secret: true, start: 30min}
"""
)
SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
OPENED_AT = datetime(2026, 11, 27, 14, tzinfo=UTC)
RUN = timedelta(seconds=50)

People = Callable[[Standing], Event | None]
Harness = Callable[..., int]
"""Calls ``harness gameday``; see the fixture of that name."""
Written = Callable[..., Path]
"""Writes a game-day file; see the fixture of that name."""


def day_of(text: str = TEXT) -> GameDay:
    return read(text, GameDay, "friday.yaml").value


def opened(day: GameDay, *, tabletop: bool = False) -> Opened:
    return Opened(
        day="d1", name=day.name, file="friday.yaml", sha256="00", steps=day.ids, prerequisites=len(day.prerequisites),
        approvals=[one.by for one in day.approvals], tabletop=tabletop, kinds=[one.kind for one in day.agenda],
        secret=[id_ for id_ in day.ids if day.step(id_).secret],
        found_out=[number for number, one in enumerate(day.prerequisites) if one.tick is None],
    )  # fmt: skip


def willing(now: Standing) -> Event | None:
    """What people say where everybody does what the day waits for, and the reporter notes each step and what was detected."""
    for number, look in enumerate(now.looked):
        if look is None and number not in now.found_out:
            return Looked(by="Grace", prerequisite=number, ok=True)
    if pending := [who for who, said in now.agreed.items() if said is None]:
        return Agreed(by=pending[0], of=pending[0])
    if now.in_hand is not None:
        return _of_the_step(now)
    if now.next is None:
        return Closed(by="Grace", held=True)
    if now.obstacles:
        return None
    waits = now.next.id in ("known", "manual") or any(step.outcome == "interrupted" for step in now.steps)
    return Called(by="Grace", step=now.next.id) if waits else None


def _of_the_step(now: Standing) -> Event | None:
    assert now.in_hand is not None
    step = now.in_hand
    if not any(step.id in note.text for note in now.notes):
        return Noted(by="Katherine", text=f"{step.id} goes on")
    if not any(mark.step == step.id for mark in now.marks):
        return Marked(by="Barbara", kind="detected")
    if step.kind in ("manual", "discuss"):
        return Over(by="Grace", step=step.id, outcome="done")
    return None


@dataclass
class Outside:
    """What a killed process leaves behind: the time, and what is in force."""

    at: datetime = OPENED_AT
    in_force: set[str] = field(default_factory=set)

    def now(self) -> datetime:
        return self.at


@dataclass
class WorldInMemory:
    """The `World` of *day*; the run of a step comes to what *comes_to* says of it, else it held."""

    day: GameDay
    desk: Desk
    outside: Outside
    people: People = willing
    comes_to: dict[str, Outcome] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    attended: bool = True
    waits_s: float | None = None
    leaving: bool = False
    met: bool = True
    begun: list[str] = field(default_factory=list)
    looks: list[datetime] = field(default_factory=list)
    ends: datetime | None = None
    waits: int = 0

    def __post_init__(self) -> None:
        self.patience = Patience(self.waits_s, clock=lambda: self.now().timestamp())

    def now(self) -> datetime:
        return self.outside.at

    def wait(self, seen: int, until: datetime | None) -> None:
        self.waits += 1
        assert self.waits < 1_000, "the day does not come to its end"
        if self.desk.standing.seen > seen:
            return
        if self.attended and (said := self.people(self.desk.standing)) is not None:
            self.desk.say(said)
            return
        due = [one for one in (until, self.ends) if one is not None]
        assert due, "the day waits for nobody"
        self.outside.at = max(self.outside.at, min(due))
        if self.ends is not None and self.outside.at >= self.ends:
            self._ended(self.comes_to.get(self.begun[-1], "held"))

    def look(self, prerequisite: int) -> None:
        self.looks.append(self.now())
        self.desk.write(Looked(prerequisite=prerequisite, ok=self.met))

    def refused(self, step: str) -> str:
        return self.refuses.get(step, "")

    def begin(self, step: str) -> None:
        self.begun.append(step)
        if self.day.step(step).scenario is not None and not self.desk.standing.tabletop:
            self.outside.in_force.add(step)
            self.ends = self.now() + RUN

    def take_back(self, step: str) -> None:
        if self.ends is not None:
            self._ended("aborted")

    def heal(self) -> str:
        healed = sorted(self.outside.in_force)
        self.outside.in_force.clear()
        return ", ".join(f"{step}: put back" for step in healed)

    def _ended(self, outcome: Outcome) -> None:
        self.ends = None
        self.outside.in_force.discard(self.begun[-1])
        came_to(self.desk, self.begun[-1], outcome)


class Killed(BaseException):
    """The process was killed; nothing more is done in it."""


class MortalDesk(Desk):
    """A desk whose process is killed as soon as so many *lines* are on disk."""

    lines: int = 10_000

    def _write(self, event: Event) -> Event:
        written = super()._write(event)
        if self.standing.seen >= self.lines:
            raise Killed
        return written


def lived(
    file: Path, day: GameDay, outside: Outside, people: People = willing, lines: int = 10_000, **world: object
) -> Standing:
    """The day in *file*, opened or gone on with, until it is closed, or killed after so many *lines*."""
    desk = MortalDesk(file, now=outside.now)
    desk.lines = lines
    made = WorldInMemory(day, desk, outside, people, **world)  # type: ignore[arg-type]  # as the test says
    try:
        if desk.standing.seen:
            go_on(day, desk, made)
            assert outside.in_force == set()
        else:
            desk.write(opened(day))
        return carry_out(day, desk, made)
    finally:
        desk.close()
