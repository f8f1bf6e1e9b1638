"""What got much worse than in the baseline though no expectation is about it: a pass says nothing of that."""

from __future__ import annotations

from collections.abc import Iterator

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import Metric, metrics
from harness.judging.sample import pick
from harness.reading.expectation import Selection

FACTOR = 1.5  # how many times as bad it has to be
_BEFORE = ("warmup", "baseline")


def unasked(evidence: Evidence) -> Iterator[str]:
    """``good_ratio in fault was 0.23 (baseline 1.00)``, for each metric and phase of which that is so."""
    asked = {(expected.metric, expected.selection.phase) for expected in evidence.plan.expectations}
    for name in metrics:
        metric = metrics[name]
        if not metric.phased or metric.better is None or (metric.name, None) in asked:
            continue
        part = metric.usual_part or None
        before = metric.measure(pick(evidence, Selection("baseline")), part)
        for phase in evidence.plan.phases:
            if phase.name in _BEFORE or (metric.name, phase.name) in asked:
                continue
            now = metric.measure(pick(evidence, Selection(phase.name)), part)
            if _much_worse(metric, now, before):
                yield f"{name}{f'.{part}' if part else ''} in {phase.name} was {_value(now)} (baseline {_value(before)})"


def _much_worse(metric: Metric, now: Interval, before: Interval) -> bool:
    """Whether the intervals lie apart, and it is `FACTOR` times as far from the best that it can be."""
    if now.value is None or before.value is None:
        return False
    low, high = metric.bounds
    if metric.better == "higher":
        return now.high < before.low and high - now.value >= FACTOR * (high - before.value)
    return now.low > before.high and now.value - low >= FACTOR * (before.value - low)


def _value(interval: Interval) -> str:
    value = interval.value or 0.0
    shown = f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return f"more than {shown}" if interval.censored else shown
