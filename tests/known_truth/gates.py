"""Gates of things whose truth is known, simulated: runs differ by a law, and each gate looks after each trial until it is decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from harness.judging.trials.compared import Better, compared
from harness.judging.trials.gate import over_trials
from harness.judging.trials.policy import Policy
from harness.judging.trials.trial import Trial, Value
from harness.reading.expectation import parse

LIMIT_MS = 1000.0
Law = Callable[[Random, float], float]
"""A factor by which a run differs from the typical one, whose standard deviation is about the second argument."""


def normal(chance: Random, variation: float) -> float:
    return max(0.01, 1 + variation * chance.gauss(0, 1))


def log_normal(chance: Random, variation: float) -> float:
    return exp(variation * chance.gauss(0, 1))


def heavy(chance: Random, variation: float) -> float:
    """Student's t with three degrees of freedom: one run of fifty lies three deviations off and more."""
    spread = sqrt(sum(chance.gauss(0, 1) ** 2 for _ in range(3)) / 3)
    return max(0.01, 1 + variation * chance.gauss(0, 1) / spread / sqrt(3))


LAWS: dict[str, Law] = {"normal": normal, "log-normal": log_normal, "heavy tails": heavy}


@dataclass(frozen=True, slots=True)
class Seen:
    """What some gates came to: shares of them, and how many trials one took on average."""

    red: float
    green: float
    trials: float


def gates(
    truths: Sequence[float], variation: float, policy: Policy, count: int, law: Law = normal, seed: int = 1
) -> Seen:
    """*count* gates of a thing whose numbers are *truths*, as ratios to their limits."""
    chance = Random(f"gates {seed}")
    asked = [parse(f"latency_ms.p95 <= {LIMIT_MS:.0f} in phase{place}") for place in range(len(truths))]
    texts = [str(one) for one in asked]
    verdicts, made = [], 0
    for _ in range(count):
        trials: list[Trial] = []
        while True:
            values = [LIMIT_MS * truth * law(chance, variation) for truth in truths]
            trials.append(_trial(texts, values))
            standing = over_trials(asked, trials, policy)
            if standing.decided:
                break
        verdicts.append(standing.verdict)
        made += standing.n
    return _seen(verdicts, made)


def comparisons(
    ratios: Sequence[float],
    variation: float,
    policy: Policy,
    count: int,
    law: Law = normal,
    seed: int = 1,
    drift: float = 0.0,
) -> Seen:
    """*count* comparisons of two things whose numbers are apart by *ratios*.

    Meanwhile all numbers of both rise by *drift*, as on a machine that gets warm.
    """
    chance = Random(f"comparisons {seed}")
    metrics: dict[str, Better] = {f"latency_ms in phase{place}": "lower" for place in range(len(ratios))}
    verdicts, made = [], 0
    for _ in range(count):
        pairs: list[tuple[Trial, Trial]] = []
        while True:
            now_ms = LIMIT_MS * (1 + drift * len(pairs) / policy.most)
            sides = [[now_ms * ratio * law(chance, variation) for ratio in of] for of in ([1.0] * len(ratios), ratios)]
            pairs.append((_trial(list(metrics), sides[0]), _trial(list(metrics), sides[1])))
            comparison = compared(pairs, metrics, policy)
            if comparison.decided:
                break
        verdicts.append(comparison.verdict)
        made += comparison.n
    return _seen(verdicts, made)


def _trial(names: Sequence[str], values: Sequence[float]) -> Trial:
    return Trial("run", 0, "pass", {name: Value(ms, ms, ms, "ms") for name, ms in zip(names, values, strict=True)})


def _seen(verdicts: Sequence[str], made: int) -> Seen:
    count = len(verdicts)
    return Seen(verdicts.count("fail") / count, verdicts.count("pass") / count, made / count)
