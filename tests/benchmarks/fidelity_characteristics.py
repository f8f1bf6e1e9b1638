"""How often two runs of one service agree with one another, and a run of another one does not.

    python tests/benchmarks/fidelity_characteristics.py [--pairs 200]

Both are drawn of one incident: 40 s in which all is well, 20 s of 25 % failures at one and a half times the latency, 30 s of 70 % at two
and a half times, 20 s as before, and 50 s in which all is well. For each rate: in how many of the pairs `fidelity >= 0.9` passes and is
broken, the share of bins that are apart, and how many edges are within a second of one another. The other service hides two thirds of the
failures.
"""

from __future__ import annotations

import argparse

import numpy as np

from harness.judging.scoring.fidelity import APART, Curve, agreement, edge_s, held

SECONDS = 160
STRETCHES = (
    (0, 40, 0.0, 600),
    (40, 60, 0.25, 900),
    (60, 90, 0.7, 1500),
    (90, 110, 0.25, 900),
    (110, SECONDS, 0.0, 600),
)
RATES = (5, 10, 20, 40)
HIDDEN = 2 / 3


def drawn(rate: float, rng: np.random.Generator, hidden: float = 0.0) -> Curve:
    """One run of the incident at *rate* requests a second, of which *hidden* of the failures are none."""
    at = rng.uniform(0, SECONDS, rng.poisson(rate * SECONDS))
    share, median = np.zeros(at.size), np.zeros(at.size)
    for start, end, failed, took in STRETCHES:
        inside = (at >= start) & (at < end)
        share[inside], median[inside] = failed * (1 - hidden), took
    failed = rng.random(at.size) < share
    took_ms, second = median * np.exp(0.3 * rng.standard_normal(at.size)), at.astype(int)
    came, lost = (np.bincount(one, minlength=SECONDS).astype(float) for one in (second, second[failed]))
    quantiles = np.full((2, SECONDS), np.nan)
    for place in range(SECONDS):
        if (took := took_ms[(second == place) & ~failed]).size:
            quantiles[:, place] = np.quantile(took, [0.5, 0.95])
    return Curve(came, lost, quantiles[0], quantiles[1], came, np.ones(SECONDS, bool))


def pairs(rate: float, count: int, hidden: float) -> str:
    """What *count* pairs come to, as a line."""
    rng, passed, failed, apart, near = np.random.default_rng(1), 0, 0, [], []
    for _ in range(count):
        one, other = drawn(rate, rng), drawn(rate, rng, hidden)
        bins = held(one, other)
        found = agreement(bins.whole, (bins.middle_s >= 40) & (bins.middle_s < 110))
        passed, failed = passed + (found.low >= 0.9), failed + (found.high < 0.9)
        apart.append((bins.whole == APART).mean())
        for start, *_ in STRETCHES[1:]:
            between = np.abs(np.arange(SECONDS) + 0.5 - start) < 20
            first, then = (edge_s(curve, between) for curve in (one, other))
            near.append(first is not None and then is not None and abs(then - first) <= 1)
    return f"{passed / count:8.2f} {failed / count:8.2f} {np.mean(apart):10.3f} {np.mean(near):16.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    count = parser.parse_args().pairs
    print("rate  service    passes   broken  apart/bin  edges within 1 s")
    for rate in RATES:
        for name, hidden in (("as it was", 0.0), ("another", HIDDEN)):
            print(f"{rate:4}  {name:9} {pairs(rate, count, hidden)}")


if __name__ == "__main__":
    main()
