"""Charts over the run's clock: a ground with faults shaded and time marked, and lines, areas and limits upon it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from markupsafe import Markup

from harness.report.scales import Clock, Upright, ticks
from harness.report.series import Floats, Timeline, Values
from harness.report.svg import FONT, Point, Value, area, drawing, element, number, path, stretched, text

HEIGHT = 118.0
LEFT = 5.0
"""Per cent of a chart's width at its left edge in which values are named; the clock is laid over the rest."""
_ABOVE, _BELOW = 15.0, 5.0
_NAME_HIGH = 12.0
"""Pixels that the name of a value takes: those of nearer ones would lie over one another."""


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of time that is tinted in every chart."""

    start_s: float
    end_s: float
    paint: str


@dataclass(frozen=True, slots=True)
class Field:
    """What all charts of a run have in common; the run was observed *until_s*."""

    clock: Clock
    until_s: float
    shades: tuple[Shade, ...] = ()
    other: Timeline | None = None
    """What it is drawn beside, with one scale for both."""
    prefix: str = ""
    """What the names of its pictures begin with, where there are several of one kind on a page."""

    def over(self, height: float, parts: Iterable[Markup]) -> Markup:
        """*parts* where the clock is: a film that can be drawn out and moved, so that a stretch of it fills the frame it lies in."""
        film = element("svg", *parts, class_="film", x="0%", width="100%", height=number(height), overflow="visible")
        return element(
            "svg",
            film,
            class_="frame",
            x=f"{LEFT:g}%",
            width=f"{100 - LEFT:g}%",
            height=number(height),
            overflow="visible",
        )

    def ground(self, height: float) -> Iterator[Markup]:
        """Tints, marks of time, and a veil over what was not run."""
        for shade in self.shades:
            width = self.clock.width(shade.start_s, shade.end_s)
            yield element("rect", x=self.clock.x(shade.start_s), width=width, y=0, height=height, fill=shade.paint)
        marks = [self.clock.x(at_s) for at_s in self.clock.ticks_s()]
        lines = (element("line", x1=x, x2=x, y1=0, y2=height, stroke="grid", stroke_width=1) for x in marks)
        yield element("g", *lines, class_="ticks")
        if self.cut_short:
            x = self.clock.x(self.until_s)
            yield element(
                "rect",
                x=x,
                width=self.clock.width(self.until_s, self.clock.end_s),
                y=0,
                height=height,
                fill="grid",
                opacity=0.7,
            )
            yield element("line", x1=x, x2=x, y1=0, y2=height, stroke="ink", stroke_width=1, stroke_dasharray="2 3")

    def axis(self) -> Markup:
        """Round instants, to stand under all charts; every other one gives way in a narrow window."""
        parts = []
        for index, at_s in enumerate(self.clock.ticks_s()):
            x, anchor = self.clock.x(at_s), "end" if self.clock.percent(at_s) > 97 else "middle"
            parts.append(element("line", x1=x, x2=x, y1=0, y2=5, stroke="axis"))
            gives_way = "minor" if index % 2 else None
            parts.append(text(x, 18, _instant(at_s), fill="soft", text_anchor=anchor, font_size=11, class_=gives_way))
        film = self.over(24, [element("g", *parts, class_="ticks")])
        return element("svg", film, class_="drawing", width="100%", height=24, aria_hidden="true", font_family=FONT)

    def beside(self, start_s: float, end_s: float, y: float, name: str) -> Markup:
        """*name* above a bar: from its start on, or where that is too far right, up to its end."""
        span = self.span(start_s, end_s)
        if self.clock.percent(start_s) <= 40:
            return text(self.clock.x(start_s), y, name, **span)
        return text(f"{max(self.clock.percent(end_s), 58):.2f}%", y, name, text_anchor="end", **span)

    def span(self, start_s: float, end_s: float) -> dict[str, Value]:
        """Attributes of a name that say what stretch it names, so that it can stay in sight as long as that does."""
        return {"data_from": number(self.clock.percent(start_s)), "data_to": number(self.clock.percent(end_s))}

    @property
    def cut_short(self) -> bool:
        return self.until_s < self.clock.end_s - 0.05


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines upon a field: their points are instants and values, and become a picture at the end."""

    field: Field
    scale: Upright
    marks: tuple[float, ...]

    @staticmethod
    def of(field: Field, series: Iterable[Iterable[float | None]], *, height: float = HEIGHT) -> Chart:
        """A chart *height* pixels high whose scale begins at 0 and holds every value of *series*."""
        highest = max((value for values in series for value in values if value is not None), default=0.0)
        scale = Upright(0.0, 1.05 * highest or 1.0, height - _ABOVE - _BELOW, _ABOVE)
        return Chart(field, scale, tuple(ticks(highest)))

    @property
    def height(self) -> float:
        return self.scale.height + _ABOVE + _BELOW

    def line(self, at_s: Floats, values: Values, **paint: str | float) -> Markup:
        """A line that is missing where a value is."""
        smooth: dict[str, Value] = {"stroke_width": 2.0, "stroke_linejoin": "round", "stroke_linecap": "round"}
        return path(self._points(at_s, values), **(smooth | paint))

    def between(self, at_s: Floats, upper: Values, lower: Values, **paint: str | float) -> Markup:
        """The area from *lower* to *upper*, where there are both and the upper one is not below."""
        either = [
            (u, min(u, low)) if u is not None and low is not None else None for u, low in zip(upper, lower, strict=True)
        ]
        tops = self._points(at_s, tuple(pair and pair[0] for pair in either))
        floors = self._points(at_s, tuple(pair and pair[1] for pair in either))
        return area([[*top, *reversed(floor)] for top, floor in zip(tops, floors, strict=True)], **paint)

    def under(self, at_s: Floats, values: Values, **paint: str | float) -> Markup:
        """The area from 0 to *values*."""
        return self.between(at_s, values, (0.0,) * len(values), **paint)

    def step(self, start_s: float, end_s: float, value: float, base: float, paint: str) -> Markup:
        """A level *value* from one instant to another, and the area between it and *base*."""
        left, right = self.field.clock.inner(start_s), self.field.clock.inner(end_s)
        top, floor = self.scale.y(value), self.scale.y(base)
        ground = area([[(left, floor), (left, top), (right, top), (right, floor)]], fill=paint, fill_opacity=0.2)
        return ground + path([[(left, top), (right, top)]], stroke=paint, stroke_width=2.4)

    def rule(self, value: float, start_s: float, end_s: float, words: str, *, named_at_end: bool = False) -> Markup:
        """A limit at *value*, dashed, with its name where it begins, or ends."""
        y, clock = self.scale.y(value), self.field.clock
        line = element(
            "line",
            x1=clock.x(start_s),
            x2=clock.x(end_s),
            y1=y,
            y2=y,
            stroke="ink",
            stroke_width=1.2,
            stroke_dasharray="6 3",
        )
        span = self.field.span(start_s, end_s)
        anchor: dict[str, Value] = {"text_anchor": "end", "dx": -4} if named_at_end else {"dx": 4}
        x = clock.x(end_s if named_at_end else start_s)
        return line + text(x, y - 4, words, font_size=11, class_="halo", **anchor, **span)

    def label(self, at_s: float, value: float, words: str) -> Markup:
        """Bold words just above a point."""
        return text(
            self.field.clock.x(at_s),
            self.scale.y(value) - 5,
            words,
            text_anchor="middle",
            font_weight=600,
            class_="halo",
        )

    def picture(
        self,
        lines: Iterable[Markup],
        upon: Iterable[Markup] = (),
        *,
        title: str,
        about: str,
        key: str,
        named: Callable[[float], str],
    ) -> Markup:
        """*lines* on the ground, what stands *upon* them, and values at the left edge, *named*."""
        ground = self.field.over(self.height, self.field.ground(self.height))
        drawn = self.field.over(self.height, [stretched(0, 100, self.height, lines), *upon])
        return drawing(
            self.height,
            [ground, *self._levels(), drawn, *self._names(named)],
            title=title,
            about=about,
            key=f"{self.field.prefix}{key}",
        )

    def _levels(self) -> Iterator[Markup]:
        for value in self.marks:
            y = round(self.scale.y(value)) + 0.5
            yield element(
                "line", x1="0", x2="100%", y1=y, y2=y, stroke="axis" if value == 0 else "grid", stroke_width=1
            )

    def _names(self, named: Callable[[float], str]) -> Iterator[Markup]:
        apart = self.scale.y(0.0) - self.scale.y(self.marks[1]) if len(self.marks) > 1 else _NAME_HIGH
        every = ceil(_NAME_HIGH / apart)
        for value in self.marks[every::every]:
            yield text("0", self.scale.y(value) - 3, named(value), fill="soft", font_size=11, class_="halo")

    def _points(self, at_s: Floats, values: Values) -> list[list[Point]]:
        """The stretches of *values* in which none is missing; a single one becomes a short level line."""
        stretches: list[list[Point]] = [[]]
        for instant, value in zip(at_s.tolist(), values, strict=True):
            if value is None:
                stretches.append([])
            else:
                stretches[-1].append((self.field.clock.inner(instant), self.scale.y(value)))
        half = self.field.clock.inner(float(np.diff(at_s).min()) if at_s.size > 1 else self.field.clock.end_s) / 2
        return [_at_least_two(points, half) for points in stretches if points]


