"""The document of a game day, for people: one page that needs nothing beside itself, and the same in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from harness.judging.gameday import Beside, Expected, GameDayResult, Item, Marked, Step, Stop, Times
from harness.judging.result import Measured
from harness.report import words
from harness.report.day_timeline import clock_time, noted, timeline
from harness.report.page import frame
from harness.report.plain_text import one_line, visible
from harness.report.summary import code, escaped
from harness.report.templating import render

_BESIDE = ("gameday.json", "gameday.md", "day.jsonl")
_REPORT = "report.html"
_HELD = {True: "held", False: "did not hold", None: "was left open"}
_STATES = {True: "pass", False: "fail", None: "inconclusive"}
_BADGES = {True: "HELD", False: "DID NOT HOLD", None: "OPEN"}
_TONES = {"held": "pass", "done": "pass", "failed": "fail", "not_done": "fail", "inconclusive": "inconclusive",
          "invalid": "invalid", "going on": "open"}  # fmt: skip
_SINCE = {
    "fault": "the first fault",
    "run": "the start of its run (the time of its fault is not known)",
    "step": "the start of the step",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A step beside itself the last time: each number *then* and now, in words."""

    step: str
    pairs: tuple[tuple[str, str], ...]


def page(day: GameDayResult) -> str:
    """The page; the same day gives the same text, and it needs nothing beside itself but the reports that it leads to."""
    return str(
        render(
            "gameday.html",
            day=day,
            date=_date(day),
            state=_STATES[shown_held(day)] if day.state == "closed" else "open",
            badge=_badge(day),
            headline=headline(day),
            facts=facts(day),
            expectations=_expectations(day),
            picture=timeline(day),
            letters=any(step.marks for step in day.steps),
            notes=noted(day),
            timed=[step for step in day.steps if step.times],
            marked=_marked(day),
            behind=[(step, said) for step in day.steps for said in step.behind],
            beside=_rows(day),
            held=_HELD,
            since=_SINCE,
            tones=_TONES,
            clock=clock_time,
            took=took,
            recovered=recovered,
            value_of=_value_of,
            report=_report,
            earlier=_earlier,
            item_said=_item_said,
            visible=visible,
            documents=_BESIDE,
            **frame(),
        )
    )


def headline(day: GameDayResult) -> str:
    """``The hypothesis did not hold: 3 of 5 expectations of 2 runs held.``"""
    counted = [one for _, one in _expectations(day) if one.counts]
    held = sum(one.verdict == "pass" for one in counted)
    numbers = f"{held} of {words.counted(len(counted), 'expectation')} held" if counted else ""
    if day.state != "closed":
        over = sum(bool(step.until) for step in day.steps)
        told = ["The day goes on", f"{over} of {words.counted(len(day.steps), 'step')} over"]
    else:
        told = [f"The hypothesis {_held(day)}"]
    told += [numbers] if numbers else []
    told += [words.counted(sum(note.decision for note in day.notes), "decision")] if day.tabletop else []
    return f"{told[0]}{': ' if told[1:] else ''}{'; '.join(told[1:])}."


def shown_held(day: GameDayResult) -> bool | None:
    """Whether the hypothesis held, as far as something shows that: what somebody merely says counts as nobody knows."""
    return None if day.held and not day.shown else day.held


def _badge(day: GameDayResult) -> str:
    if day.state != "closed":
        return "GOING ON"
    return "NOT SHOWN" if day.held and not day.shown else _BADGES[day.held]


def _unseen(day: GameDayResult) -> str:
    runs = [step for step in day.steps if step.kind == "scenario" and step.at]
    if not runs:
        return "Nothing was broken"
    return f"None of its {len(runs)} runs can be trusted" if runs[1:] else "Its run cannot be trusted"


def _held(day: GameDayResult) -> str:
    return "is said to have held, and nothing shows it" if day.held and not day.shown else _HELD[day.held]


