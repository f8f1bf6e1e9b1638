"""What the wire adds to the time to the first token, and what ten rules add to that: ``python tests/benchmarks/wire_overhead.py``.

It takes some three minutes. Two links lead through tap, Toxiproxy and edge to one provider; ten rules that hit nobody (`ten_rules`) are in
force on one of them, and on the other one in the next turn. Streams are opened at a constant rate, in turn straight to the provider and
over either link, so that all three see the same moments of the machine; then over each link alone, for the processor time of the wire's
process. What counts is the median over pairs of turns, which tells on a machine that others use, too. All processes share the processors
of this one, so what is added is an upper bound. `rules_cost.py` counts what of it is our own work. It ends with 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from harness.faults.effects import EdgeRule

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import LINK, OTHER_LINK, Ways, both_ways, cpu_s, run
from streams import CHUNKS, RATE_PER_S, Load, Provider, at, by_turns
from ten_rules import SETS, compared, held, written

FIRST_TOKEN_S, CPU_S = 1.2, 0.4
PAIRS = 12
TARGET_MS = 1.2
RULES_RATIO = 1.1


class Found(NamedTuple):
    """What one pair of turns came to: the p50 of the first token each way, and the CPU that the wire's process used for a stream."""

    direct_ms: float
    without_ms: float
    with_ms: float
    cpu_without_ms: float
    cpu_with_ms: float


class Loads:
    """Streams over each of the *ways*."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._direct = Load(ways.direct)
        self._over = {LINK: Load(ways.tap), OTHER_LINK: Load(ways.other_tap)}

    async def begin(self) -> None:
        """Open connections and fill caches."""
        for load in (self._direct, *self._over.values()):
            await load.stretch(2.0)

    async def pair(self, rules: dict[str, EdgeRule]) -> Found:
        """With *rules* in force on the one link and then on the other: what else differs between these is in no figure."""
        waits: dict[str, list[float]] = {"direct": [], "with": [], "without": []}
        used_s = {"with": 0.0, "without": 0.0}
        for ruled in self._over:
            for name, rule in rules.items():
                self._ways.stage.inject(name, msgspec.structs.replace(rule, aim=ruled))
            await self._turn(
                {"with" if link == ruled else "without": load for link, load in self._over.items()}, waits, used_s
            )
            for name, rule in rules.items():
                self._ways.stage.revert(name, msgspec.structs.replace(rule, aim=ruled))
        each = 1000 / (len(self._over) * int(RATE_PER_S * CPU_S))
        p50_ms = {name: at(found, 0.5) for name, found in waits.items()}
        return Found(
            p50_ms["direct"], p50_ms["without"], p50_ms["with"], each * used_s["without"], each * used_s["with"]
        )

    async def _turn(self, over: dict[str, Load], waits: dict[str, list[float]], used_s: dict[str, float]) -> None:
        loads = {"direct": self._direct, **over}
        for load in loads.values():
            load.forget()
        await by_turns([*loads.values()], FIRST_TOKEN_S)
        for name, load in loads.items():
            waits[name] += load.waits_ms
        for name, load in over.items():
            load.forget()
            await load.stretch(CPU_S, lambda: cpu_s(self._ways.pid))
            used_s[name] += load.cpu_s


async def _measure(ways: Ways, pairs: int) -> int:
    loads, all_of_them, told = Loads(ways), list[Found](), list[str]()
    await loads.begin()
    for name, rules in SETS.items():
        found = [await loads.pair(rules) for _ in range(pairs)]
        all_of_them += found
        wire_ms = median(one.without_ms - one.direct_ms for one in found)
        for part, ratios in {
            "added to first token, p50": [1 + (one.with_ms - one.without_ms) / wire_ms for one in found],
            "first token, p50": [one.with_ms / one.without_ms for one in found],
            "CPU of the wire's process": [one.cpu_with_ms / one.cpu_without_ms for one in found],
        }.items():
            ratio = compared(ratios)
            told.append(held(ratio, RULES_RATIO))
            print(f"ten rules {name:24} {part:26} {written(ratio)}, at most {RULES_RATIO:g}: {told[-1]}", flush=True)
    middle = Found(*map(median, zip(*all_of_them, strict=True)))
    print(
        f"first token, p50: {middle.direct_ms:.3f} ms straight, {middle.without_ms:.3f} ms over the wire without a rule"
    )
    print(f"added: {middle.without_ms - middle.direct_ms:.3f} ms (target {TARGET_MS} ms)")
    print(f"the wire's process: {middle.cpu_without_ms:.2f} ms of CPU a stream of {CHUNKS} chunks")
    return 1 if "does not hold" in told else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    options = parser.parse_args()
    with both_ways(Provider) as ways:
        sys.exit(run(_measure(ways, options.pairs)))


if __name__ == "__main__":
    main()
