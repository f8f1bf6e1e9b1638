"""A game day on one time axis: steps, what was in force, how many answers were good, what responders marked, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from markupsafe import Markup

from harness.judging.gameday import GameDayResult, Note, Step
from harness.report.plain_text import one_line
from harness.report.scales import Clock
from harness.report.svg import drawing, element, stretched, text
from harness.report.svg import path as line

_ROW, _BAR, _GOOD, _AXIS = 30.0, 9.0, 76.0, 24.0
_NAMES = 18.0
"""How high the words above a bar, or the marks above a line, are."""
_TICKS_MOST = 6
_BADGE_ROW, _BADGE_PERCENT, _BADGE_ROWS_MOST = 20.0, 5.5, 6
"""How high a row of marks is, and of the width of a telephone how much each of them needs."""
_LEAST_PERCENT = 0.4
"""A run of a minute in a day of hours has to be seen."""
_OUTCOMES = {"held": "pass", "done": "pass", "failed": "fail", "not_done": "fail", "inconclusive": "inconclusive"}
MARKED = {"detected": "D", "acknowledged": "A", "mitigated": "M", "resolved": "R"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """The day's clock: 0 when it was opened."""

    start: datetime
    clock: Clock

    def s(self, iso: str) -> float:
        return (datetime.fromisoformat(iso) - self.start).total_seconds()

    def x(self, iso: str) -> str:
        return self.clock.x(self.s(iso))

    def inner(self, iso: str) -> float:
        return self.clock.inner(self.s(iso))

    def percent(self, iso: str) -> float:
        return self.clock.percent(self.s(iso))

    def bar(self, at: str, until: str, y: float, high: float, paint: str, said: str) -> Markup:
        """A stretch of the day that says on demand what it is; the shortest can be seen, and none leaves the picture."""
        left = min(self.percent(at), 100 - _LEAST_PERCENT)
        width = max(self.percent(until) - left, _LEAST_PERCENT)
        named = element("title", said)
        return element("rect", named, x=f"{left:.2f}%", width=f"{width:.2f}%", y=y, height=high, rx=1.5, fill=paint)


def timeline(day: GameDayResult) -> Markup | None:
    """The picture; None of a day on which nothing happened after it was opened."""
    axis = _axis(day)
    if axis is None:
        return None
    parts: list[Markup] = []
    y = 0.0
    for draw in (_steps, _faults, _good, _marks, _notes):
        high, drawn = draw(day, axis, y)
        parts += drawn
        y += high
    ground = list(_ground(axis, y))
    return drawing(
        y + _AXIS,
        [element("svg", *ground, *parts, x="3%", width="94%", overflow="visible")],
        title="The day, step by step",
        about=_about(day),
        key="day",
    )


def noted(day: GameDayResult) -> list[tuple[int, Note]]:
    """The notes of *day* with the numbers by which the picture names them, from 1."""
    return list(enumerate(sorted(day.notes, key=lambda note: note.at), 1))


