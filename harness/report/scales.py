"""Where values and instants stand in a picture, and at which round numbers they are marked."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from harness.report.svg import number

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


def ticks(most: float) -> list[float]:
    """0 and the round numbers up to *most*: two of them, three or four."""
    if most <= 0:
        return [0.0]
    power = 10.0 ** floor(log10(most))
    step = next(power * part for part in (5.0, 2.0, 1.0, 0.5, 0.2) if most / (power * part) >= 2 - 1e-9)
    return [round(i * step, 12) for i in range(floor(most / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Upright:
    """Values from *low* to *high* on *height* pixels, the greatest at *top*."""

    low: float
    high: float
    height: float
    top: float = 0.0

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.top + (1 - share) * self.height


@dataclass(frozen=True, slots=True)
class Clock:
    """Instants from 0 to *end_s*, laid across the width of what they are drawn in."""

    end_s: float

    def percent(self, at_s: float) -> float:
        return 100 * self._share(at_s)

    def x(self, at_s: float) -> str:
        return f"{number(self.percent(at_s))}%"

    def width(self, start_s: float, end_s: float) -> str:
        return f"{number(max(0.0, self.percent(end_s) - self.percent(start_s)))}%"

    def inner(self, at_s: float) -> float:
        """In the stretched part of a picture, from 0 to 1000."""
        return 1000 * self._share(at_s)

    def ticks_s(self, wanted: int = 12) -> list[float]:
        """Round instants, at most *wanted* of them beside 0."""
        step = next((step for step in _STEPS_S if self.end_s / step <= wanted), self.end_s / wanted)
        return [round(i * step, 9) for i in range(floor(self.end_s / step + 1e-9) + 1)]

    def _share(self, at_s: float) -> float:
        return min(max(at_s / self.end_s, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Span:
    """Values from *low* to *high* laid across a picture's width, but for *margin* per cent on either side."""

    low: float
    high: float
    margin: float = 3.0

    def percent(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.margin + (100 - 2 * self.margin) * share

    def x(self, value: float) -> str:
        return f"{number(self.percent(value))}%"

    def anchor(self, value: float) -> str:
        """How a text at *value* is to be set (``text-anchor``), so that it stays in the picture."""
        at = self.percent(value)
        return "start" if at < 25 else "end" if at > 75 else "middle"
