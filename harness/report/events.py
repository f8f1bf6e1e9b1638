"""What was done to the world, as bars over the run's clock: phases, each fault from asked to gone, and how long answers took to settle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.faults.stretches import fault_of
from harness.judging.evidence import Evidence
from harness.judging.metrics import telling
from harness.judging.metrics.telling import Telling
from harness.judging.result import Fault, Measured, Metric, Result
from harness.report import words
from harness.report.charts import Field
from harness.report.comes_and_goes import called, together
from harness.report.lanes import Key, Lane
from harness.report.plain_text import one_line
from harness.report.svg import Value, drawing, element, text

_PHASES_HIGH, _ROW_HIGH = 22.0, 31.0
# Per cent of the width in which a phase's name does not fit on paper, or in a narrow window.
_CRAMPED, _TIGHT = 7.0, 14.0
_TOLD = 4
_DRAWN = 12
"""So many times until answers were good again are drawn, each in a row of its own."""


@dataclass(frozen=True, slots=True)
class Settling:
    """A time that was measured from *since_s* on, with its interval, as a bar."""

    what: str
    since_s: float
    until_s: float
    """How far it could be observed."""
    measured: Measured
    from_end: bool
    """Whether it counts from the end of a window, and not from its start."""


def settlings(result: Result, evidence: Evidence) -> list[Settling]:
    """Times of the windows in which something was broken, such as failover and recovery, where they were measured."""
    if not result.faults:
        return []
    expected = {finding.metric.partition(".")[0] for finding in result.findings}
    found = [
        settling
        for name, metric in result.metrics.items()
        if telling(name).settled and (telling(name).card != "expected" or name in expected)
        for settling in _of_metric(telling(name), metric, evidence)
    ]
    return sorted(found, key=lambda settling: (settling.since_s, settling.until_s))


def _of_metric(told: Telling, metric: Metric, evidence: Evidence) -> Iterator[Settling]:
    windows = evidence.windows()
    times = metric.by.window or ({windows[0].joined(windows[-1]).name: metric} if windows else {})
    named = {name: frozenset(name.split(", ")) for name in times}
    # Of each fault the windows that have it, and the times that are told of it: there may be hundreds of each.
    has, told_of = defaultdict[str, list[int]](list), defaultdict[str, list[frozenset[str]]](list)
    for place, window in enumerate(windows):
        for fault in window.faults:
            has[fault].append(place)
    for every in named.values():
        for fault in every:
            told_of[fault].append(every)
    for name, measured in times.items():
        faults = named[name]
        # What is only a part of a trouble is told in the result, and not drawn: nothing could recover from it.
        part = any(faults < other for other in told_of[next(iter(faults))])
        near = sorted({place for fault in faults for place in has[fault]})
        mine = [windows[place] for place in near if faults.issuperset(windows[place].faults)]
        if mine and not part and measured.value is not None:
            start_s, end_s, next_s = mine[0].start_s, mine[-1].end_s, mine[-1].next_s
            since_s = start_s if told.counted_from == "start" else end_s
            until_s = end_s if told.counted_from == "start" else min(evidence.observed_until_s, next_s)
            yield Settling(told.settled, since_s, until_s, measured, told.counted_from == "end")


def events(result: Result, evidence: Evidence, field: Field) -> Lane:
    """What was done to the world, and when answers were good again."""
    faults = [fault for fault in result.faults if fault.asked_at_s is not None]
    every = settlings(result, evidence)
    settled, drawn = longest(every), rows(faults)
    height = _PHASES_HIGH + _ROW_HIGH * (len(drawn) + len(settled)) + 6
    parts = [*field.ground(height), *_phases(result, field)]
    for row, stretches in enumerate(drawn):
        parts += _row(field, stretches, _PHASES_HIGH + _ROW_HIGH * row)
    for row, settling in enumerate(settled, start=len(drawn)):
        parts += _settling(field, settling, _PHASES_HIGH + _ROW_HIGH * row)
    if field.cut_short:
        parts.append(text(field.clock.x(field.until_s), 15, "not run", dx=6, fill="soft", font_size=11))
    told = [_fault_said(stretches) for stretches in together(faults)] + [came_to(settling) for settling in settled]
    about = "; ".join(told) or "nothing was broken"
    picture = drawing(height, [field.over(height, parts)], title="What was broken, and when", about=about, key="events")
    seen = any(fault.confirmed_at_s is not None for fault in faults)
    keys = (Key("seen to hold", _diamond_swatch()),) if seen else ()
    if not faults:
        return Lane("events", "Phases", "", picture)
    notes = [_instants(fault) for fault in faults[:_TOLD]]
    if len(settled) < len(every):
        notes.append(f"Of {len(every)} times until answers were good again the {len(settled)} longest are drawn.")
    note = " ".join(notes)
    return Lane("events", "What was broken", "from asked to gone", picture, keys, note)


def longest(every: Sequence[Settling]) -> list[Settling]:
    """Those of *every* time that took longest, as many as have room, in their order; first those that were not seen to end."""

    def long(settling: Settling) -> tuple[bool, float]:
        return settling.measured.censored, settling.measured.value or 0.0

    if len(every) <= _DRAWN:
        return [*every]
    least = sorted(every, key=long, reverse=True)[:_DRAWN]
    return [settling for settling in every if any(settling is one for one in least)]


def _phases(result: Result, field: Field) -> Iterator[Markup]:
    for phase in result.phases:
        if phase.start_s >= field.clock.end_s:
            break
        x = field.clock.x(phase.start_s)
        width = field.clock.percent(phase.end_s) - field.clock.percent(phase.start_s)
        yield element("line", x1=x, x2=x, y1=0, y2=_PHASES_HIGH, stroke="axis")
        name = words.phase(phase.name)
        tight = None if width >= _TIGHT else "roomy" if width >= _CRAMPED else "roomy cramped"
        if width >= 5.5:
            yield text(x, 15, name, dx=4, font_size=11.5, class_=tight, **field.span(phase.start_s, phase.end_s))


def rows(faults: list[Fault]) -> list[list[Fault]]:
    """*faults* as they are drawn: those that are stretches of one and the same, none of which overlap, in one row."""
    found: list[list[Fault]] = []
    for fault in faults:
        alike = next((row for row in found if _goes_on(row[-1], fault)), None)
        if alike is None:
            found.append([fault])
        else:
            alike.append(fault)
    return found


def _goes_on(one: Fault, later: Fault) -> bool:
    ended = one.reverted_at_s is not None and one.reverted_at_s <= (later.asked_at_s or 0.0)
    return ended and fault_of(one.id) == fault_of(later.id) and one.links == later.links


def _row(field: Field, stretches: list[Fault], y: float) -> Iterator[Markup]:
    """One fault, each stretch in which it was in force as a bar, and what it was over the first of them."""
    first, last = stretches[0], stretches[-1]
    end_s = last.reverted_at_s if last.reverted_at_s is not None else field.until_s
    open_end = "" if last.reverted_at_s is not None else " · not put back"
    times = f" · {len(stretches)} times" if len(stretches) > 1 else ""
    yield field.beside(first.asked_at_s or 0.0, end_s, y + 14, one_line(first.summary, 80) + times + open_end)
    for fault in stretches:
        yield from _fault(field, fault, y)


def _fault(field: Field, fault: Fault, y: float) -> Iterator[Markup]:
    start_s = fault.asked_at_s or 0.0
    end_s = fault.reverted_at_s if fault.reverted_at_s is not None else field.until_s
    x, width = field.clock.x(start_s), field.clock.width(start_s, end_s)
    yield element("rect", x=x, width=width, y=y + 19, height=8, rx=1.5, fill="attempts")
    if fault.confirmed_at_s is not None:
        yield element("svg", _diamond(), x=field.clock.x(fault.confirmed_at_s), y=y + 23, overflow="visible")


def _settling(field: Field, settling: Settling, y: float) -> Iterator[Markup]:
    found, since_s = settling.measured, settling.since_s
    value_s = since_s + (found.value or 0.0)
    low_s = since_s + found.low if found.low is not None else since_s
    high_s = since_s + found.high if found.high is not None else settling.until_s
    middle = y + 23
    yield field.beside(since_s, max(value_s, high_s), y + 14, came_to(settling))
    x = [field.clock.x(at_s) for at_s in (since_s, value_s, low_s, high_s)]
    yield element("line", x1=x[0], x2=x[1], y1=middle, y2=middle, stroke="settling", stroke_width=2)
    yield element("line", x1=x[0], x2=x[0], y1=middle - 5, y2=middle + 5, stroke="settling", stroke_width=2)
    spread: dict[str, Value] = {"stroke": "settling", "stroke_width": 9, "stroke_opacity": 0.45}
    yield element("line", x1=x[2], x2=x[3], y1=middle, y2=middle, **spread)
    if found.censored or found.high is None:
        arrow = element("path", d="M-9,-6L1,0L-9,6Z", fill="settling")
        yield element("svg", arrow, x=x[3], y=middle, overflow="visible")
    if not found.censored:
        yield element("circle", cx=x[1], cy=middle, r=4.5, fill="settling", stroke="card", stroke_width=1.5)


def _fault_said(stretches: Sequence[Fault]) -> str:
    span = f"from {words.instant(stretches[0].asked_at_s)} to {words.instant(stretches[-1].reverted_at_s)}"
    return f"{called(stretches, 80)} {span}"


def _instants(fault: Fault) -> str:
    steps = [("asked for at", fault.asked_at_s), ("in force at", fault.injected_at_s)]
    steps += [("seen to hold at", fault.confirmed_at_s), ("gone at", fault.reverted_at_s)]
    told = ", ".join(f"{what} {words.instant(at_s)}" for what, at_s in steps if at_s is not None)
    return f"{one_line(fault.summary, 80)}: {told}."


_HAIR_S = 0.1  # by which a time that is as long as what was watched may differ from it


def came_to(settling: Settling) -> str:
    """What a time came to, in a few words; answers that were good to the end, for too short to hold, may be good or not."""
    found = settling.measured
    if found.value == 0 and not found.censored:
        return "answers were good at once" if settling.from_end else "answers stayed good"
    if found.censored:
        if settling.since_s + (found.value or 0.0) < settling.until_s - _HAIR_S:
            return f"may have {settling.what} after {words.quantity(found.value, 's')}, and was not seen to stay so"
        return f"not {settling.what} after {words.quantity(found.value, 's')}"
    return f"{settling.what} after {words.quantity(found.value, 's')} ({words.interval(found.low, found.high, 's')})"


def _diamond() -> Markup:
    return element("path", d="M0,-6.5L6.5,0L0,6.5L-6.5,0Z", fill="card", stroke="ink", stroke_width=1.6)


def _diamond_swatch() -> Markup:
    inner = element("path", d="M8,0.5L12.5,5L8,9.5L3.5,5Z", fill="card", stroke="ink", stroke_width=1.4)
    return element("svg", inner, class_="swatch", width=16, height=10, aria_hidden="true")
