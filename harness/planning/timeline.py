"""A plan's phases and faults over the run's clock, drawn in characters for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from harness.planning.plan import Plan
from harness.reading.quantities import plain

_WIDE = 60
_LABEL = 18
_BLOCKS = " ▁▂▃▄▅▆▇█"


def timeline(plan: Plan) -> Iterator[str]:
    """Lines: of the phases, of the load where its rate changes, and of each fault, on each of its links' times: when it is in force."""
    yield f"{'':<{_LABEL}}{_phases(plan)}"
    if plan.scenario.load.shape is not None or plan.shed is not None:
        rates = _rates(plan)
        most = plan.schedule.most_per_s if plan.recorded is None else max(rates)
        blocks = "".join(_BLOCKS[ceil(rate / (most or 1.0) * (len(_BLOCKS) - 1))] for rate in rates)
        yield f"{f'load, to {plain(most, 6 if plan.recorded is None else 3)}/s':<{_LABEL}}{blocks}".rstrip()
    for name in dict.fromkeys(d.of for d in plan.disturbances):
        mine = [d for d in plan.disturbances if d.of == name]
        # Stretches of one that are not the same links', as of a staggered one, have a line each.
        for links in dict.fromkeys(d.links for d in mine):
            spans = [(d.start_s, d.end_s) for d in mine if d.links == links]
            yield f"{_label(name):<{_LABEL}}{_bars(plan, spans)}".rstrip()


def _phases(plan: Plan) -> str:
    """Where each phase begins, with as much of its name as there is room for."""
    line = [" "] * (_WIDE + 1)
    for phase in plan.phases:
        first, last = _column(plan, phase.start_s), _column(plan, phase.end_s)
        if last > first:
            line[first:last] = f"|{phase.name[: last - first - 1]}".ljust(last - first)
    return "".join(line[:_WIDE]) + "|"


def _rates(plan: Plan) -> list[float]:
    """The rate of the load in the middle of each column; of a trace, which has no rate at a moment, over the whole of it."""
    schedule, wide_s = plan.schedule, plan.total_s / _WIDE
    if plan.recorded is None:
        return [schedule.per_s_at(wide_s * (column + 0.5)) for column in range(_WIDE)]
    return [schedule.due_between(wide_s * column, wide_s * (column + 1)) / wide_s for column in range(_WIDE)]


def _bars(plan: Plan, spans: list[tuple[float, float]]) -> str:
    """A mark wherever a fault is in force, for however short a time."""
    line = [" "] * (_WIDE + 1)
    for start_s, end_s in spans:
        first = _column(plan, start_s)
        for column in range(first, max(first + 1, _column(plan, end_s))):
            line[column] = "█"
    return "".join(line)


def _column(plan: Plan, at_s: float) -> int:
    return round(_WIDE * at_s / plan.total_s)


def _label(name: str) -> str:
    return name if len(name) < _LABEL else f"{name[: _LABEL - 2]}…"
