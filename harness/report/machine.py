"""How busy the machine was while the run was measured: what the run used of its processors, and what others took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import MachineLoad, Result
from harness.record.instrument import Machine
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.svg import drawing, element

_HIGH = 44.0
_BARS_MAX = 240


def picture(result: Result, evidence: Evidence | None) -> Markup | None:
    """A bar for each moment that was looked at; None where the machine told nothing."""
    told = [one for one in evidence.measurements if isinstance(one, Machine)] if evidence is not None else []
    shares = [(sample, sample.busy, sample.ours) for sample in told if sample.busy is not None and sample.at_s >= 0]
    if not shares or not result.phases:
        return None
    end_s = max(result.phases[-1].end_s, shares[-1][0].at_s + shares[-1][0].span_s)
    step = -(-len(shares) // _BARS_MAX)
    parts = [part for start in range(0, len(shares), step) for part in _bar(shares[start : start + step], end_s)]
    about = "; ".join(said(load) for load in result.quality.instrument)
    return drawing(_HIGH, parts, title="Processors: used by the run, and taken by others", about=about, key="machine")


def said(load: MachineLoad) -> str:
    """One phase in a line."""
    if load.taken is None:
        return f"{words.phase(load.phase)}: {words.NOT_MEASURED}"
    parts = [f"{words.phase(load.phase)}: others took {words.share(load.taken)} of the processors"]
    parts += [
        f"CPU pressure {words.share(load.pressure)}"
        if load.pressure is not None
        else f"CPU pressure {words.NOT_MEASURED}"
    ]
    parts += (
        [f"{one_line(load.waited, 40)} starved for {words.share(load.starved)} of the time"] if load.starved else []
    )
    return ", ".join(parts)


def _bar(shares: Sequence[tuple[Machine, float | None, float | None]], end_s: float) -> Iterator[Markup]:
    """What the run used below, and what others took on top of it, as the mean of *shares*."""
    first, last = shares[0][0], shares[-1][0]
    x, width = 100 * first.at_s / end_s, 100 * (last.at_s + last.span_s - first.at_s) / end_s
    busy = sum(busy or 0.0 for _, busy, _ in shares) / len(shares)
    ours = min(busy, sum(ours or 0.0 for _, _, ours in shares) / len(shares))
    for low, high, colour in ((0.0, ours, "good"), (ours, busy, "lost")):
        if high > low:
            top, height = _HIGH * (1 - high), _HIGH * (high - low)
            yield element(
                "rect", x=f"{x:.2f}%", width=f"{width:.2f}%", y=f"{top:.1f}", height=f"{height:.1f}", fill=colour
            )
