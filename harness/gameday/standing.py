"""Where a game day stands, told from its events alone; and why something that a person says cannot be, where it cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from harness.gameday.events import (
    HARNESS,
    SAID,
    Agreed,
    Began,
    Called,
    Closed,
    Event,
    Item,
    Kind,
    Looked,
    Marked,
    Noted,
    Opened,
    Outcome,
    Over,
    PutBack,
    Stopped,
    Warned,
    WentOn,
)

BY_CHARS_MAX = 80
TEXT_CHARS_MAX = 4_000
"""No person says more in one breath; whoever sends more is no person."""
_TRUSTED: frozenset[Outcome] = frozenset({"held", "failed", "inconclusive"})
"""Outcomes of a run that says something of the service."""


@dataclass(frozen=True, slots=True)
class StepStands:
    """A step: not begun, begun (*began*, wall time), or over (*ended*, *outcome*)."""

    id: str
    kind: str = ""
    secret: bool = False
    began: str = ""
    ended: str = ""
    outcome: Outcome | None = None
    run: str = ""
    told: str = ""

    @property
    def in_hand(self) -> bool:
        return bool(self.began) and not self.ended


@dataclass(frozen=True, slots=True)
class Standing:
    """A day after so many events (*seen*)."""

    day: str = ""
    name: str = ""
    tabletop: bool = False
    opened: str = ""
    seen: int = 0
    heard: int = 0
    """*seen* when somebody last said something, or the day came further by itself."""
    steps: tuple[StepStands, ...] = ()
    looked: tuple[Looked | None, ...] = ()
    found_out: tuple[int, ...] = ()
    """Prerequisites that the harness finds out by itself."""
    agreed: dict[str, Agreed | None] = field(default_factory=dict)
    called: str = ""
    """The step that a person said is to begin, and that has not yet."""
    stopped: Stopped | None = None
    """The last stop, until a step is called again."""
    marks: tuple[Marked, ...] = ()
    notes: tuple[Noted, ...] = ()
    items: tuple[Item, ...] = ()
    warnings: tuple[Warned, ...] = ()
    left: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Faults, as sentences, that may be in force though their step is over or was stopped, by the id of that step."""
    put_back: str = ""
    """The step that was stopped, and of which nothing is in force any more; until the next one begins."""
    closed: Closed | None = None

    @property
    def in_hand(self) -> StepStands | None:
        """The step that goes on; None between steps."""
        return next((step for step in self.steps if step.in_hand), None)

    @property
    def next(self) -> StepStands | None:
        """The first step that has not begun."""
        return next((step for step in self.steps if not step.began and not step.ended), None)

    @property
    def obstacles(self) -> list[str]:
        """Why nothing may be broken yet: prerequisites that are not met, and people who have not agreed, or have refused.

        On a tabletop nothing is broken, and nothing stands in its way.
        """
        if self.tabletop:
            return []
        unmet = [f"prerequisite {number}" for number, look in enumerate(self.looked, 1) if look is None or not look.ok]
        asked = [
            f"{who} has not agreed" if said is None else f"{who} refused: {said.why}"
            for who, said in self.agreed.items()
            if said is None or not said.yes
        ]
        return unmet + asked

    @property
    def shown(self) -> bool:
        """Whether what is said of the hypothesis can have been seen: in a run that can be trusted; where none was begun, in a manual step.

        On a tabletop nothing is to be seen, and what people say is all there is.
        """
        runs = [step for step in self.steps if step.began and (step.kind == "scenario" or step.run)]
        if self.tabletop or not runs:
            return self.tabletop or any(step.kind == "manual" and step.outcome == "done" for step in self.steps)
        return any(step.outcome in _TRUSTED for step in runs)

    def step(self, id_: str) -> StepStands | None:
        """The step of that id."""
        return next((step for step in self.steps if step.id == id_), None)


def told(events: Iterable[Event]) -> Standing:
    """Where the day stands after *events*."""
    standing = Standing()
    for event in events:
        standing = after(standing, event)
    return standing


def after(standing: Standing, event: Event) -> Standing:
    """Where the day stands once *event* happened as well."""
    heard = standing.seen + 1 if _is_heard(standing, event) else standing.heard
    return replace(_after(standing, event), seen=standing.seen + 1, heard=heard)


def _is_heard(standing: Standing, event: Event) -> bool:
    """Whether people who are waited for have the whole time again; what the harness ends because of a stop gives them none."""
    by_itself = isinstance(event, Opened | WentOn | Began | Over) and standing.stopped is None
    return event.by != HARNESS or by_itself


_LISTED: dict[type[Event], str] = {Noted: "notes", Marked: "marks", Item: "items", Warned: "warnings"}
"""Of these all are kept, in order, under that name."""


