"""How near the measured recovery time comes to the true one, over many simulated runs whose recovery is known.

    python tests/benchmarks/recovery_accuracy.py [SEEDS]

Every line stands for SEEDS runs (default 400) of 10 s of fault and 40 s after it. For constant arrivals and a full
outage the root mean square error is meant to stay within 40 ms at 20 requests/s, and 10 ms at 100/s.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, log
from time import perf_counter

import numpy as np

from harness.judging.scoring.recovery import Recovery, recovery_time

FAULT_S, AFTER_S = 10.0, 40.0
CLIMB_S = 3.0  # time constant of a ramp


@dataclass(frozen=True)
class Truth:
    """A run whose recovery is known: *bad* is the good ratio in the fault, *well* the one it settles at."""

    shape: str  # step, ramp, flapping or never
    rate_per_s: float
    bad: float
    well: float
    arrivals: str = "constant"
    band: float = 0.95
    clump: float = 0.0  # mean number of failures in a row once recovered; 0: each on its own

    def run(self, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Due times, outcomes, and the true recovery time in seconds; infinite when it never comes."""
        generator = np.random.default_rng(seed)
        n = int((FAULT_S + AFTER_S) * self.rate_per_s)
        if self.arrivals == "constant":
            due_s = (np.arange(n) + 0.5 + 0.2 * (generator.random(n) - 0.5)) / self.rate_per_s
        else:
            due_s = np.sort(generator.random(n)) * (FAULT_S + AFTER_S)
        truth_s = generator.uniform(8, 20)
        good = generator.random(n) < self.level(due_s - FAULT_S - truth_s)
        if self.clump:
            good[due_s > FAULT_S + truth_s] = True
            starts = (generator.random(n) < (1 - self.well) / self.clump) & (due_s > FAULT_S + truth_s)
            for first in np.flatnonzero(starts):
                good[first : first + generator.geometric(1 / self.clump)] = False
        return due_s, good, inf if self.shape == "never" else truth_s

    def level(self, since_s: np.ndarray) -> np.ndarray:
        """The good ratio at *since_s* seconds after recovery."""
        match self.shape:
            case "never":
                return np.full(since_s.size, self.bad)
            case "ramp":
                # Begun early enough to enter the band at 0.
                lead_s = CLIMB_S * log((self.well - self.bad) / (self.well - self.band))
                return self.well - (self.well - self.bad) * np.exp(-np.maximum(since_s + lead_s, 0) / CLIMB_S)
            case "flapping":
                return np.where((since_s > 0) | ((since_s > -6) & (since_s < -4)), self.well, self.bad)
            case _:
                return np.where(since_s > 0, self.well, self.bad)

    def measured(self, seed: int) -> tuple[Recovery, float]:
        due_s, good, truth_s = self.run(seed)
        measured = recovery_time(
            due_s,
            good,
            fault_start_s=0.0,
            fault_end_s=FAULT_S,
            observed_until_s=FAULT_S + AFTER_S,
            band=self.band,
            hold_s=8.0,
        )
        return measured, truth_s


@dataclass(frozen=True)
class Accuracy:
    """What many runs of one *truth* came to; errors are those of runs that were said to have recovered."""

    truth: Truth
    rmse_s: float
    bias_s: float
    coverage: float
    width_s: float
    relapses: float
    states: Counter[str]

    @property
    def recovered_ratio(self) -> float:
        return self.states["recovered"] / sum(self.states.values())


def accuracy(truth: Truth, seeds: int) -> Accuracy:
    runs = [truth.measured(seed) for seed in range(seeds)]
    errors = np.array([run.interval.value - true_s for run, true_s in runs if run.state == "recovered"] or [np.nan])
    covered = [run.interval.low <= true_s <= run.interval.high for run, true_s in runs]
    return Accuracy(
        truth=truth,
        rmse_s=float(np.sqrt(np.mean(errors**2))),
        bias_s=float(errors.mean()),
        coverage=float(np.mean(covered)),
        width_s=float(np.median([run.interval.high - run.interval.low for run, _ in runs])),
        relapses=float(np.mean([run.relapses for run, _ in runs])),
        states=Counter(run.state for run, _ in runs),
    )


def truths() -> Iterator[Truth]:
    for rate_per_s in (20, 100):
        for bad in (0.0, 0.3, 0.8):
            yield Truth("step", rate_per_s, bad, 0.995)
        for bad in (0.0, 0.3, 0.8):
            yield Truth("step", rate_per_s, bad, 0.97, arrivals="poisson")
        yield Truth("step", rate_per_s, 0.3, 0.90, band=0.85)
        yield Truth("step", rate_per_s, 0.3, 0.90)
        yield Truth("step", rate_per_s, 0.0, 0.995, clump=5)
        yield Truth("ramp", rate_per_s, 0.0, 0.995)
        yield Truth("ramp", rate_per_s, 0.3, 0.995)
        yield Truth("flapping", rate_per_s, 0.0, 0.995)
        yield Truth("never", rate_per_s, 0.3, 0.3)


def main(seeds: int) -> None:
    print(
        " shape     arrivals  rate/s  in fault  settles  band  rmse ms  bias ms  covers  width ms  relapses  ms a run"
    )
    for truth in truths():
        began = perf_counter()
        got = accuracy(truth, seeds)
        asked = f"{truth.rate_per_s:6g} {truth.bad:9g} {truth.well:8g} {truth.band:5g}"
        errors = f"{1e3 * got.rmse_s:8.1f} {1e3 * got.bias_s:8.1f} {got.coverage:7.3f} {1e3 * got.width_s:9.0f}"
        cost = f"{got.relapses:9.2f} {1e3 * (perf_counter() - began) / seeds:9.1f}"
        print(f" {truth.shape:9} {truth.arrivals:9} {asked} {errors} {cost}  {dict(got.states)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
