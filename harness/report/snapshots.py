"""Which snapshot each entry answered from, as bars over the run's clock, and when entries answered from different ones."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from harness.judging.result import Result
from harness.report import words
from harness.report.charts import Field
from harness.report.lanes import Key, Lane
from harness.report.plain_text import one_line
from harness.report.series import ENTRIES_MOST, Stretch, Timeline, named
from harness.report.svg import drawing, element, text

_ROW_HIGH = 24.0
# Per cent of the width in which a version does not fit at all, or not in a narrow window.
_CRAMPED, _TIGHT = 3.5, 7.0
_ROOMY = 14.0  # wide enough for the entry's name too


def snapshots(result: Result, timeline: Timeline, field: Field) -> Lane | None:
    """Which snapshot each entry answered from; None when no answer named one."""
    if not any(timeline.versions.values()):
        return None
    title = "Snapshot that each replica answered from"
    order = sorted({s.version for found in timeline.versions.values() for s in found if s.version is not None})
    if len(order) == 1:
        return Lane("snapshots", title, f"v{order[0]} for every answer", None)
    height = _ROW_HIGH * len(timeline.versions) + (30 if timeline.apart else 6)
    parts = list(field.ground(height))
    for row, (entry, found) in enumerate(timeline.versions.items()):
        for stretch in found:
            roomy = field.clock.percent(stretch.end_s) - field.clock.percent(stretch.start_s) >= _ROOMY
            whole = stretch is found[0] or roomy
            name = f"{entry_name(entry)} · {named(stretch)}" if whole else named(stretch)
            parts += _stretch(field, stretch, name, order, _ROW_HIGH * row + 3)
    parts += _apart(result, timeline, field, _ROW_HIGH * len(timeline.versions) + 6)
    keys = tuple(_key(timeline, entry) for entry in timeline.versions)
    about = "; ".join(_told(entry, found) for entry, found in timeline.versions.items())
    unit = f"by when the request was sent{'; the first eight' if len(timeline.versions) == ENTRIES_MOST else ''}"
    return Lane(
        "snapshots",
        title,
        unit,
        drawing(height, [field.over(height, parts)], title=title, about=about, key="snapshots"),
        keys,
    )


def entry_name(entry: str) -> str:
    return one_line(entry, 24) or "the one entry"


def _key(timeline: Timeline, entry: str) -> Key:
    name = entry_name(entry)
    return Key(name, Markup(""), f"snapshot, {name}", timeline.version_at(entry))


def _told(entry: str, found: tuple[Stretch, ...]) -> str:
    return f"{entry_name(entry)}: {', '.join(f'{named(s)} from {s.start_s:.1f} s' for s in found[:12])}"


def _stretch(field: Field, stretch: Stretch, name: str, order: list[int], y: float) -> Iterator[Markup]:
    x, width = field.clock.x(stretch.start_s), field.clock.percent(stretch.end_s) - field.clock.percent(stretch.start_s)
    paint = "mixed" if stretch.version is None else f"version-{order.index(stretch.version) % 3}"
    yield element("rect", x=x, width=f"{max(width - 0.1, 0.15):.2f}%", y=y, height=_ROW_HIGH - 5, rx=2, fill=paint)
    if width >= _CRAMPED:
        span, roomy = field.span(stretch.start_s, stretch.end_s), None if width >= _TIGHT else "roomy"
        yield text(x, y + 13.5, name, dx=6, font_size=11.5, class_=roomy, **span)


def _apart(result: Result, timeline: Timeline, field: Field, y: float) -> Iterator[Markup]:
    for start_s, end_s in timeline.apart:
        x, width = field.clock.x(start_s), field.clock.width(start_s, end_s)
        yield element("rect", x=x, width=width, y=y, height=4, rx=2, fill="fail")
    if timeline.apart:
        start_s, end_s = max(timeline.apart, key=lambda span: span[1] - span[0])
        measured = next((m.parts["disagreed_s"] for m in result.metrics.values() if "disagreed_s" in m.parts), None)
        length_s = measured.value if measured and measured.value else sum(end - start for start, end in timeline.apart)
        yield field.beside(start_s, end_s, y + 16, f"replicas disagreed for {words.quantity(length_s, 's')}")
