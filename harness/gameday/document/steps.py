"""The agenda as it went: each step with its run, and how long responders took from when it broke something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from harness.gameday import events
from harness.gameday.control import HIDDEN
from harness.gameday.days import PastDay
from harness.gameday.document import runs
from harness.gameday.document.runs import StepRun
from harness.gameday.events import Began, Kind, Over
from harness.gameday.shown import starts
from harness.gameday.standing import Standing, StepStands
from harness.judging.gameday import Came, Marked, Step, Times
from harness.reading import gameday
from harness.reading.gameday import GameDay
from harness.record.run_folder import RunFolder
from harness.suites.spending import spelt

_BREAKS = ("scenario", "manual")


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is known of a step: how it stands, what the file says of it, its run, and what responders marked of what it broke."""

    number: int
    stands: StepStands
    planned: gameday.Step | None
    run: StepRun | None
    marks: tuple[events.Marked, ...]

    @property
    def kind(self) -> Literal["scenario", "manual", "wait", "discuss", ""]:
        if self.planned is not None:
            return self.planned.kind  # type: ignore[return-value]  # one of the four, as the file is checked
        return self.stands.kind  # type: ignore[return-value]  # likewise, and empty where it was not written down


def hidden(step: StepStands) -> bool:
    """Whether responders may not know yet what *step* is: it is secret, and was not carried out."""
    return step.secret and not (step.began and step.ended)


def name_of(number: int, step: StepStands) -> str:
    """What the step of that *number*, from 0, is called; one that is hidden has no name of its own."""
    return f"secret-{number + 1}" if hidden(step) else step.id


def names(standing: Standing) -> dict[str, str]:
    """What each step is called in the document, by its id."""
    return {step.id: name_of(number, step) for number, step in enumerate(standing.steps)}


def discreet(text: str, standing: Standing) -> str:
    """What the harness said, with no name of a step that is hidden."""
    for number, step in enumerate(standing.steps):
        if hidden(step):
            text = re.sub(rf"(?<![\w-]){re.escape(step.id)}(?![\w-])", name_of(number, step), text)
    return text


def steps(day: PastDay, standing: Standing, plan: GameDay | None) -> list[Step]:
    """Each step of *day*, in the order of the agenda."""
    planned = {plan.step_id(number): step for number, step in enumerate(plan.agenda)} if plan else {}
    marks = _by_what_broke(day, standing)
    known = [
        _Known(
            number, one, planned.get(one.id), None if hidden(one) else runs.read(day.folder.path, one.run),
            tuple(mark for step, mark in marks if step == one.id),
        )
        for number, one in enumerate(standing.steps)
    ]  # fmt: skip
    return [_step(day, standing, one) for one in known]


def _by_what_broke(day: PastDay, standing: Standing) -> list[tuple[str, events.Marked]]:
    """Each mark with the id of the step that it is about: one that is made in a wait or a talk is about what was broken before that."""
    breaks = {step.id for step in standing.steps if step.kind in ("", *_BREAKS)}
    found, last = [], ""
    for event in day.events:
        if isinstance(event, Began) and event.step in breaks:
            last = event.step
        elif isinstance(event, events.Marked):
            found.append((event.step if event.step in breaks else last or event.step, event))
    return found


def seconds_between(start: str, end: str) -> float | None:
    """From one wall time to another; None where either is not known."""
    if not start or not end:
        return None
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 3)


def _step(day: PastDay, standing: Standing, known: _Known) -> Step:
    stands, planned, run, secret = known.stands, known.planned, known.run, hidden(known.stands)
    start = planned.start if planned else "hand"
    times = None if secret else _times(standing, known)
    by_second = run.good_by_second() if run else []
    return Step(
        id=name_of(known.number, stands),
        kind=known.kind,
        title=HIDDEN if secret else _title(known),
        about="" if secret or planned is None else planned.about,
        secret=secret,
        planned=starts(planned) if planned else "",
        planned_at="" if isinstance(start, str) else _later(standing.opened, start),
        planned_s=None if secret else _planned_s(known),
        at=stands.began,
        until=stands.ended,
        took_s=seconds_between(stands.began, stands.ended),
        begun=sum(isinstance(event, Began) and event.step == stands.id for event in day.events),
        outcome=_outcome(stands),
        told="" if secret else stands.told,
        run=run.folder if run else "",
        earlier=[] if secret else _earlier(day, stands),
        verdict=run.result.verdict if run and run.result else None,
        expectations=run.expectations() if run else [],
        faults=run.faults() if run else [],
        good=run.good() if run else [],
        good_from=run.wall(0.0) if run and by_second else "",
        good_by_second=by_second,
        marks=_marks(known, times.at if times else ""),
        times=times,
        unasked=run.unasked if run else [],
        odd=run.odd if run else [],
        behind=run.behind if run else [],
    )


def _title(known: _Known) -> str:
    step, run = known.planned, known.run
    if step is None or step.scenario is not None:
        named = Path(step.scenario).stem if step and step.scenario else known.stands.id
        return run.result.scenario.name if run and run.result else named
    return step.manual or step.discuss or f"wait {spelt(step.wait or 0.0)}"


def _later(at: str, by_s: float) -> str:
    if not at:
        return ""
    return (datetime.fromisoformat(at) + timedelta(seconds=by_s)).isoformat(timespec="milliseconds")


def _planned_s(known: _Known) -> float | None:
    if known.planned is not None and known.planned.wait is not None:
        return known.planned.wait
    return known.run.planned_s if known.run else None


def _outcome(step: StepStands) -> Came:
    if step.in_hand:
        return "going on"
    return step.outcome or "not begun"


def _earlier(day: PastDay, step: StepStands) -> list[str]:
    """Folders of judged runs of the step that were made before its last one, the oldest first."""
    named = [
        event.run for event in day.events if isinstance(event, Began | Over) and event.step == step.id and event.run
    ]
    return [
        name for name in dict.fromkeys(named) if name != step.run and RunFolder(day.folder.path / name).result.is_file()
    ]


def _marks(known: _Known, since: str) -> list[Marked]:
    return [
        Marked(kind=mark.kind, at=mark.at, by=mark.by, text=mark.text, after_s=seconds_between(since, mark.at))
        for mark in known.marks
    ]


def _times(standing: Standing, known: _Known) -> Times | None:
    """From when the step broke something; None where it broke nothing."""
    stands, run = known.stands, known.run
    if not stands.began or known.kind not in _BREAKS or stands.outcome == "skipped":
        return None
    at, since = stands.began, "step"
    if known.kind == "scenario" and not standing.tabletop:
        if run is None or not run.broke_at:
            return None
        at, since = (run.broke_at, "fault") if run.exact else (run.begun.started_at, "run")
    # Whoever marked something before the step was begun again meant the time before.
    mine = [mark for mark in known.marks if mark.at >= stands.began]

    def first(kind: Kind) -> float | None:
        return seconds_between(at, next((mark.at for mark in mine if mark.kind == kind), ""))

    return Times(
        at=at,
        since=since,  # type: ignore[arg-type]  # one of the three
        detect_s=first("detected"),
        acknowledge_s=first("acknowledged"),
        mitigate_s=first("mitigated"),
        resolve_s=first("resolved"),
        recovery=run.recovery if run else None,
    )


def in_hand(day: PastDay, called: dict[str, str]) -> Sequence[str]:
    """For each event of *day* what the step was called that went on then, or had ended last; empty before the first."""
    found, now = [], ""
    for event in day.events:
        if isinstance(event, Began):
            now = called.get(event.step, "")
        found.append(now)
    return found
