"""A day and its runs as one result: what became of each step, of what was believed, and of what was to be done since the last time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.gameday import items
from harness.gameday import standing as standings
from harness.gameday.days import PastDay, plan_of, target_of
from harness.gameday.document.communication import draft
from harness.gameday.document.steps import discreet, in_hand, names, seconds_between, steps
from harness.gameday.events import Began, Event, Noted, PutBack, Stopped, Told, Warned, WentOn
from harness.gameday.items import Due
from harness.gameday.sentences import sentence
from harness.gameday.standing import Standing
from harness.judging import gameday as judging
from harness.judging.gameday import Beside, GameDayResult, Item, LastTime, Note, Step, Surprise
from harness.reading.gameday import GameDay


def told(day: PastDay, earlier: Sequence[PastDay] = ()) -> GameDayResult:
    """What came of *day*; *earlier* are the days of that name before it, the oldest first."""
    standing, plan = day.standing, plan_of(day)
    agenda = steps(day, standing, plan)
    notes = _notes(day, standing)
    made = GameDayResult(
        day=day.opened.day,
        name=day.opened.name,
        title=plan.title if plan else day.opened.name,
        objective=plan.objective if plan else "",
        hypothesis=plan.hypothesis if plan else "",
        target=target_of(day) or (Path(plan.target).stem if plan else ""),
        people=list(_people(plan)) if plan else [],
        tabletop=standing.tabletop,
        state="closed" if standing.closed else "going on",
        opened_at=standing.opened,
        closed_at=standing.closed.at if standing.closed else "",
        until=day.events[-1].at,
        held=standing.closed.held if standing.closed else None,
        shown=standing.shown,
        told=standing.closed.told if standing.closed else "",
        prerequisites=list(_prerequisites(standing, plan)),
        approvals=list(_approvals(standing)),
        steps=agenda,
        notes=notes,
        surprises=list(_surprises(agenda, notes)),
        items=[_item(item) for item in items.items([*earlier, day]) if items.spoken_of(item, day)],
        stops=list(_stops(day, standing)),
        warnings=list(_warnings(day, standing)),
        untold=sum(isinstance(event, Told) and bool(event.error) for event in day.events),
        communication="",
        last=_last(day, agenda, earlier),
        file=day.opened.file,
        sha256=day.opened.sha256,
    )
    return made.model_copy(update={"communication": draft(made)})


def _people(plan: GameDay) -> Iterator[judging.Person]:
    yield judging.Person(name=plan.owner, role="owner")
    yield judging.Person(name=plan.coordinator, role="coordinator")
    yield judging.Person(name=plan.reporter, role="reporter")
    for name in plan.observers:
        yield judging.Person(name=name, role="observer")


def _prerequisites(standing: Standing, plan: GameDay | None) -> Iterator[judging.Prerequisite]:
    for number, look in enumerate(standing.looked):
        known = plan is not None and number < len(plan.prerequisites)
        yield judging.Prerequisite(
            said=plan.prerequisites[number].said if plan and known else f"prerequisite {number + 1}",
            met=look.ok if look else None,
            by=look.by if look else "",
            told=look.told if look else "",
        )


def _approvals(standing: Standing) -> Iterator[judging.Approval]:
    for who, said in standing.agreed.items():
        yield judging.Approval(
            of=who,
            yes=said.yes if said else None,
            by=said.by if said else "",
            at=said.at if said else "",
            why=said.why if said else "",
        )


def _notes(day: PastDay, standing: Standing) -> list[Note]:
    return [
        Note(at=event.at, by=event.by, text=event.text, step=step, decision=event.decision, surprise=event.surprise)
        for event, step in zip(day.events, in_hand(day, names(standing)), strict=True)
        if isinstance(event, Noted)
    ]


def _surprises(agenda: Sequence[Step], notes: Sequence[Note]) -> Iterator[Surprise]:
    for note in notes:
        if note.surprise:
            yield Surprise(said=note.text, by=note.by, step=note.step)
    for step in agenda:
        # Where an expectation was broken what else got worse goes with it.
        for said in step.unasked if step.outcome == "held" else ():
            yield Surprise(said=said, by="harness", step=step.id)
        for said in step.odd:
            yield Surprise(said=said, by="harness", step=step.id)


def _stops(day: PastDay, standing: Standing) -> Iterator[judging.Stop]:
    for place, event in enumerate(day.events):
        if isinstance(event, Stopped):
            gone_s = seconds_between(event.at, _gone(standings.told(day.events[:place]), day.events[place + 1 :]))
            yield judging.Stop(at=event.at, by=event.by, why=discreet(event.why, standing), gone_s=gone_s)


def _gone(now: Standing, after: Sequence[Event]) -> str:
    """When nothing was in force any more of what *now* was, at a stop that *after* came behind; empty where nobody said so before the next
    step or stop.

    Of a step before something may have been left in force, too.
    """
    for event in after:
        now = standings.after(now, event)
        if isinstance(event, Stopped | Began):
            return ""
        if isinstance(event, PutBack) and not now.left:
            return event.at
    return ""


def _warnings(day: PastDay, standing: Standing) -> Iterator[judging.Warned]:
    left = set[str]()
    for event in day.events:
        if isinstance(event, Warned):
            yield judging.Warned(at=event.at, what=discreet(event.what, standing))
        elif isinstance(event, PutBack) and (event.left or event.step in left):
            left = left | {event.step} if event.left else left - {event.step}
            yield judging.Warned(at=event.at, what=discreet(sentence(event), standing))
        elif isinstance(event, WentOn):
            put_back = f"; put back first: {event.healed}" if event.healed else ""
            yield judging.Warned(
                at=event.at, what=f"carried on after the process that led through the day had ended{put_back}"
            )


def _item(item: Due) -> Item:
    return Item(
        text=item.text,
        owner=item.owner,
        ticket=item.ticket,
        due=item.due,
        done=item.done,
        at=item.said.at,
        by=item.said.by,
        day=item.day,
    )


def _last(day: PastDay, agenda: Sequence[Step], earlier: Sequence[PastDay]) -> LastTime | None:
    """The day before *day* of that name, beside it: what people said at a table is not held against what they did, and the other way."""
    alike = [one for one in earlier if one.opened.tabletop == day.opened.tabletop]
    if not alike:
        return None
    last = alike[-1]
    standing = last.standing
    then = {step.id: step for step in steps(last, standing, plan_of(last))}
    open_then = [item for item in items.items(earlier) if not item.done]
    now = {item.text: item for item in items.items([*earlier, day])}
    return LastTime(
        day=last.opened.day,
        at=last.opened.at,
        held=standing.closed.held if standing.closed else None,
        steps=[_beside(then[step.id], step) for step in agenda if step.id in then and not step.secret],
        open=[_item(now[item.text]) for item in open_then if not now[item.text].done],
        closed=[_item(now[item.text]) for item in open_then if now[item.text].done],
    )


def _beside(then: Step, now: Step) -> Beside:
    return Beside(step=now.id, then=then.outcome, now=now.outcome, times_then=then.times, times_now=now.times)
