"""One request as bars under one another: the client's own, each try at a provider, and each arrival there, on one axis in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from harness.report.scales import Clock, ticks
from harness.report.svg import Value, drawing, element, text

ROWS_MOST = 40
PAINTS: Final = {"client": "latency", "tap": "attempts", "edge": "arrivals"}
_ROW, _TOP, _AXIS = 31.0, 2.0, 22.0


@dataclass(frozen=True, slots=True)
class Bar:
    """What one party saw, in milliseconds since the request was due; an instant that never came is None.

    *more* is said where there is room, all else in any width. *mark_ms* is the client's first
    token, or when the edge had passed the request on.
    """

    seen_at: Literal["client", "tap", "edge"]
    name: str
    more: str
    came_to: str
    took: str
    start_ms: float
    first_ms: float | None
    end_ms: float | None
    mark_ms: float | None = None

    @property
    def last_ms(self) -> float:
        """The latest instant that is known of it."""
        return max(at_ms for at_ms in (self.start_ms, self.first_ms, self.end_ms, self.mark_ms) if at_ms is not None)


def waterfall(
    bars: Sequence[Bar], faults: Sequence[tuple[float, float]], *, title: str, about: str, key: str
) -> Markup:
    """The picture of *bars*; *faults* are the stretches, in the same milliseconds, in which one was in force."""
    clock = Clock(max(1.0, 1.02 * max(bar.last_ms for bar in bars)))
    height = _TOP + _ROW * len(bars) + _AXIS
    parts = [*_ground(clock, faults, height - _AXIS), *_client_left(clock, bars, height - _AXIS)]
    for row, bar in enumerate(bars):
        parts += _bar(clock, bar, _TOP + _ROW * row)
    return drawing(height, [*parts, *_axis(clock, height)], title=title, about=about, key=key)


def _ground(clock: Clock, faults: Sequence[tuple[float, float]], height: float) -> Iterator[Markup]:
    for start_ms, end_ms in faults:
        if start_ms < clock.end_s and end_ms > 0:
            width = clock.width(start_ms, end_ms)
            yield element("rect", x=clock.x(start_ms), width=width, y=0, height=height, fill="fault")
    for at_ms in ticks(clock.end_s):
        x = clock.x(at_ms)
        yield element("line", x1=x, x2=x, y1=0, y2=height + 4, stroke="grid" if at_ms else "axis")


def _client_left(clock: Clock, bars: Sequence[Bar], height: float) -> Iterator[Markup]:
    """A line where the client had its answer or had given up: what goes on behind it, nobody waits for."""
    for end_ms in (bar.end_ms for bar in bars if bar.seen_at == "client"):
        if end_ms is not None and end_ms < clock.end_s / 1.025:
            x = clock.x(end_ms)
            yield element("line", x1=x, x2=x, y1=0, y2=height, stroke=PAINTS["client"], stroke_dasharray="2 3")


def _bar(clock: Clock, bar: Bar, y: float) -> Iterator[Markup]:
    yield _words("0", y + 13, bar.name, bar.more, x_shift=4)
    yield _words("100%", y + 13, f"{bar.came_to} {bar.took}".rstrip(), "", text_anchor="end")
    paint, middle = PAINTS[bar.seen_at], y + 22
    end_ms = bar.end_ms if bar.end_ms is not None else clock.end_s
    answer_ms = end_ms if bar.first_ms is None else bar.first_ms
    common: dict[str, Value] = {"y": middle - 4, "height": 8, "fill": paint}
    outline: dict[str, Value] = {"fill_opacity": 0.22, "stroke": paint, "stroke_width": 1}
    yield element("rect", x=clock.x(bar.start_ms), width=_width(clock, bar.start_ms, answer_ms), **common, **outline)
    if bar.first_ms is not None:
        yield element("rect", x=clock.x(bar.first_ms), width=_width(clock, bar.first_ms, end_ms), **common)
    if bar.end_ms is None:
        head = element("path", d="M-9,-6L1,0L-9,6Z", fill=paint)
        yield element("svg", head, x="100%", y=middle, overflow="visible")
    if bar.mark_ms is not None:
        yield element("svg", mark(bar.seen_at), x=clock.x(bar.mark_ms), y=middle, overflow="visible")


def mark(seen_at: str) -> Markup:
    """The client's first token as a diamond, what the edge passed on as a stroke; both around 0, 0."""
    if seen_at == "client":
        return element("path", d="M0,-5.5L5,0L0,5.5L-5,0Z", fill="card", stroke="ink", stroke_width=1.4)
    return element("line", x1=0, x2=0, y1=-6, y2=6, stroke="ink", stroke_width=1.6)


def mark_swatch(seen_at: str) -> Markup:
    """A sample of `mark`, to stand beside its name."""
    inner = element("svg", mark(seen_at), x=7, y=6, overflow="visible")
    return element("svg", inner, class_="swatch", width=14, height=12, aria_hidden="true")


def bar_swatch(*, answering: bool) -> Markup:
    """A sample of a bar before, or after, the first byte of its answer."""
    filled: dict[str, Value] = {} if answering else {"fill_opacity": 0.22, "stroke": "soft", "stroke_width": 1}
    inner = element("rect", x=0.5, y=1.5, width=15, height=7, fill="soft", **filled)
    return element("svg", inner, class_="swatch", width=16, height=10, aria_hidden="true")


def _words(x: str, y: float, first: str, more: str, *, x_shift: float = 0, **attributes: Value) -> Markup:
    tail = element("tspan", f" {more}", class_="roomy", fill="soft") if more else Markup("")
    return element("text", element("tspan", first), tail, x=x, y=y, dx=x_shift, fill="ink", **attributes)


def _width(clock: Clock, start_ms: float, end_ms: float) -> str:
    """Never so narrow that it cannot be seen."""
    return f"{max(0.4, clock.percent(end_ms) - clock.percent(start_ms)):.2f}%"


def _axis(clock: Clock, height: float) -> Iterator[Markup]:
    for at_ms in ticks(clock.end_s):
        percent = clock.percent(at_ms)
        anchor = "start" if at_ms == 0 else "end" if percent > 94 else "middle"
        words = f"{at_ms:,.10g} ms"
        yield text(clock.x(at_ms), height - 5, words, fill="soft", text_anchor=anchor, font_size=11)