def facts(day: GameDayResult) -> list[str]:
    """What a reader should know next, a sentence each."""
    told = [one_line(day.told, 400)] if day.told else []
    told += [f"{_unseen(day)}, so nothing shows that the hypothesis held."] if day.held and not day.shown else []
    told += [f"{_title(step)}: {_summed(step.times)}." for step in day.steps if step.times]
    told += [f"Stopped at {clock_time(one.at)} by {one_line(one.by, 80)}{_gone(one)}." for one in day.stops]
    still = {item.text for item in (*day.items, *(day.last.open if day.last else ())) if not item.done}
    told += [f"{words.counted(len(still), 'item')} to be done."] if still else []
    idle = sum(not one.counts for _, one in _expectations(day))
    told += [f"{words.counted(idle, 'expectation')} not counted: the run cannot be trusted."] if idle else []
    hidden = sum(step.secret for step in day.steps)
    told += (
        [f"{words.counted(hidden, 'secret step')} not over, or never begun: nothing is told of it."] if hidden else []
    )
    return told


def _gone(stop: Stop) -> str:
    return (
        f"; nothing was in force any more {words.quantity(stop.gone_s, 's')} later" if stop.gone_s is not None else ""
    )


def took(time_s: float | None) -> str:
    """``after 4 min 2 s``; of what was marked before it was broken how long before."""
    if time_s is None:
        return "not marked"
    return f"after {words.duration(time_s)}" if time_s >= 0 else f"{words.duration(-time_s)} before"


def recovered(found: Measured | None) -> str:
    """``9.6 s (9.1 to 10.2 s)``; ``> 20 s`` where that was not seen."""
    if found is None:
        return words.NOT_MEASURED
    lies = "" if found.censored else words.interval(found.low, found.high, "s")
    return f"{words.measured(found, 's')}{f' ({lies})' if lies else ''}"


def markdown(day: GameDayResult) -> str:
    """The same for a wiki or a ticket; whatever somebody wrote reads as it stands."""
    parts = (
        _head, _numbers, _surprised, _to_do, _agenda, _times, _written, _marks, _causes, _since_then, _outside, _before,
    )  # fmt: skip
    return "\n".join(line for part in parts for line in part(day)).rstrip() + "\n"


def _head(day: GameDayResult) -> Iterator[str]:
    yield f"# {escaped(day.title, 120)}: game day of {_date(day)}{', talked through' if day.tabletop else ''}"
    yield ""
    yield f"**{escaped(headline(day), 600)}**"
    yield ""
    yield from (f"- {escaped(said, 600)}" for said in facts(day))
    yield ""
    yield f"- Objective: {escaped(day.objective, 2000) or '–'}"
    yield f"- Hypothesis: {escaped(day.hypothesis, 2000) or '–'}"
    closed = escaped(words.wall_time(day.closed_at)) if day.closed_at else "not yet"
    yield f"- Opened {escaped(words.wall_time(day.opened_at))}; closed {closed}"
    yield from (f"- {person.role.capitalize()}: {escaped(person.name, 80)}" for person in day.people)
    yield ""


def _numbers(day: GameDayResult) -> Iterator[str]:
    rows = [
        (
            escaped(_title(step)),
            code(one.expectation),
            escaped(_value_of(one)),
            escaped(words.interval(one.low, one.high, one.unit) or "–"),
            one.verdict if one.counts else "not counted",
        )
        for step, one in _expectations(day)
    ]
    yield from _table(
        "What was expected, in numbers", ("step", "expectation", "measured", "95 % interval", "verdict"), rows
    )


def _agenda(day: GameDayResult) -> Iterator[str]:
    rows = [
        (
            f"**{escaped(_title(step))}**, {escaped(step.id, 40)}{f' ([report](<{link}>))' if (link := _report(step)) else ''}",
            escaped(f"{step.planned}{f', {clock_time(step.planned_at)}' if step.planned_at else ''}" or "–"),
            f"{clock_time(step.at)} to {clock_time(step.until)}" if step.at else "–",
            escaped(f"{step.outcome.replace('_', ' ')}{f': {step.told}' if step.told else ''}", 400),
            "; ".join(
                f"{escaped(fault.summary, 120)}, {clock_time(fault.at)} to {clock_time(fault.until)}"
                for fault in step.faults
            )
            or "–",
        )
        for step in day.steps
    ]
    yield from _table("The agenda, as it went", ("step", "planned", "as it went", "outcome", "broken"), rows)
    yield from ["Times are UTC.", ""]


