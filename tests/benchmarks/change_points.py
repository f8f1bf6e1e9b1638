"""How often a change is told where there was none, and where there was one: of runs by `harness trend`, of logs by `harness import`.

    python tests/benchmarks/change_points.py [--series 1000] [--logs 200]

Each series is of so many runs whose numbers vary by 5 % around a level; each has *together* in common with the one before it (AR(1)). At
the middle of it the level rises by nothing, or by so much. A series with no rise and a change told is false; `change_points.CHANCE` is what
is stated of it, and holds where runs have little in common.

Each log is of so many calls, two a second, with latencies that have *together* in common, of which so many fail: all alike, in clumps of
3 s every 20 s, or nobody but in the middle of it. An edge is false but in those of the last kind.
"""

from __future__ import annotations

import argparse
from math import sqrt
from random import Random

import numpy as np

from harness.incidents.calls import Call, Calls, at_once
from harness.incidents.segments import edges
from harness.judging.scoring.change_points import CHANCE, changes

LENGTHS = (10, 20, 40, 100)
TOGETHER = (0.0, 0.3, 0.5, 0.7)
RISES = (0.0, 0.15, 0.3, 0.5)
VARIATION = 0.05
CALLS = (30, 60, 90, 200, 400, 1000)
LOGS = {
    "even, none fails": (0.0, 0.0, "even"),
    "even, 5 % fail": (0.05, 0.0, "even"),
    "even, 30 % fail": (0.3, 0.0, "even"),
    "even, together 0.6": (0.02, 0.6, "even"),
    "clumps, 50 % fail": (0.5, 0.0, "clumps"),
    "outage, 30 % fail": (0.3, 0.0, "outage"),
    "outage, 60 % fail": (0.6, 0.0, "outage"),
    "outage, all fail": (1.0, 0.0, "outage"),
}
PER_S, CLUMP_S, CLUMPS_EVERY_S, OF_OUTAGE = 2.0, 3.0, 20.0, 0.22


def series(chance: Random, length: int, together: float, rise: float) -> list[float]:
    """One line of runs."""
    values, off = [], chance.gauss(0, 1)
    for place in range(length):
        values.append((1 + VARIATION * off) * (1 + (rise if place >= length // 2 else 0.0)))
        off = together * off + sqrt(1 - together**2) * chance.gauss(0, 1)
    return values


def told(length: int, together: float, rise: float, count: int) -> float:
    """In what share of *count* series a change is told."""
    chance = Random(f"{length} {together} {rise}")
    return sum(bool(changes(series(chance, length, together, rise))) for _ in range(count)) / count


def log(chance: np.random.Generator, calls: int, share: float, together: float, kind: str) -> Calls:
    """One log; an outage is of more than a fifth of its calls."""
    span_s = calls / PER_S
    at_s = np.sort(chance.uniform(0, span_s, calls))
    failing = np.full(calls, share)
    if kind == "clumps":
        middles = chance.uniform(0, span_s, max(1, int(span_s / CLUMPS_EVERY_S)))
        failing[np.abs(at_s[:, None] - middles).min(axis=1) > CLUMP_S / 2] = 0.01
    if kind == "outage":
        failing[np.abs(at_s / span_s - 0.5) > OF_OUTAGE / 2] = 0.0
    off = chance.standard_normal(calls)
    for place in range(1, calls):
        off[place] = together * off[place - 1] + sqrt(1 - together**2) * off[place]
    rows = zip(at_s, chance.random(calls) < failing, 500 * np.exp(0.3 * off), strict=True)
    return at_once(Call(1.7e9 + at, 503 if failed else 0, took_ms) for at, failed, took_ms in rows)


def of_logs(count: int) -> None:
    print(f"{'':<22}{'an edge told, of so many calls':>40}")
    print(f"{'':<22}" + "".join(f"{calls:>8}" for calls in CALLS))
    for name, settings in LOGS.items():
        found = []
        for calls in CALLS:
            chance = np.random.default_rng(calls)
            found.append(sum(bool(edges(log(chance, calls, *settings))) for _ in range(count)) / count)
        print(f"{name:<22}" + "".join(f"{share:>8.2f}" for share in found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--logs", type=int, default=200)
    said = parser.parse_args()
    count: int = said.series
    print(f"{'':<22}{'told though nothing changed':>28}   {'told where it rose by'}")
    print(
        f"{'runs':>6} {'together':>10}     {f'stated: {CHANCE:.3f}':>28}   "
        + "".join(f"{rise:>8.0%}" for rise in RISES[1:])
    )
    for length in LENGTHS:
        for together in TOGETHER:
            shares = [told(length, together, rise, count if rise == 0 else count // 5) for rise in RISES]
            print(
                f"{length:>6} {together:>10.1f}     {shares[0]:>28.3f}   "
                + "".join(f"{one:>8.2f}" for one in shares[1:])
            )
    print()
    of_logs(said.logs)


if __name__ == "__main__":
    main()
