"""The rate of a scenario's load over its phases: what its shape makes of `load.rate_per_s`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.planning.curve import Linear, Sine, Stretch, scaled
from harness.planning.disturbance import Phase
from harness.planning.moments import Clock
from harness.problems import Problem
from harness.reading.scenario import SHED, Load
from harness.reading.shapes import RampUp, Spike
from harness.registry import suggestion


def curve(load: Load, phases: Sequence[Phase]) -> tuple[Stretch, ...]:
    """The rate of *load* while *phases* last; as if it had no shape where that does not fit them, which `misfits` says.

    A trace is no curve: what it comes to is `Recorded`.

    In a phase called load_shed so much is left of it as `load.shed_to` says, unless the shape gives that phase a rate itself.
    """
    whole = _whole(load, phases)
    shed = next((phase for phase in phases if phase.name == SHED), None)
    if shed is None or SHED in phases_of(load):
        return whole
    return tuple(scaled(whole, shed.start_s, shed.end_s, load.shed_to))


def _whole(load: Load, phases: Sequence[Phase]) -> tuple[Stretch, ...]:
    shape, usual, end_s = load.shape, load.usual_per_s, phases[-1].end_s
    if shape is None or shape.trace is not None or any(misfits(load, phases)):
        return (Linear(end_s, usual, usual),)
    if shape.sine is not None:
        return (Sine(end_s, usual, shape.sine.by, shape.sine.period),)
    if shape.steps is not None:
        rates = [(phase.end_s - phase.start_s, shape.steps.get(phase.name, usual)) for phase in phases]
        return tuple(Linear(span_s, rate, rate) for span_s, rate in rates if span_s)
    if shape.ramp is not None:
        return tuple(_ramp(shape.ramp, usual, phases))
    if shape.spike is not None:
        return tuple(_spike(shape.spike, usual, phases))
    return (Linear(end_s, usual, usual),)  # all that it says is an unknown key, which is told elsewhere


def phases_of(load: Load) -> Iterator[str]:
    """The phases that the shape of *load* gives a rate of their own."""
    if load.shape is not None:
        yield from load.shape.steps or ()
        if load.shape.ramp is not None:
            yield load.shape.ramp.over


def misfits(load: Load, phases: Sequence[Phase]) -> Iterator[Problem]:
    """What of the shape of *load* does not fit *phases*."""
    shape, names = load.shape, [phase.name for phase in phases]
    if shape is None:
        return
    for name in shape.steps or ():
        if name not in names:
            yield Problem(f"there is no such phase; {suggestion(name, names)}", path=f"load.shape.steps.{name}")
    if shape.ramp is not None and shape.ramp.over not in names:
        what = f"there is no phase {shape.ramp.over!r}; {suggestion(shape.ramp.over, names)}"
        yield Problem(what, path="load.shape.ramp.over")
    if shape.spike is not None:
        begins_s = _begins_s(shape.spike, phases)
        if isinstance(begins_s, Problem):
            yield begins_s
        elif begins_s + shape.spike.lasts > phases[-1].end_s:
            yield Problem(
                f"would last until {begins_s + shape.spike.lasts:g} s, and the load ends at {phases[-1].end_s:g} s",
                path="load.shape.spike.for",
            )


def _ramp(ramp: RampUp, usual: float, phases: Sequence[Phase]) -> Iterator[Stretch]:
    first = usual if ramp.from_ is None else ramp.from_
    over = next(phase for phase in phases if phase.name == ramp.over)
    yield from _even(over.start_s, first)
    yield Linear(over.end_s - over.start_s, first, ramp.to)
    yield from _even(phases[-1].end_s - over.end_s, ramp.to)


def _spike(spike: Spike, usual: float, phases: Sequence[Phase]) -> Iterator[Stretch]:
    begins_s = _begins_s(spike, phases)
    assert not isinstance(begins_s, Problem)
    yield from _even(begins_s, usual)
    yield Linear(spike.lasts, spike.to, spike.to)
    yield from _even(phases[-1].end_s - begins_s - spike.lasts, usual)


def _even(span_s: float, per_s: float) -> Iterator[Stretch]:
    if span_s > 0:
        yield Linear(span_s, per_s, per_s)


def _begins_s(spike: Spike, phases: Sequence[Phase]) -> float | Problem:
    return Clock(tuple(phases), {}, ()).moment("load.shape.spike.at", spike.at, {phase.name: phase for phase in phases})
