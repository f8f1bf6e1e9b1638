"""What a run would do, in lines for a person: its size, its timeline, what it would touch, what it expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.planning.plan import Plan
from harness.planning.timeline import timeline

_VERBS = {"inject": "inject", "publish": "publish the next snapshot for", "revert": "end"}


def outline(plan: Plan, needs: Sequence[str] = ()) -> Iterator[str]:
    """The plan's lines, in the order in which they matter; *needs*: what a run of it still lacks."""
    load = plan.scenario.load
    yield f"{plan.scenario.name} on {plan.target.name}, seed {plan.seed}"
    yield (
        f"{plan.total_s:g} s, at most {plan.schedule.requests} requests "
        f"({load.rate_per_s:g} per second, {load.arrivals}), each abandoned {load.deadline:g} s after it was due"
    )
    yield ""
    yield from timeline(plan)
    yield ""
    for at_s, what in sorted(_moments(plan), key=lambda moment: moment[0]):
        yield f"{at_s:7.1f} s  {what}"
    yield from ("", "touches")
    for name, link in plan.target.links.items():
        touched = dict.fromkeys(d.fault.summary() for d in plan.disturbances if name in d.links)
        region = f", {link.region}" if link.region else ""
        yield f"  {name:<16} {link.kind}{region}: {'; '.join(touched) or 'nothing'}"
    yield from ("", "expects")
    for expectation in plan.expectations:
        yield f"  {expectation}"
    if needs:
        yield from ("", "a run would still need")
        yield from (f"  {need}" for need in needs)


def _moments(plan: Plan) -> Iterator[tuple[float, str]]:
    for phase in plan.phases:
        yield phase.start_s, f"{phase.name} begins"
    for step in plan.steps:
        yield step.at_s, f"{_VERBS[step.verb]} {step.disturbance.summary}"
    yield plan.total_s, "the last request is due"