def clock_time(iso: str) -> str:
    """``14:05:02``, in UTC; a dash where nothing is known."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%H:%M:%S}" if iso else "–"


def _axis(day: GameDayResult) -> _Axis | None:
    if not day.opened_at:
        return None
    last = max(
        [day.opened_at, day.closed_at or day.until, *(fault.until for step in day.steps for fault in step.faults)]
    )
    start = datetime.fromisoformat(day.opened_at)
    end_s = (datetime.fromisoformat(last) - start).total_seconds()
    return _Axis(start, Clock(end_s)) if end_s > 0 else None


Lane = tuple[float, list[Markup]]


def _steps(day: GameDayResult, axis: _Axis, y: float) -> Lane:
    begun = [step for step in day.steps if step.at]
    drawn: list[Markup] = []
    for row, step in enumerate(begun):
        top, until = y + _ROW * row, step.until or day.until
        said = f"{one_line(step.title, 36)}: {_outcome(step)}"
        paint = _OUTCOMES.get(step.outcome, "stopped")
        span = f"{clock_time(step.at)} to {clock_time(step.until)}"
        # At the left edge, where it has room on a telephone too, whenever the step was.
        drawn += [text("0", top + 13, said, font_size=12, class_="halo")]
        drawn += [axis.bar(step.at, until, top + _NAMES, _BAR, paint, f"{said}, {span}")]
    return _ROW * len(begun), drawn


def _faults(day: GameDayResult, axis: _Axis, y: float) -> Lane:
    """All in one lane: what they were is said by the table, and by each bar."""
    faults = [fault for step in day.steps for fault in step.faults]
    if not faults:
        return 0.0, []
    drawn = [_lane(y, "In force")]
    for fault in faults:
        until = fault.until or day.until
        said = f"{one_line(fault.summary, 120)}, {clock_time(fault.at)} to {clock_time(fault.until)}"
        drawn.append(axis.bar(fault.at, until, y + _NAMES, _BAR, "attempts", said))
    return _ROW + 4, drawn


def _good(day: GameDayResult, axis: _Axis, y: float) -> Lane:
    """The share of good answers by second of each run, with when somebody noted something; between runs nothing was asked."""
    lines = [found for step in day.steps if (found := list(_shares(step, axis)))]
    if not lines:
        return 0.0, []
    top, high = _NAMES, _GOOD - 24
    by = "second" if any(step.good_by_second for step in day.steps) else "phase"
    drawn = [_lane(y, f"Good answers by {by}, 100 % at the top")]
    drawn += [
        element("line", x1="0", x2="100%", y1=at, y2=at, stroke=paint)
        for at, paint in ((y + top, "grid"), (y + top + high, "axis"))
    ]
    for _, note in noted(day):
        x = axis.x(note.at)
        drawn.append(
            element("line", x1=x, x2=x, y1=y + top, y2=y + top + high, stroke=_of_note(note), stroke_dasharray="2 3")
        )
    for stretches in lines:
        points = [[(x, top + high * (1.0 - share)) for x, share in stretch] for stretch in stretches]
        drawn.append(
            stretched(0, 100, _GOOD, [line(points, stroke="good", stroke_width=1.5, stroke_linecap="round")], top=y)
        )
    return _GOOD + 4, drawn


def _shares(step: Step, axis: _Axis) -> Iterator[list[tuple[float, float]]]:
    """The share of good answers of a run, in stretches in which something was due; by phase where nobody knows its seconds any more."""
    if not step.good_by_second:
        known = [one for one in step.good if one.ratio is not None]
        if known:
            yield [(axis.inner(at), one.ratio or 0.0) for one in known for at in (one.at, one.until)]
        return
    zero_s = axis.s(step.good_from)
    for something_due, seconds in groupby(enumerate(step.good_by_second), lambda pair: pair[1] is not None):
        if something_due:
            stretch = [(zero_s + second, share or 0.0) for second, share in seconds]
            # A second alone is a line, too.
            middles = (
                [(at_s + 0.5, share) for at_s, share in stretch]
                if stretch[1:]
                else [*stretch, (stretch[0][0] + 1.0, stretch[0][1])]
            )
            yield list(_thinned([(axis.clock.inner(at_s), share) for at_s, share in middles]))


def _thinned(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Of *points* that stand within a thousandth of the picture of one another the lowest and the highest, so that no dip is lost.

    The first and the last of all stay, so that a stretch which is that short can be seen.
    """
    for _, group in groupby(points, lambda point: int(point[0])):
        near = list(group)
        kept = {min(near, key=_share), max(near, key=_share), *(one for one in (points[0], points[-1]) if one in near)}
        yield from sorted(kept) if len(near) > 2 else near


def _share(point: tuple[float, float]) -> float:
    return point[1]


def _marks(day: GameDayResult, axis: _Axis, y: float) -> Lane:
    marks = [(step, mark) for step in day.steps for mark in step.marks]
    if not marks:
        return 0.0, []
    badges = [
        _Badge(
            mark.at,
            MARKED[mark.kind],
            f"{mark.kind} at {clock_time(mark.at)} by {one_line(mark.by, 80)}, {one_line(step.title, 60)}",
            "good",
        )
        for step, mark in sorted(marks, key=lambda pair: pair[1].at)
    ]
    return _badges(axis, y, "Detected, acknowledged, mitigated, resolved", badges)


