"""Bars over the run's clock: the phases, each fault from asked to gone, how long answers took to settle, and the snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.evidence import Evidence
from harness.report import words
from harness.report.charts import Field
from harness.report.lanes import Key, Lane
from harness.report.plain_text import one_line
from harness.report.series import ENTRIES_MOST, Stretch, Timeline, named
from harness.report.svg import drawing, element, text
from harness.result import Fault, Measured, Result

_PHASES_HIGH, _ROW_HIGH, _REPLICA_HIGH = 22.0, 31.0, 24.0
_WIDE_ENOUGH = 7.0  # per cent of the width, for a word of seven letters in a narrow window


@dataclass(frozen=True, slots=True)
class Settling:
    """A time that was measured from *since_s* on, with its interval, as a bar."""

    what: str
    since_s: float
    until_s: float
    """How far it could be observed."""
    measured: Measured


def settlings(result: Result, evidence: Evidence) -> list[Settling]:
    """Failover and recovery where they were measured."""
    window = evidence.fault_window()
    if window is None or not result.faults:
        return []
    failover, recovery = result.metrics.get("failover_time_s"), result.metrics.get("recovery_time_s")
    found = [Settling("failed over", window.start_s, window.end_s, failover)] if failover else []
    found += [Settling("recovered", window.end_s, evidence.observed_until_s, recovery)] if recovery else []
    return [settling for settling in found if settling.measured.value is not None]


def events(result: Result, evidence: Evidence, field: Field) -> Lane:
    """What was done to the world, and when answers were good again."""
    faults = [fault for fault in result.faults if fault.asked_at_s is not None]
    settled = settlings(result, evidence)
    height = _PHASES_HIGH + _ROW_HIGH * (len(faults) + len(settled)) + 6
    parts = [*field.ground(height), *_phases(result, field)]
    for row, fault in enumerate(faults):
        parts += _fault(field, fault, _PHASES_HIGH + _ROW_HIGH * row)
    for row, settling in enumerate(settled, start=len(faults)):
        parts += _settling(field, settling, _PHASES_HIGH + _ROW_HIGH * row)
    if field.cut_short:
        parts.append(text(field.clock.x(field.until_s), 15, "not run", dx=6, fill="soft", font_size=11))
    told = [_fault_said(fault) for fault in faults] + [_said(settling) for settling in settled]
    picture = drawing(
        height, parts, title="What was broken, and when", about="; ".join(told) or "nothing was broken", key="events"
    )
    keys = (
        (Key("seen to hold", _diamond_swatch()),) if any(fault.confirmed_at_s is not None for fault in faults) else ()
    )
    return Lane("events", "What was broken", "from asked to gone", picture, keys)


def snapshots(result: Result, timeline: Timeline, field: Field) -> Lane | None:
    """Which snapshot each entry answered from; None when no answer named one."""
    if not any(timeline.versions.values()):
        return None
    title = "Snapshot that each replica answered from"
    order = sorted({s.version for found in timeline.versions.values() for s in found if s.version is not None})
    if len(order) == 1:
        return Lane("snapshots", title, f"v{order[0]} for every answer", None)
    height = _REPLICA_HIGH * len(timeline.versions) + (30 if timeline.apart else 6)
    parts = list(field.ground(height))
    for row, (entry, found) in enumerate(timeline.versions.items()):
        for stretch in found:
            name = f"{entry_name(entry)} · {named(stretch)}" if stretch is found[0] else named(stretch)
            parts += _stretch(field, stretch, name, order, _REPLICA_HIGH * row + 3)
    parts += _apart(result, timeline, field, _REPLICA_HIGH * len(timeline.versions) + 6)
    keys = tuple(
        Key(name, Markup(""), f"snapshot, {name}", timeline.version_at(entry))
        for entry, name in ((entry, entry_name(entry)) for entry in timeline.versions)
    )
    told = {
        entry: ", ".join(f"{named(s)} from {s.start_s:.1f} s" for s in found[:12])
        for entry, found in timeline.versions.items()
    }
    about = "; ".join(f"{entry_name(entry)}: {said}" for entry, said in told.items())
    unit = f"by when the request was sent{'; the first eight' if len(timeline.versions) == ENTRIES_MOST else ''}"
    return Lane("snapshots", title, unit, drawing(height, parts, title=title, about=about, key="snapshots"), keys)


def axis(field: Field) -> Markup:
    """Round instants, to stand under all charts; every other one gives way in a narrow window."""
    parts = []
    instants = field.clock.ticks_s()
    for index, at_s in enumerate(instants):
        x = field.clock.x(at_s)
        last = field.clock.percent(at_s) > 97
        parts.append(element("line", x1=x, x2=x, y1=0, y2=5, stroke="axis"))
        anchor = "end" if last else "middle"
        parts.append(
            text(
                x,
                18,
                _instant(at_s),
                fill="soft",
                text_anchor=anchor,
                font_size=11,
                class_="minor" if index % 2 else None,
            )
        )
    return element(
        "svg",
        *parts,
        class_="drawing",
        width="100%",
        height=24,
        aria_hidden="true",
        font_family="system-ui, sans-serif",
    )


def entry_name(entry: str) -> str:
    return one_line(entry, 24) or "the one entry"


def _phases(result: Result, field: Field) -> Iterator[Markup]:
    for phase in result.phases:
        if phase.start_s >= field.clock.end_s:
            break
        x, width = (
            field.clock.percent(phase.start_s),
            field.clock.percent(phase.end_s) - field.clock.percent(phase.start_s),
        )
        yield element(
            "line",
            x1=field.clock.x(phase.start_s),
            x2=field.clock.x(phase.start_s),
            y1=0,
            y2=_PHASES_HIGH,
            stroke="axis",
        )
        name = words.PHASES.get(phase.name, phase.name)
        tight = None if width >= 2 * _WIDE_ENOUGH else "roomy" if width >= _WIDE_ENOUGH else "roomy cramped"
        if width >= 5.5:
            yield text(f"{x:.2f}%", 15, name, dx=4, font_size=11.5, class_=tight)


def _fault(field: Field, fault: Fault, y: float) -> Iterator[Markup]:
    start_s = fault.asked_at_s or 0.0
    end_s = fault.reverted_at_s if fault.reverted_at_s is not None else field.until_s
    open_end = "" if fault.reverted_at_s is not None else " · not put back"
    yield _beside(field, start_s, end_s, y + 14, one_line(fault.summary, 60) + open_end)
    yield element(
        "rect",
        x=field.clock.x(start_s),
        width=field.clock.width(start_s, end_s),
        y=y + 19,
        height=8,
        rx=1.5,
        fill="attempts",
    )
    if fault.confirmed_at_s is not None:
        yield element("svg", _diamond(), x=field.clock.x(fault.confirmed_at_s), y=y + 23, overflow="visible")


def _settling(field: Field, settling: Settling, y: float) -> Iterator[Markup]:
    found, since_s = settling.measured, settling.since_s
    value_s = since_s + (found.value or 0.0)
    low_s = since_s + found.low if found.low is not None else since_s
    high_s = since_s + found.high if found.high is not None else settling.until_s
    middle = y + 23
    yield _beside(field, since_s, max(value_s, high_s), y + 14, _said(settling))
    x = [field.clock.x(at_s) for at_s in (since_s, value_s, low_s, high_s)]
    yield element("line", x1=x[0], x2=x[1], y1=middle, y2=middle, stroke="settling", stroke_width=2)
    yield element("line", x1=x[0], x2=x[0], y1=middle - 5, y2=middle + 5, stroke="settling", stroke_width=2)
    yield element(
        "line", x1=x[2], x2=x[3], y1=middle, y2=middle, stroke="settling", stroke_width=9, stroke_opacity=0.45
    )
    if found.censored or found.high is None:
        arrow = element("path", d="M-9,-6L1,0L-9,6Z", fill="settling")
        yield element("svg", arrow, x=x[3], y=middle, overflow="visible")
    if not found.censored:
        yield element("circle", cx=x[1], cy=middle, r=4.5, fill="settling", stroke="card", stroke_width=1.5)


def _fault_said(fault: Fault) -> str:
    return (
        f"{one_line(fault.summary, 80)} from {words.instant(fault.asked_at_s)} to {words.instant(fault.reverted_at_s)}"
    )


def _said(settling: Settling) -> str:
    found = settling.measured
    if found.value == 0 and not found.censored:
        return "answers were good at once" if settling.what == "recovered" else "answers stayed good"
    if found.censored:
        return f"not {settling.what} after {words.quantity(found.value, 's')}"
    return f"{settling.what} after {words.quantity(found.value, 's')} ({words.interval(found.low, found.high, 's')})"


def _beside(field: Field, start_s: float, end_s: float, y: float, name: str) -> Markup:
    """*name* above a bar: from its start on, or where that is too far right, up to its end."""
    if field.clock.percent(start_s) <= 42:
        return text(field.clock.x(start_s), y, name)
    return text(f"{max(field.clock.percent(end_s), 60):.2f}%", y, name, text_anchor="end")


def _stretch(field: Field, stretch: Stretch, name: str, order: list[int], y: float) -> Iterator[Markup]:
    x, width = field.clock.x(stretch.start_s), field.clock.percent(stretch.end_s) - field.clock.percent(stretch.start_s)
    paint = "mixed" if stretch.version is None else f"version-{order.index(stretch.version) % 3}"
    yield element("rect", x=x, width=f"{max(width - 0.1, 0.15):.2f}%", y=y, height=_REPLICA_HIGH - 5, rx=2, fill=paint)
    if width >= _WIDE_ENOUGH / 2:
        yield text(x, y + 13.5, name, dx=6, font_size=11.5, class_=None if width >= _WIDE_ENOUGH else "roomy")


def _apart(result: Result, timeline: Timeline, field: Field, y: float) -> Iterator[Markup]:
    for start_s, end_s in timeline.apart:
        yield element(
            "rect", x=field.clock.x(start_s), width=field.clock.width(start_s, end_s), y=y, height=4, rx=2, fill="fail"
        )
    if timeline.apart:
        start_s, end_s = max(timeline.apart, key=lambda span: span[1] - span[0])
        consistency = result.metrics.get("answer_consistency")
        measured = consistency.parts.get("disagreed_s") if consistency else None
        length_s = measured.value if measured and measured.value else sum(end - start for start, end in timeline.apart)
        yield _beside(field, start_s, end_s, y + 16, f"replicas disagreed for {words.quantity(length_s, 's')}")


def _instant(at_s: float) -> str:
    if at_s < 120 or at_s % 60:
        return f"{at_s:g} s"
    return f"{at_s / 60:g} min" if at_s < 7200 else f"{at_s / 3600:g} h"


def _diamond() -> Markup:
    return element("path", d="M0,-6.5L6.5,0L0,6.5L-6.5,0Z", fill="card", stroke="ink", stroke_width=1.6)


def _diamond_swatch() -> Markup:
    inner = element("path", d="M8,0.5L12.5,5L8,9.5L3.5,5Z", fill="card", stroke="ink", stroke_width=1.4)
    return element("svg", inner, class_="swatch", width=16, height=10, aria_hidden="true")