def _at_least_two(points: Sequence[Point], half: float) -> list[Point]:
    if len(points) > 1:
        return list(points)
    x, y = points[0]
    return [(max(0.0, x - half), y), (min(1000.0, x + half), y)]


def swatch(kind: str, paint: str) -> Markup:
    """A sample of a line (solid, dashed, dotted) or of an area, to stand beside its name."""
    if kind == "area":
        inner = element(
            "rect", x=0, y=0.5, width=16, height=9, rx=1, fill=paint, fill_opacity=0.3, stroke=paint, stroke_width=1
        )
    else:
        dash = {"dashed": "5 3", "dotted": "1.5 2.5"}.get(kind)
        inner = element("line", x1=0, x2=16, y1=5, y2=5, stroke=paint, stroke_width=2.2, stroke_dasharray=dash)
    return element("svg", inner, class_="swatch", width=16, height=10, aria_hidden="true")


def block(paint: str) -> Markup:
    """A filled square, to stand beside a name."""
    inner = element("rect", width=10, height=10, rx=1.5, fill=paint)
    return element("svg", inner, class_="swatch", width=10, height=10, aria_hidden="true")


def _instant(at_s: float) -> str:
    if at_s < 120 or at_s % 60:
        return f"{at_s:g} s"
    return f"{at_s / 60:g} min" if at_s < 7200 else f"{at_s / 3600:g} h"