def _times(day: GameDayResult) -> Iterator[str]:
    rows = [
        (
            escaped(_title(step)),
            _SINCE[step.times.since],
            *(
                took(one)
                for one in (
                    step.times.detect_s,
                    step.times.acknowledge_s,
                    step.times.mitigate_s,
                    step.times.resolve_s,
                )
            ),
            escaped(recovered(step.times.recovery)),
        )
        for step in day.steps
        if step.times
    ]
    names = ("step", "from", "detect", "acknowledge", "mitigate", "resolve", "answers good again")
    yield from _table("How long it took people, and the service", names, rows)


def _surprised(day: GameDayResult) -> Iterator[str]:
    told = [
        f"{escaped(one.said, 1000)} ({f'the run of {escaped(one.step, 40)}' if one.by == 'harness' else escaped(one.by, 80)})"
        for one in day.surprises
    ]
    yield from _listed("Surprises", told)


def _written(day: GameDayResult) -> Iterator[str]:
    rows = [
        (
            str(number),
            clock_time(note.at),
            escaped(note.by, 80),
            f"{'**Decision** ' if note.decision else ''}{'**Surprise** ' if note.surprise else ''}{escaped(note.text, 4000)}",
            escaped(note.step, 40),
        )
        for number, note in noted(day)
    ]
    named = "Decisions and notes" if day.tabletop else "Notes"
    yield from _table(named, ("no.", "time", "who", "what", "in step"), rows)


def _marks(day: GameDayResult) -> Iterator[str]:
    rows = [
        (clock_time(mark.at), mark.kind, escaped(mark.by, 80), escaped(_title(step)), escaped(mark.text, 1000) or "–")
        for step, mark in _marked(day)
    ]
    yield from _table("Marks", ("time", "what", "who", "step", "said"), rows)


def _to_do(day: GameDayResult) -> Iterator[str]:
    rows = [
        (
            escaped(item.text, 1000),
            escaped(item.owner, 80) or "nobody yet",
            escaped(item.ticket) or "–",
            escaped(item.due, 40) or "no date yet",
            "done" if item.done else "open",
        )
        for item in day.items
    ]
    yield from _table("To be done", ("what", "owner", "ticket", "test again", "state"), rows)


def _causes(day: GameDayResult) -> Iterator[str]:
    told = [f"{escaped(said, 600)} ({escaped(_title(step))})" for step in day.steps for said in step.behind]
    yield from _listed("What is behind the numbers, and what to change", told)


def _since_then(day: GameDayResult) -> Iterator[str]:
    if day.last is None:
        return
    yield from [f"## Beside the last time, {escaped(words.wall_time(day.last.at))}", ""]
    yield from [f"Then the hypothesis {_HELD[day.last.held]}.", ""]
    rows = [(escaped(row.step), *(escaped(f"{then} → {now}") for then, now in row.pairs)) for row in _rows(day)]
    names = ("step", "outcome", "detect", "mitigate", "resolve", "answers good again")
    yield from _table("", names, rows)
    for said, listed in (("Open then, and still", day.last.open), ("Open then, and done since", day.last.closed)):
        yield from _listed(
            said, [f"{escaped(item.text, 1000)} ({escaped(_item_said(item))})" for item in listed], level=3
        )


def _outside(day: GameDayResult) -> Iterator[str]:
    if day.communication:
        yield from ["## A draft for those outside", ""]
        # Four spaces make it text as it stands, whatever is in it.
        yield from (f"    {line}".rstrip() for line in visible(day.communication, 20_000).splitlines())
        yield ""


