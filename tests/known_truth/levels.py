"""The characteristics of what is measured over a phase: shares, quantiles and attempts whose values come in clumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from math import exp, inf
from pathlib import Path
from statistics import NormalDist
from typing import get_args

import numpy as np

from harness.interval import Interval
from harness.judging.scoring.amplification import retry_amplification
from harness.judging.scoring.design_effect import sizes, stretch
from harness.judging.scoring.good_ratio import good_ratio
from harness.judging.scoring.quantiles import clumped_quantile
from harness.judging.scoring.shares import wilson
from known_truth.arrivals import Floats, due
from known_truth.cells import SCORING, Cell, Need, Seen
from known_truth.failures import Bools, Law, bursts, iid
from known_truth.wandering import wander

REST_S = 32.0
"""What a run shows beside the phase: a baseline of 12 s and a recovery of 20 s."""
MANY = 4  # clumps from which on more is asked
STANDS_ON = (
    *(
        SCORING / f"{name}.py"
        for name in (
            "good_ratio",
            "design_effect",
            "clumps",
            "amplification",
            "counts",
            "quantiles",
            "intervals",
            "distributions",
            "shares",
        )
    ),
    Path(__file__),
    Path(__file__).with_name("wandering.py"),
)


@dataclass(frozen=True)
class Failing:
    """A service with a *good* ratio of failures of one *law*, asked *rate_per_s* in a phase of *span_s*."""

    law: str
    mean_s: float
    good: float
    rate_per_s: float
    span_s: float

    def measure(self, generator: np.random.Generator) -> Seen:
        due_s = due(generator, self.rate_per_s, self.span_s + REST_S)
        well = self.outcomes(generator, due_s)
        parts = [(due_s >= start_s) & (due_s < end_s) for start_s, end_s in self.stretches()]
        mine, *others = [(due_s[part], well[part]) for part in parts]
        found = good_ratio(*mine, others)
        plain = wilson(int(mine[1].sum()), mine[1].size)
        many = sizes([stretch(*rows) for rows in (mine, *others)], max(0.25, 2.5 / self.rate_per_s)).size >= MANY
        wrong = found.low >= 1 - (1 - self.good) / 1.5, found.high < 1 - 1.5 * (1 - self.good)
        return {
            "covered": found.low <= self.good <= found.high,
            "width": (found.high - found.low) / (plain.high - plain.low),
            "green": wrong[0] if many else None,
            "red": wrong[1] if many else None,
            "green_of_few": None if many else wrong[0],
            "red_of_few": None if many else wrong[1],
        }

    def outcomes(self, generator: np.random.Generator, due_s: Floats) -> Bools:
        match self.law:
            case "iid":
                return iid(generator, due_s, self.good)
            case "autoregressive":
                return wander(generator, due_s, self.mean_s) < NormalDist().inv_cdf(self.good)
            case "half":
                whole = bursts(generator, due_s, 1 - 2 * (1 - self.good), self.mean_s)
                return whole | (generator.random(due_s.size) < 0.5)
            case _:
                law: Law = next(law for law in get_args(Law) if law == self.law)
                return bursts(generator, due_s, self.good, self.mean_s, law)

    def stretches(self) -> tuple[tuple[float, float], ...]:
        """The phase, the baseline and the recovery; where in time each lies changes nothing."""
        end_s = self.span_s + REST_S
        return (0.0, self.span_s), (self.span_s, self.span_s + 12.0), (self.span_s + 12.0, end_s)


def failing() -> Iterator[Cell]:
    for rate_per_s in (20.0, 100.0):
        for span_s, covered in ((15.0, 0.88), (60.0, 0.9)):
            needs = (
                Need("covered", ">=", covered),
                Need("green", "<=", 0.05),
                Need("red", "<=", 0.05),
                Need("green_of_few", "<=", 0.12),
                Need("red_of_few", "<=", 0.12),
            )
            for good in (0.9, 0.95, 0.99):
                made = Failing("iid", 0.0, good, rate_per_s, span_s)
                yield _cell(f"{rate_per_s:g}/s {span_s:g} s {good:g} iid", made, (*needs, Need("width", "<=", 1.1)))
            # Of what comes less than once in a run no interval can know.
            clumps: list[tuple[str, float, float]] = [("exponential", mean_s, 0.95) for mean_s in (0.1, 0.3, 1.0)]
            clumps += [("exponential", 0.3, 0.99), ("exponential", 1.0, 0.9)]
            clumps += [(law, 1.0, 0.95) for law in get_args(Law)[1:]]
            clumps += [("exponential", 2.0, 0.9), ("half", 1.0, 0.95), ("autoregressive", 2.0, 0.9)]
            for law, mean_s, good in clumps:
                made = Failing(law, mean_s, good, rate_per_s, span_s)
                yield _cell(f"{rate_per_s:g}/s {span_s:g} s {good:g} {law} {mean_s:g} s", made, needs)


def _cell(name: str, made: Failing, needs: tuple[Need, ...]) -> Cell:
    return Cell("good_ratio: failures in clumps", f"good_ratio {name}", made.measure, needs, STANDS_ON)


@dataclass(frozen=True)
class Slow:
    """Log-normal latencies that wander with a memory of 1 s; the slowest *unanswered* share is given up at the deadline."""

    q: float
    rate_per_s: float
    span_s: float
    memory_s: float
    unanswered: float

    def measure(self, generator: np.random.Generator) -> Seen:
        due_s = due(generator, self.rate_per_s, self.span_s)
        level = wander(generator, due_s, self.memory_s) if self.memory_s else generator.standard_normal(due_s.size)
        latency_ms = 500 * np.exp(0.6 * level)
        deadline_ms = self.truth_ms(1 - self.unanswered) if self.unanswered else inf
        answered = latency_ms <= deadline_ms
        found = clumped_quantile(due_s, np.minimum(latency_ms, deadline_ms), self.q, answered=answered)
        truth_ms = self.truth_ms(self.q)
        reached = min(truth_ms, deadline_ms)
        beyond = sizes([stretch(due_s, latency_ms <= truth_ms)], 0.25).size
        held = found.low <= reached and truth_ms <= found.high
        return {"covered": held, "open": found.high == inf if beyond < 10 else None}

    def truth_ms(self, q: float) -> float:
        return 500 * exp(0.6 * NormalDist().inv_cdf(q))


def slow() -> Iterator[Cell]:
    for unanswered in (0.0, 0.02, 0.6):
        for rate_per_s, span_s in ((20.0, 45.0), (20.0, 15.0), (100.0, 45.0)):
            for q, needs in (
                (0.5, (Need("covered", ">=", 0.88),)),
                (0.95, (Need("covered", ">=", 0.8),)),
                (0.99, (Need("open", ">=", 1.0),)),
            ):
                made = Slow(q, rate_per_s, span_s, 1.0, unanswered)
                name = f"latency p{100 * q:g} {rate_per_s:g}/s {span_s:g} s, {unanswered:.0%} time out"
                yield Cell("latency: an autoregression of 1 s", name, made.measure, needs, STANDS_ON)
    for q in (0.5, 0.95, 0.99):
        made = Slow(q, 20.0, 45.0, 0.0, 0.0)
        yield Cell(
            "latency: each on its own",
            f"latency p{100 * q:g} iid",
            made.measure,
            (Need("covered", ">=", 0.93),),
            STANDS_ON,
        )


def _gusts(generator: np.random.Generator, due_s: Floats, memory_s: float) -> Floats:
    """Retries at a rate that wanders as the logarithm of an autoregression does."""
    return 1 + generator.poisson(np.exp(0.8 * wander(generator, due_s, memory_s) - 1)).astype(np.float64)


def _storms(generator: np.random.Generator, due_s: Floats, mean_s: float) -> Floats:
    calm = bursts(generator, due_s, 0.75, mean_s)
    return np.where(calm, 1.0, generator.integers(2, 10, due_s.size))


def _dear(generator: np.random.Generator, due_s: Floats, together: float) -> Floats:
    """One of a hundred requests makes 50 attempts; each on its own, or some after one another."""
    good = iid(generator, due_s, 0.99) if together == 1 else bursts(generator, due_s, 0.99, together / 20)
    return np.where(good, 1.0, 50.0)


ATTEMPTS: dict[str, Callable[[np.random.Generator, Floats], Floats]] = {
    "storms of 1 s": partial(_storms, mean_s=1.0),
    "storms of 2 s": partial(_storms, mean_s=2.0),
    "an autoregression of 1 s": partial(_gusts, memory_s=1.0),
    "an autoregression of 3 s": partial(_gusts, memory_s=3.0),
    "1 % with 50": partial(_dear, together=1),
    "1 % with 50, five together": partial(_dear, together=5),
    "each on its own": lambda generator, due_s: 1 + generator.poisson(0.4, due_s.size).astype(np.float64),
}


@cache
def mean_attempts(kind: str) -> float:
    generator = np.random.default_rng(1)
    return float(ATTEMPTS[kind](generator, due(generator, 20.0, 100_000.0)).mean())


def retried(kind: str, rate_per_s: float, span_s: float, generator: np.random.Generator) -> Seen:
    due_s = due(generator, rate_per_s, span_s)
    attempts = ATTEMPTS[kind](generator, due_s)
    found: Interval = retry_amplification(attempts, due_s)
    many = sizes([stretch(due_s, attempts <= np.median(attempts))], max(0.25, 2.5 / rate_per_s)).size >= MANY
    covered = found.low <= mean_attempts(kind) <= found.high
    return {"covered": covered if many else None, "covered_by_few": None if many else covered}


def retries() -> Iterator[Cell]:
    for kind in ATTEMPTS:
        for rate_per_s, span_s, covered in ((20.0, 15.0, 0.8), (20.0, 60.0, 0.85), (100.0, 15.0, 0.8)):
            yield Cell(
                "retry_amplification: retries in clumps",
                f"retry_amplification {rate_per_s:g}/s {span_s:g} s {kind}",
                partial(retried, kind, rate_per_s, span_s),
                (Need("covered", ">=", covered),),
                STANDS_ON,
            )


def cells() -> Iterator[Cell]:
    yield from failing()
    yield from slow()
    yield from retries()
