"""Stretches of a run in which a fault is in force, as planned or as they happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from harness.faults.stretches import fault_of

TOUCH_S = 0.5
"""What ends no longer than this before another begins touches it: an end and a beginning that were planned for one instant."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when the first of *faults* was in force until the last one was acknowledged to be gone; the end is known to *end_uncertainty_s*.

    No other is in force from its end until *next_s*.
    """

    start_s: float
    end_s: float
    end_uncertainty_s: float = 0.0
    faults: tuple[str, ...] = ()
    next_s: float = inf

    @property
    def name(self) -> str:
        """What was in force in it."""
        return ", ".join(self.faults)

    def has(self, fault: str) -> bool:
        """Whether the *fault* of this name, or a stretch of it, was in force in it."""
        return any(fault in (name, fault_of(name)) for name in self.faults)

    @property
    def lasted_s(self) -> float:
        return self.end_s - self.start_s

    def joined(self, other: Window) -> Window:
        """Both as one, from the earlier start to the later end; *other* begins no earlier."""
        last = max(self, other, key=lambda window: window.end_s)
        return replace(last, start_s=self.start_s, faults=self.faults + other.faults, next_s=other.next_s)


def merged(windows: Iterable[Window], gap_s: float = TOUCH_S) -> tuple[Window, ...]:
    """*windows* in order, those as one between which there is no more than *gap_s*; each knows when the next one begins."""
    found: list[Window] = []
    for window in sorted(windows, key=lambda window: window.start_s):
        if found and window.start_s <= found[-1].end_s + gap_s:
            found[-1] = found[-1].joined(window)
        else:
            found[-1:] = [replace(last, next_s=window.start_s) for last in found[-1:]]
            found.append(window)
    return tuple(found)
