"""The characteristics of the recovery and the failover time, in runs with the phases of the shipped scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from harness.judging.scoring.band import band, hold
from harness.judging.scoring.recovery import Recovery, failover_time, own_clumps, recovery_time
from harness.judging.scoring.steadiness import steady
from known_truth.arrivals import Arrivals, Floats, due
from known_truth.cells import SCORING, Cell, Need, Seen
from known_truth.failures import Bools, Law, bursts, iid
from known_truth.shapes import Shape, backlog, exponential, linear, step

BASELINE_S, FAULT_S, END_S = 3.0, 15.0, 30.0
"""When each begins or ends in a shipped scenario; the fault ends at `END_S`."""
RECOVERY_S = 20.0
LIMIT_S = 5.0
WITHIN_S = 4.0
RATIO = 0.95
STANDS_ON = (
    *(
        SCORING / f"{name}.py"
        for name in ("recovery", "settling", "climbs", "clumps", "design_effect", "band", "distributions", "shares")
    ),
    Path(__file__),
)
STEADY = tuple(SCORING / f"{name}.py" for name in ("steadiness", "good_ratio"))
"""What else decides whether an untouched service is judged at all."""
Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Run:
    """Outcomes of requests from 0 to *until_s*, with a fault from `FAULT_S` to `END_S`."""

    due_s: Floats
    good: Bools
    rate_per_s: float
    until_s: float = END_S + RECOVERY_S

    @property
    def baseline(self) -> tuple[Floats, Bools]:
        rows = (self.due_s >= BASELINE_S) & (self.due_s < FAULT_S)
        return self.due_s[rows], self.good[rows]

    @property
    def band(self) -> float:
        good = self.baseline[1]
        return band(int(good.sum()), good.size, RATIO)

    def recovery(self) -> Recovery:
        return recovery_time(
            self.due_s,
            self.good,
            fault_start_s=FAULT_S,
            fault_end_s=END_S,
            observed_until_s=self.until_s,
            band=self.band,
            hold_s=hold(self.rate_per_s, WITHIN_S),
            own=own_clumps(*self.baseline),
        )

    def failover(self) -> Recovery:
        return failover_time(
            self.due_s,
            self.good,
            fault_start_s=FAULT_S,
            fault_end_s=END_S,
            band=self.band,
            hold_s=hold(self.rate_per_s, WITHIN_S),
            own=own_clumps(*self.baseline),
        )


def verdict(found: Recovery) -> Verdict:
    """What comes of a limit of `LIMIT_S`: as the metric has it, a relapse spoils a pass."""
    weights = {relapse.weight for relapse in found.relapses}
    if found.interval.low > LIMIT_S or "certain" in weights:
        return "fail"
    return "pass" if found.interval.high <= LIMIT_S and "possible" not in weights else "inconclusive"


# A service that nobody touches.


def untouched(good: Callable[[np.random.Generator, Floats], Bools], rate_per_s: float, g: np.random.Generator) -> Seen:
    due_s = due(g, rate_per_s, END_S + RECOVERY_S)
    run = Run(due_s, good(g, due_s), rate_per_s)
    if not steady(*run.baseline, RATIO):
        return {"undecided": True}  # such a run is invalid, and says so
    said = {verdict(found) for found in (run.recovery(), run.failover())}
    return {"red": "fail" in said, "undecided": "fail" not in said and "inconclusive" in said}


def untouched_cells() -> Iterator[Cell]:
    kinds: list[tuple[str, Law | None, float]] = [("iid", None, 0.0)]
    kinds += [(f"bursts of {mean_s:g} s", "exponential", mean_s) for mean_s in (0.1, 0.3, 1.0)]
    kinds += [(f"bursts of {m:g} s, {law}", law, m) for law, m in product(get_args(Law)[1:], (0.1, 0.3, 1.0))]
    for rate, ratio, (kind, law, mean_s) in product((20.0, 100.0, 5.0), (0.98, 0.99, 0.999), kinds):
        good = (
            partial(iid, good_ratio=ratio) if law is None else partial(bursts, good_ratio=ratio, mean_s=mean_s, law=law)
        )
        needs = [Need("red", "<=", 0.04 if (rate, ratio, mean_s) == (5, 0.98, 1) else 0.025)]
        if rate > 5:  # At 5/s a hold takes the whole recovery of a shipped scenario.
            needs.append(Need("undecided", "<=", 0.10 if ratio == 0.98 else 0.05))
        yield Cell(
            "An untouched service",
            f"untouched, {rate:g}/s, {ratio:g}, {kind}",
            partial(untouched, good, rate),
            tuple(needs),
            (*STANDS_ON, *STEADY),
        )


def hardly_cells() -> Iterator[Cell]:
    """Services that are hardly as good as the scenario asks for, where their baseline is called steady at all."""
    for rate, ratio in product((20.0, 100.0), (0.94, 0.95, 0.96)):
        yield Cell(
            "A service that is hardly as good as was asked for (0.95)",
            f"untouched, {rate:g}/s, {ratio:g}, iid",
            partial(untouched, partial(iid, good_ratio=ratio), rate),
            (Need("red", "<=", 0.04 if ratio < RATIO else 0.025),),
            (*STANDS_ON, *STEADY),
        )


# Steps and climbs out of a fault.


def settles(
    shape: Callable[[np.random.Generator], Shape], rate_per_s: float, arrivals: Arrivals, g: np.random.Generator
) -> Seen:
    """A run that is iid but for its *shape*, and long enough to be held at its end."""
    truth, until_s = shape(g), END_S + 40.0
    due_s = due(g, rate_per_s, until_s, arrivals)
    chance = np.where(due_s < FAULT_S, 0.995, truth.levels(due_s - END_S))
    run = Run(due_s, g.random(due_s.size) < chance, rate_per_s, until_s)
    found, true_s = run.recovery(), truth.reaches(run.band)
    interval = found.interval
    recovered = found.state == "recovered"
    return {
        "covered": interval.low <= true_s <= interval.high,
        "squared_error": (interval.value - true_s) ** 2 if recovered and interval.value is not None else None,
        "recovered": recovered,
        "width_s": interval.high - interval.low if recovered else None,
        "too_late": interval.high <= true_s / 1.5,  # a limit that the truth exceeds one and a half times
        "near": interval.high <= true_s + 3.0,  # passes at a limit 3 s above the truth
    }


RMSE_S = {(5, 0.0): 0.071, (20, 0.0): 0.015, (100, 0.0): 0.003, (500, 0.0): 0.001}
"""Root mean square error of the first version, in seconds, by rate and good ratio in the fault."""


def step_cells() -> Iterator[Cell]:
    for (rate, arrivals), in_fault in product(
        [(5, "constant"), (20, "constant"), (100, "constant"), (500, "constant"), (20, "poisson"), (100, "poisson")],
        (0.0, 0.3, 0.6),
    ):
        needs = [Need("covered", ">=", 0.90), Need("covered", "<=", 0.99)]
        if arrivals == "constant" and (rate, in_fault) in RMSE_S:
            needs.append(Need("squared_error", "<=", RMSE_S[rate, in_fault], root=True))
        shape = partial(_any_step, in_fault)
        name = f"step from {in_fault:g}, {rate}/s, {arrivals}"
        yield Cell("Steps", name, partial(settles, shape, rate, arrivals), tuple(needs), STANDS_ON)


def _any_step(in_fault: float, g: np.random.Generator) -> Shape:
    return step(in_fault, g.uniform(2.0, 12.0))


def climb_cells() -> Iterator[Cell]:
    shapes = [exponential(0.3, scale_s) for scale_s in (1, 2, 3, 5)]
    shapes += [linear(0.3, span_s) for span_s in (3, 5, 10)]
    shapes += [backlog(span_s) for span_s in (6, 12, 20)]
    for rate, arrivals, shape in product((20, 100, 5), get_args(Arrivals), shapes):
        needs = [Need("too_late", "<=", 0.05), *_of_climb(rate, shape)]
        name = f"climb, {shape.name}, {rate}/s, {arrivals}"
        yield Cell("Climbs", name, partial(settles, partial(_this, shape), rate, arrivals), tuple(needs), STANDS_ON)


def _of_climb(rate: int, shape: Shape) -> Iterator[Need]:
    if rate == 5 and shape.climbs_s < 6:
        yield Need("near", "<=", 0.0)  # it says that it knows little
    elif rate == 5:
        yield Need("covered", ">=", 0.80)
    elif rate == 20:
        yield Need("covered", ">=", 0.85 if rate * shape.climbs_s < 60 else 0.90)
    else:
        yield Need("covered", ">=", 0.88)


def _this(shape: Shape, _: np.random.Generator) -> Shape:
    return shape


# Relapses and flaps.


def relapse(
    good: Callable[[np.random.Generator, Floats], Bools], length_s: float, begins_s: float, g: np.random.Generator
) -> Seen:
    """Bad for the fault and one second more, well, and bad once more for *length_s* from *begins_s* after the fault on."""
    due_s = due(g, 20.0, END_S + RECOVERY_S)
    outcome = good(g, due_s)
    since_s = due_s - END_S
    outcome &= ~((due_s >= FAULT_S) & (since_s < 1.0))
    outcome &= ~((since_s >= begins_s) & (since_s < begins_s + length_s))
    found = Run(due_s, outcome, 20.0).recovery()
    said = verdict(found)
    spans = [(relapse.at_s, relapse.at_s + relapse.length_s) for relapse in found.relapses]
    told = any(low_s <= begins_s + 0.2 and high_s >= begins_s + length_s - 0.2 for low_s, high_s in spans)
    held = found.settled < begins_s  # else it is told as a late recovery
    return {"green": said == "pass", "red": said == "fail", "told": told if held else None}


def relapse_cells() -> Iterator[Cell]:
    services = {
        "iid 0.999": partial(iid, good_ratio=0.999),
        "iid 0.99": partial(iid, good_ratio=0.99),
        "iid 0.98": partial(iid, good_ratio=0.98),
        "0.99, bursts of 0.1 s": partial(bursts, good_ratio=0.99, mean_s=0.1),
        "0.99, bursts of 0.3 s": partial(bursts, good_ratio=0.99, mean_s=0.3),
    }
    for (name, good), length_s in product(services.items(), (2.0, 3.0, 4.0, 7.0)):
        needs = [Need("told", ">=", 1.0), Need("green", "<=", 0.05 if length_s < 3 else 0.02)]
        if length_s >= 4:
            needs.append(Need("red", ">=", 0.85))
        yield Cell(
            "A full relapse after a held entry, 20/s",
            f"relapse of {length_s:g} s, {name}",
            partial(relapse, good, length_s, 11.0),
            tuple(needs),
            STANDS_ON,
        )
    blip = partial(relapse, services["iid 0.999"], 0.35, RECOVERY_S - 0.35)
    needs = (Need("told", ">=", 1.0), Need("green", ">=", 0.95), Need("red", "<=", 0.0))
    yield Cell("A full relapse after a held entry, 20/s", "blip of 0.35 s at the end", blip, needs, STANDS_ON)


def flaps(rate_per_s: float, g: np.random.Generator) -> Seen:
    """Three flaps of 2 s with 1.5 s between them, then well."""
    due_s = due(g, rate_per_s, END_S + 40.0)
    since_s, begun_s = due_s - END_S, g.uniform(0.5, 2.0)
    flapping = (since_s >= -(END_S - FAULT_S)) & (since_s < begun_s + 9.0)
    up = (since_s > begun_s) & ((since_s - begun_s) % 3.5 >= 2.0)
    run = Run(due_s, iid(g, due_s, 0.995) & ~(flapping & ~up), rate_per_s, END_S + 40.0)
    interval = run.recovery().interval
    return {"covered": interval.low <= begun_s + 9.0 <= interval.high}


def flap_cells() -> Iterator[Cell]:
    for rate in (20, 100):
        yield Cell(
            "Flapping", f"three flaps of 2 s, {rate}/s", partial(flaps, rate), (Need("covered", ">=", 0.90),), STANDS_ON
        )


def cells() -> Iterator[Cell]:
    """All of them, in the order in which they are printed."""
    yield from untouched_cells()
    yield from hardly_cells()
    yield from relapse_cells()
    yield from step_cells()
    yield from climb_cells()
    yield from flap_cells()
