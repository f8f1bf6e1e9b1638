"""The run in hand as a page shows it: its phase, its figures in words, and each fault that is in force."""

from __future__ import annotations

import msgspec

from harness.gameday.control import HIDDEN, LiveFigures
from harness.reading.quantities import plain, share
from harness.report.plain_text import one_line


class Fault(msgspec.Struct):
    """A fault that was injected and is not reverted; *seen*: that it is in force was looked at, and is so."""

    said: str
    seen: bool


class Figures(msgspec.Struct):
    """A run; *shown* has each figure with its label. Of a secret step no *phase* is told."""

    step: int  # its number
    phase: str
    left_s: int
    share: float  # of the run that is over, from 0 to 1
    shown: list[tuple[str, str]]
    faults: list[Fault]


def figures(live: LiveFigures, numbers: dict[str, int]) -> Figures:
    """*live* in words; *numbers* of steps by their ids."""
    return Figures(
        step=numbers.get(live.step, 0),
        phase="" if live.phase == HIDDEN else live.phase,
        left_s=max(0, round(live.left_s)),
        share=round(min(1.0, max(0.0, live.now_s / live.total_s)), 3) if live.total_s > 0 else 0.0,
        shown=_shown(live),
        faults=[Fault(one_line(said), seen) for said, seen in zip(live.in_force, live.confirmed, strict=True)],
    )


def _shown(live: LiveFigures) -> list[tuple[str, str]]:
    offered = [] if live.offered_per_s is None else [("offered", f"{plain(live.offered_per_s)}/s")]
    good = [("good, last 5 s", _or_dash(live.good_per_s, "/s")), ("p95, last 5 s", _or_dash(live.p95_s, " s"))]
    if live.attempts_per_s is None:
        return [*offered, *good, ("attempts per request", _or_dash(live.attempts_per_request, ""))]
    answered = "–" if live.answered_ratio is None else share(live.answered_ratio)
    on_links = [("attempts, last 5 s", f"{plain(live.attempts_per_s)}/s"), ("answered, last 5 s", answered)]
    return [*on_links, *(good if live.good_per_s is not None else ())]


def _or_dash(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{plain(value)}{unit}"
