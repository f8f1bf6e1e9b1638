"""A measured value with its interval, drawn against the limit it is held to."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from harness.judging.result import Finding, Result
from harness.report import words
from harness.report.scales import Span
from harness.report.svg import drawing, element, text

_LINE_Y = 13.0
_HEIGHT = 40


def gauge(result: Result, finding: Finding, key: str) -> Markup | None:
    """The picture of *finding*; None where nothing was measured."""
    if finding.value is None:
        return None
    unit = words.unit_of(result, finding.metric)
    span = reach(finding, unit)
    measured = words.value_of(result, finding)
    about = (
        f"{measured}, 95 % interval {words.interval_of(result, finding)}; {words.limit(result, finding)} was expected"
    )
    title = f"{words.title(finding.metric)} against its limit"
    return drawing(_HEIGHT, _parts(result, finding, span), title=title, about=about, key=key)


def reach(finding: Finding, unit: str) -> Span:
    """Which values to show, so that the value, the limit and both ends of the interval have their place."""
    known = [value for value in (finding.value, finding.low, finding.high, finding.limit) if value is not None]
    if unit == "ratio":
        return Span(max(0.0, 1 - 1.3 * max(1 - min(known), 0.04)), max(1.0, *known))
    low, high = min(0.0, *known), max(known)
    room = 1.2 if finding.high is not None else 1.4
    return Span(low, high * room if high > 0 else low + 1.0)


def _parts(result: Result, finding: Finding, span: Span) -> Iterator[Markup]:
    limit = span.percent(finding.limit)
    below = words.operator(finding) in ("<=", "<")
    left, right = (span.margin, limit) if below else (limit, 100 - span.margin)
    yield element(
        "rect",
        x=f"{left:.2f}%",
        width=f"{max(0.6, right - left):.2f}%",
        y=_LINE_Y - 6,
        height=12,
        fill="accepted",
        rx=2,
    )
    yield element(
        "line", x1=f"{span.margin}%", x2=f"{100 - span.margin}%", y1=_LINE_Y, y2=_LINE_Y, stroke="axis", stroke_width=1
    )
    yield from _interval(finding, span)
    yield element(
        "line", x1=f"{limit:.2f}%", x2=f"{limit:.2f}%", y1=_LINE_Y - 9, y2=_LINE_Y + 9, stroke="ink", stroke_width=2
    )
    if finding.value is not None:
        yield element("circle", cx=span.x(finding.value), cy=_LINE_Y, r=5, fill="ink", stroke="card", stroke_width=1.5)
    yield text(
        f"{limit:.2f}%",
        _HEIGHT - 5,
        f"limit {words.limit_value(result, finding)}",
        fill="soft",
        text_anchor=span.anchor(finding.limit),
        font_size=11,
    )


def _interval(finding: Finding, span: Span) -> Iterator[Markup]:
    left = span.margin if finding.low is None else span.percent(finding.low)
    right = 100 - span.margin if finding.high is None else span.percent(finding.high)
    yield element(
        "line",
        x1=f"{left:.2f}%",
        x2=f"{max(right, left + 0.3):.2f}%",
        y1=_LINE_Y,
        y2=_LINE_Y,
        stroke="offered",
        stroke_width=6,
        stroke_linecap="butt" if finding.low is None or finding.high is None else "round",
    )
    if finding.high is None:
        yield _open(100 - span.margin, 1)
    if finding.low is None:
        yield _open(span.margin, -1)


def _open(percent: float, way: int) -> Markup:
    """An arrow head: it goes on beyond what is drawn."""
    head = element("path", d=f"M{-2 * way},-7L{8 * way},0L{-2 * way},7Z", fill="offered")
    return element("svg", head, x=f"{percent:.2f}%", y=_LINE_Y, overflow="visible")