def _after(now: Standing, event: Event) -> Standing:
    if name := _LISTED.get(type(event)):
        return replace(now, **{name: (*getattr(now, name), event)})  # type: ignore[arg-type]  # of one of the names in _LISTED
    match event:
        case Opened():
            return _opened(event)
        case Looked():
            return replace(now, looked=_put(now.looked, event.prerequisite, event))
        case Agreed():
            return replace(now, agreed=now.agreed | {event.of: event})
        case WentOn():
            # Who called a step before its process ended does not know that it is to begin now. First everything was put back.
            return replace(now, called="", left={})
        case PutBack():
            left = {step: faults for step, faults in now.left.items() if step != event.step}
            left |= {event.step: tuple(event.left)} if event.left else {}
            return replace(now, left=left, put_back="" if event.left else event.step)
        case Called():
            return replace(now, called=event.step, stopped=None)
        case Began():
            begun = _changed(now, event.step, began=event.at, run=event.run, ended="", outcome=None, told="")
            return replace(begun, called="" if now.called == event.step else now.called, put_back="")
        case Over():
            over = _changed(now, event.step, ended=event.at, outcome=event.outcome, told=event.told, run=event.run)
            return replace(over, called="" if now.called == event.step else now.called)
        case Stopped():
            return replace(now, stopped=event, called="")
        case Closed():
            return replace(now, closed=event)
        case _:
            return now


def _opened(event: Opened) -> Standing:
    return Standing(
        day=event.day,
        name=event.name,
        tabletop=event.tabletop,
        opened=event.at,
        steps=tuple(
            StepStands(id_, kind, secret=id_ in event.secret)
            for id_, kind in zip_longest(event.steps, event.kinds[: len(event.steps)], fillvalue="")
        ),
        looked=(None,) * event.prerequisites,
        found_out=tuple(event.found_out),
        agreed=dict.fromkeys(event.approvals),
    )


def _put(looked: tuple[Looked | None, ...], number: int, look: Looked) -> tuple[Looked | None, ...]:
    return tuple(look if at == number else one for at, one in enumerate(looked))


def _changed(now: Standing, id_: str, **changes: object) -> Standing:
    if changes.get("run") == "" and "began" not in changes:  # a step that begins again has no run yet
        del changes["run"]
    return replace(now, steps=tuple(replace(step, **changes) if step.id == id_ else step for step in now.steps))  # type: ignore[arg-type]  # its own fields


def refusal(now: Standing, event: Event) -> str:
    """Why *event*, which a person says, cannot be as the day stands, and what would be right; empty where it can."""
    if why := _unsayable(event):
        return why
    if now.closed is not None and not isinstance(event, Item | Noted):
        return f"the day was closed at {now.closed.at}; notes and items can still be added"
    match event:
        case Closed() if now.in_hand is not None:
            return f"{now.in_hand.id} goes on; say that it is over, or stop it, and close then"
        case Called():
            return _not_called(now, event)
        case Over():
            return _not_over(now, event)
        case Looked() if not 0 <= event.prerequisite < len(now.looked):
            return f"there is no prerequisite {event.prerequisite + 1}; the day has {len(now.looked)}"
        case Looked() if event.prerequisite in now.found_out:
            return (
                f"whether prerequisite {event.prerequisite + 1} is met the harness finds out by itself, again and again"
            )
        case Agreed() if event.of not in now.agreed:
            return f"nobody asked {event.of!r}; asked were {', '.join(now.agreed) or 'none'}"
        case Agreed(yes=False, why=""):
            return "a refusal needs a reason"
        case Marked() if not any(step.began for step in now.steps):
            return "nothing has begun yet, so there is nothing to be detected"
        case Noted(text="") | Item(text=""):
            return "says nothing"
        case _:
            return ""


def _unsayable(event: Event) -> str:
    """Why no person can say *event*, however the day stands."""
    if not isinstance(event, SAID):
        return f"{type(event).__name__} is what the harness did, and nobody else can say it"
    if event.by.strip() in ("", HARNESS):
        return "says nobody's name; say who says it"
    if len(event.by) > BY_CHARS_MAX:
        return f"a name has at most {BY_CHARS_MAX} characters"
    if any(len(getattr(event, name)) > TEXT_CHARS_MAX for name in event.QUOTED):
        return f"is longer than {TEXT_CHARS_MAX:,} characters"
    return ""


def _not_called(now: Standing, event: Called) -> str:
    step = now.step(event.step)
    if step is None:
        return f"there is no step {event.step!r}; there are {', '.join(one.id for one in now.steps)}"
    if step.in_hand:
        return f"{step.id} goes on since {step.began}"
    if now.in_hand is not None:
        return f"{now.in_hand.id} goes on; one step at a time"
    if now.obstacles:
        return f"not yet: {'; '.join(now.obstacles)}"
    return ""


def _not_over(now: Standing, event: Over) -> str:
    step = now.step(event.step)
    if step is None:
        return f"there is no step {event.step!r}; there are {', '.join(one.id for one in now.steps)}"
    if event.outcome not in ("done", "not_done", "skipped"):
        return "a person can say done, not_done or skipped; what a scenario came to is its verdict"
    if event.outcome != "skipped" and step.kind == "scenario" and not now.tabletop:
        return f"{step.id} is a scenario, which comes to its verdict by itself; stop it instead"
    if event.outcome == "skipped":
        return "" if not step.began else f"{step.id} began at {step.began}; stop it instead"
    return "" if step.in_hand else f"{step.id} does not go on"


MARKS: tuple[Kind, ...] = ("detected", "acknowledged", "mitigated", "resolved")