def _notes(day: GameDayResult, axis: _Axis, y: float) -> Lane:
    if not day.notes:
        return 0.0, []
    badges = [
        _Badge(
            note.at,
            str(number),
            f"{number}, {clock_time(note.at)}, {one_line(note.by, 80)}: {one_line(note.text, 200)}",
            _of_note(note),
        )
        for number, note in noted(day)
    ]
    return _badges(axis, y, "Notes, by their numbers below", badges)


def _of_note(note: Note) -> str:
    return "fail" if note.surprise else "latency"


@dataclass(frozen=True, slots=True)
class _Badge:
    """A letter or a number in a circle; *said* is told on demand."""

    at: str
    letter: str
    said: str
    paint: str


def _badges(axis: _Axis, y: float, name: str, badges: Sequence[_Badge]) -> Lane:
    """*badges*, which are in order, each beside those before it or, where there is no room, below them."""
    drawn, ends = [_lane(y, name)], list[float]()
    for badge in badges:
        percent = axis.percent(badge.at)
        free = [row for row, end in enumerate(ends) if percent - end >= _BADGE_PERCENT]
        if not free and len(ends) < _BADGE_ROWS_MOST:
            ends.append(percent)
        row = free[0] if free else min(len(ends), _BADGE_ROWS_MOST) - 1
        ends[row] = percent
        drawn.append(_drawn(axis, badge, y + _NAMES + 9 + _BADGE_ROW * row))
    return _NAMES + _BADGE_ROW * len(ends) + 2, drawn


def _drawn(axis: _Axis, badge: _Badge, y: float) -> Markup:
    x = axis.x(badge.at)
    parts = [
        element("title", badge.said),
        element("circle", cx=x, cy=y, r=8.5, fill="card", stroke=badge.paint, stroke_width=1.6),
        text(x, y + 4, badge.letter, text_anchor="middle", font_size=10.5 if len(badge.letter) < 3 else 8),
    ]
    return element("g", *parts)


def _lane(y: float, name: str) -> Markup:
    return text("0", y + 13, name, fill="soft", font_size=11, class_="halo")


def _ground(axis: _Axis, height: float) -> Iterator[Markup]:
    """Round times of day as upright lines, with their names below."""
    for place, at in enumerate(ticks(axis.start, axis.clock.end_s)):
        x, percent = axis.x(at.isoformat()), axis.percent(at.isoformat())
        yield element("line", x1=x, x2=x, y1=0, y2=height, stroke="grid")
        anchor = "start" if percent < 4 else "end" if percent > 96 else "middle"
        gives_way = "minor" if place % 2 else None
        yield text(x, height + 16, _named(at), fill="soft", text_anchor=anchor, font_size=11, class_=gives_way)


def ticks(start: datetime, end_s: float) -> list[datetime]:
    """Round times of day in UTC from *start* on, at most so many that each can be named."""
    wanted = Clock(end_s).ticks_s(_TICKS_MOST)
    step_s = wanted[1] if len(wanted) > 1 else end_s
    start = start.astimezone(UTC)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    first = -(-(start - midnight).total_seconds() // step_s)
    found: list[datetime] = []
    while (at := midnight + timedelta(seconds=step_s * (first + len(found)))) <= start + timedelta(seconds=end_s):
        found.append(at)
    return found


def _named(at: datetime) -> str:
    """``14:05``; at midnight the date, and within a minute the seconds."""
    if at.hour == at.minute == at.second == 0:
        return f"{at:%m-%d}"
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _about(day: GameDayResult) -> str:
    told = [
        f"{one_line(step.title, 60)} from {clock_time(step.at)} to {clock_time(step.until)}, {_outcome(step)}"
        for step in day.steps
        if step.at
    ]
    return "; ".join(told) or "no step was begun"


def _outcome(step: Step) -> str:
    return step.outcome.replace("_", " ")
