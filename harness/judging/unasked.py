"""What got much worse than in the baseline though no expectation is about it: a pass says nothing of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import Metric, metrics
from harness.judging.misnamed import not_there
from harness.judging.sample import LABELS, Labels, baseline, pick
from harness.planning.plan import Plan
from harness.reading.expectation import Selection
from harness.reading.quantities import plain

FACTOR = 1.5  # how many times as bad it has to be
_BEFORE = ("warmup", "baseline")


def unasked(evidence: Evidence) -> Iterator[str]:
    """``good_ratio in fault was 0.23 (baseline 1.00)``, for each metric and phase of which that is so."""
    phases = [phase.name for phase in evidence.plan.phases if phase.name not in _BEFORE]
    for name in metrics:
        metric = metrics[name]
        if not metric.phased or metric.better is None or metric.foreseen:
            continue
        if not metric.of_load(evidence.plan) or not metric.there(evidence.plan):
            continue
        part = metric.usual_part or None
        for phase in phases:
            for labels in _not_asked(metric, phase, evidence.plan):
                before = metric.measure(baseline(evidence, labels), part)
                now = metric.measure(pick(evidence, Selection(phase, labels)), part)
                if _much_worse(metric, now, before):
                    what = f"{name}{f'.{part}' if part else ''}{Selection(labels=labels).labelled}"
                    said, was = _values(now, before)
                    yield f"{what} in {phase} was {said} (baseline {was})"


def _not_asked(metric: Metric, phase: str, plan: Plan) -> list[Labels]:
    """Of which requests of *phase* nobody asked about *metric*: of all, or of those with other labels than were asked about."""
    asked = [
        expected.selection.labels
        for expected in plan.expectations
        if expected.metric == metric.name
        and not any(not_there(expected, plan))
        and expected.selection.phase in (None, phase)
        # Of those that lived wholly inside the fault it says nothing of the others, unless it is about what they tried.
        and (expected.selection.among is None or metric.among_exposed)
        and metric.about_usual(expected.part)
    ]
    whose = [{name: value for name, value in labels if LABELS[name].of == "entry"} for labels in asked]
    if not asked:
        return [()]
    if not all(whose):
        return []
    told_apart = {name for labels in whose for name in labels}
    if len(told_apart) > 1:
        return [()]
    name = told_apart.pop()
    return [((name, value),) for value in LABELS[name].values(plan.target) if {name: value} not in whose]


def _much_worse(metric: Metric, now: Interval, before: Interval) -> bool:
    """Whether the intervals lie apart, and it is `FACTOR` times as far from the best that it can be."""
    if now.value is None or before.value is None:
        return False
    low, high = metric.bounds
    if metric.better == "higher":
        return now.high < before.low and high - now.value >= FACTOR * (high - before.value)
    return now.low > before.high and now.value - low >= FACTOR * (before.value - low)


def _values(now: Interval, before: Interval) -> tuple[str, str]:
    """Both in words that tell them apart."""
    short = _value(now, _short), _value(before, _short)
    return short if short[0] != short[1] else (_value(now, plain), _value(before, plain))


def _value(interval: Interval, shown: Callable[[float], str]) -> str:
    value = shown(interval.value or 0.0)
    return f"more than {value}" if interval.censored else value


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