def _before(day: GameDayResult) -> Iterator[str]:
    met = {None: "nobody looked", True: "met", False: "not met"}
    yes = {None: "not given", True: "yes", False: "no"}
    told = [
        f"Prerequisite, {met[one.met]}: {escaped(one.said, 400)}{f' ({escaped(one.by, 80)})' if one.by else ''}"
        for one in day.prerequisites
    ]
    told += [
        f"Approval of {escaped(one.of, 80)}: {yes[one.yes]}{f', {escaped(one.why, 400)}' if one.why else ''}"
        for one in day.approvals
    ]
    told += [
        f"Stopped at {clock_time(one.at)} by {escaped(one.by, 80)}{f': {escaped(one.why, 400)}' if one.why else ''}"
        for one in day.stops
    ]
    told += [f"Warning at {clock_time(one.at)}: {escaped(one.what, 600)}" for one in day.warnings]
    told += [f"{words.counted(day.untold, 'message')} could not be delivered"] if day.untold else []
    told += [f"Game-day file {escaped(words.path(day.file))}, sha256 {code(day.sha256)}", f"Day {code(day.day)}"]
    yield from _listed("Before and beside it", told)


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table below a heading, unless it would be empty; cells are escaped already."""
    if not rows:
        return
    yield from [f"## {title}", ""] if title else []
    yield f"| {' | '.join(names)} |"
    yield f"|{':--|' * len(names)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _listed(title: str, told: Sequence[str], level: int = 2) -> Iterator[str]:
    if told:
        yield from [f"{'#' * level} {title}", "", *(f"- {one}" for one in told), ""]


def _expectations(day: GameDayResult) -> list[tuple[Step, Expected]]:
    return [(step, one) for step in day.steps for one in step.expectations]


def _marked(day: GameDayResult) -> list[tuple[Step, Marked]]:
    return sorted(((step, mark) for step in day.steps for mark in step.marks), key=lambda pair: pair[1].at)


def _title(step: Step) -> str:
    return one_line(step.title, 60)


def _date(day: GameDayResult) -> str:
    return one_line(day.opened_at[:10], 10)


def _value_of(one: Expected) -> str:
    return words.measured(Measured(value=one.value, low=one.low, high=one.high, censored=one.censored, n=0), one.unit)


def _summed(times: Times) -> str:
    """``detected after 42 s, acknowledged after 1 min; answers were good again after 9.6 s``"""
    said = (
        ("detected", times.detect_s),
        ("acknowledged", times.acknowledge_s),
        ("mitigated", times.mitigate_s),
        ("resolved", times.resolve_s),
    )
    people = ", ".join(f"{word} {took(time_s)}" for word, time_s in said if time_s is not None)
    found = times.recovery
    service = f"; answers were {_again(found)}" if found is not None and found.value is not None else ""
    return f"{people or 'nobody marked anything'}{service}"


def _again(found: Measured) -> str:
    if found.censored:
        return f"not good again within {words.quantity(found.value, 's')} after the fault"
    return (
        f"good again {recovered(found)} after the fault" if found.value else "good again as soon as the fault had ended"
    )


def _rows(day: GameDayResult) -> list[_Row]:
    """Steps that were begun this time or the last time."""
    steps = day.last.steps if day.last else []
    return [_row(one) for one in steps if not one.then == one.now == "not begun"]


def _row(one: Beside) -> _Row:
    pairs = [(one.then.replace("_", " "), one.now.replace("_", " "))]
    then, now = one.times_then, one.times_now
    pairs += [(_took_of(then, name), _took_of(now, name)) for name in ("detect_s", "mitigate_s", "resolve_s")]
    pairs += [(recovered(then.recovery if then else None), recovered(now.recovery if now else None))]
    return _Row(one.step, tuple(pairs))


def _took_of(times: Times | None, name: str) -> str:
    return took(getattr(times, name)) if times else "–"


def _report(step: Step) -> str:
    """Where the report of a step's run is, seen from the document; only a path below it can be one."""
    return f"./{quote(step.run)}/{_REPORT}" if step.run and step.verdict is not None else ""


def _earlier(step: Step) -> list[str]:
    return [f"./{quote(run)}/{_REPORT}" for run in step.earlier]


def _item_said(item: Item) -> str:
    told = (one_line(item.owner, 80), one_line(item.ticket, 300), item.due and f"test again {one_line(item.due, 40)}")
    return ", ".join(part for part in (*told, f"of {one_line(item.day, 120)}") if part)
