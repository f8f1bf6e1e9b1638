"""What can be followed while a run goes on, for a scenario that says on what to end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Protocol

from harness.judging.metrics import Metric, metrics, telling
from harness.judging.prices import MILLION, price_of
from harness.planning.plan import Plan
from harness.reading.abort import AbortCondition, Followed
from harness.reading.quantities import plain
from harness.reading.target import Price, Target
from harness.registry import UnknownNameError, suggestion


def followed(plan: Plan) -> list[Followed]:
    """The conditions on which a run of *plan* is to be ended, each with what it is held against."""
    # What becomes of a request is known by its deadline at the latest; the users of a locustfile have none.
    latest_s = inf if plan.closed else plan.scenario.load.deadline
    return [_followed(one, metrics[one.metric], plan.scenario.good.within, latest_s) for one in plan.aborts]


def counting(plan: Plan) -> list[str]:
    """The expectations of *plan* that need to know for which request each attempt was made."""
    return [str(one) for one in plan.expectations if telling(one.metric).counts_attempts]


def _followed(condition: AbortCondition, metric: Metric, within_s: float, latest_s: float) -> Followed:
    after_s = min(latest_s, metric.known_after_s(condition.limit, within_s))
    return Followed(condition, partial(metric.so_far, part=condition.part), after_s)


class Priced(Protocol):
    """As much of an arrival as its price hangs on."""

    @property
    def link(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def tokens_in(self) -> int | None: ...
    @property
    def tokens_out(self) -> int | None: ...


def price_list(target: Target) -> Callable[[Priced], float]:
    """What an attempt on *target* cost by its prices; what nobody has a price for is as dear as the dearest, so that no run costs more."""
    dearest = Price(
        **{
            part: max((getattr(price, f"{part}_") for price in target.prices.values()), default=0.0)
            for part in ("in", "out")
        }
    )

    def cost(arrival: Priced) -> float:
        if arrival.tokens_out is None or arrival.outcome == "answered_by_fault":
            return 0.0
        price = price_of(target, arrival.link, arrival.model) or dearest
        return ((arrival.tokens_in or 0) * price.in_ + arrival.tokens_out * price.out_) / MILLION

    return cost


def refused(condition: AbortCondition) -> Iterator[str]:
    """What is wrong with a condition that could never be met, or that nobody could look at."""
    known = [name for name in metrics if metrics[name].followed]
    if condition.metric not in known:
        try:
            there = bool(metrics[condition.metric])
        except UnknownNameError:
            there = False
        why = "cannot be followed while a run goes on" if there else "is no metric"
        yield f"{condition.metric!r} {why}; {suggestion(condition.metric, known)}"
        return
    yield from _misread(condition, metrics[condition.metric])


def _misread(condition: AbortCondition, metric: Metric) -> Iterator[str]:
    parts = [part for part in metric.parts if metric.follows(part)]
    if condition.part not in parts and (parts or condition.part):
        named = ", ".join(f"{metric.name}.{part}" for part in parts)
        yield (
            f"say which part of {metric.name}: {named}"
            if parts
            else f"{metric.name} has no parts; leave out .{condition.part}"
        )
    worse = "<" if metric.better == "higher" else ">"
    if not condition.op.startswith(worse):
        ends = f"'{condition}' would end a run that goes well"
        yield f"{metric.name} is better {metric.better}, so {ends}; write {worse}"
    low, high = metric.bounds
    if not low <= condition.limit <= high:
        yield f"{metric.name} is at least {plain(low, 6)} and at most {plain(high, 6)}, so {plain(condition.limit, 6)} is never reached"
    elif (condition.op, condition.limit) in (("<", low), (">", high)):
        yield f"{metric.name} is never {condition.op} {plain(condition.limit, 6)}, so this ends no run"
    elif (condition.op, condition.limit) in (("<=", high), (">=", low)):
        yield f"{metric.name} is always {condition.op} {plain(condition.limit, 6)}, so this ends every run"
