"""How often `harness trend` tells of a change where there was none, and of one where there was, as runs hang together more or less.

    python tests/benchmarks/change_points.py [--series 1000]

Each series is of so many runs whose numbers vary by 5 % around a level; each has *together* in common with the one before it (AR(1)). At
the middle of it the level rises by nothing, or by so much. A series with no rise and a change told is false; `change_points.CHANCE` is what
is stated of it, and holds where runs have little in common.
"""

from __future__ import annotations

import argparse
from math import sqrt
from random import Random

from harness.judging.scoring.change_points import CHANCE, changes

LENGTHS = (10, 20, 40, 100)
TOGETHER = (0.0, 0.3, 0.5, 0.7)
RISES = (0.0, 0.15, 0.3, 0.5)
VARIATION = 0.05


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    count: int = parser.parse_args().series
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


if __name__ == "__main__":
    main()
