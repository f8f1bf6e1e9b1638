"""A draft of what those outside could be told of a day's incidents, in plain text: what is known, marked as an exercise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from harness.judging.gameday import GameDayResult, Good, Mark, Marked, Step
from harness.judging.result import ON_THE_SERVICE
from harness.report import words
from harness.report.plain_text import one_line

_STATUS: dict[Mark, str] = {
    "resolved": "Resolved",
    "mitigated": "Monitoring",
    "acknowledged": "Investigating",
    "detected": "Investigating",
}
"""What status pages call where an incident stands, by what was marked last; in the order in which one outweighs another."""
_SAID: dict[Mark, str] = {
    "detected": "noticed",
    "acknowledged": "being worked on",
    "mitigated": "mitigated",
    "resolved": "resolved",
}

_MOMENT = 0.1
"""As a share of a phase."""


def draft(day: GameDayResult) -> str:
    """The draft; empty where nothing was broken, or nothing of it is known yet."""
    # A step of a runbook that nobody marked is what people did, and no incident.
    incidents = [step for step in day.steps if step.marks or (step.kind == "scenario" and step.times and step.until)]
    if not incidents:
        return ""
    parts = [_head(day)]
    for number, step in enumerate(incidents, 1):
        parts.append("\n".join(_incident(step, number if len(incidents) > 1 else 0)))
    return "\n\n".join([*parts, f"As known at {_at(day.until)}"]) + "\n"


def _head(day: GameDayResult) -> str:
    what = "talked through, nothing was broken" if day.tabletop else "broken on purpose"
    return f"DRAFT, of an exercise ({what}). Nothing of this was sent to anybody.\n\nService: {one_line(day.target or day.name, 120)}"


def _incident(step: Step, number: int) -> Iterator[str]:
    if number:
        yield f"Incident {number}"
    yield f"Status: {_status(step)}"
    broken = step.times is not None and not step.secret
    since = step.times.at if step.times and broken else min(mark.at for mark in step.marks)
    yield f"{'Began' if broken else 'First noticed'}: {_at(since)}"
    yield from (f"Impact: {said}" for said in _impact(step))
    yield f"Cause: {'; '.join(one_line(fault.summary, 120) for fault in step.faults) or _cause(step)}"
    yield from _over(step)
    yield from [f"{_at(mark.at)}: {_line(mark)}" for mark in sorted(step.marks, key=lambda mark: mark.at)]


def _status(step: Step) -> str:
    marked = {mark.kind for mark in step.marks}
    return next((status for kind, status in _STATUS.items() if kind in marked), "Not noticed by anybody")


def _cause(step: Step) -> str:
    """What is said of it where no fault of a run says so."""
    if step.secret:
        return "not known yet"
    return one_line(step.title, 200)


def _impact(step: Step) -> Iterator[str]:
    """How many answers were good while something was broken, where the run can be trusted."""
    if step.verdict not in ON_THE_SERVICE:
        return
    worst = min((one for one in step.good if _broken(step, one)), key=lambda one: one.ratio or 0.0, default=None)
    if worst is not None and worst.ratio is not None:
        yield f"{words.share(worst.ratio)} of requests got a good answer from {_at(worst.at)} to {_at(worst.until)}"
    recovery = step.times.recovery if step.times else None
    if recovery is not None and recovery.value:
        how_long = words.quantity(recovery.value, "s")
        again = f"not good again within {how_long}" if recovery.censored else f"good again {how_long}"
        yield f"answers were {again} after the fault had ended"


def _broken(step: Step, one: Good) -> bool:
    """Whether a fault was in force in that stretch for more than the moment that it takes to put one back."""
    if one.ratio is None:
        return False
    start, end = (datetime.fromisoformat(at) for at in (one.at, one.until))
    return any(
        (min(end, datetime.fromisoformat(fault.until or one.until)) - max(start, datetime.fromisoformat(fault.at)))
        > _MOMENT * (end - start)
        for fault in step.faults
    )


def _over(step: Step) -> Iterator[str]:
    ends = [fault.until for fault in step.faults]
    if ends and all(ends):
        yield f"The cause was taken back: {_at(max(ends))}"


def _line(mark: Marked) -> str:
    said = f": {one_line(mark.text, 300)}" if mark.text else ""
    return f"{_SAID[mark.kind]}{said}"


def _at(iso: str) -> str:
    """``27 Nov 2026, 14:05:02 UTC``"""
    return words.wall_time(iso)
