"""What the wire adds to the time to the first token: ``python tests/benchmarks/wire_overhead.py`` (about a minute).

Streams are opened at a constant rate, in turn straight to a provider, through tap, Toxiproxy and edge, and so with ten rules in force
that hit nobody, so that all see the same moments of the machine; with rules and without are compared pair by pair. All processes are
on this machine and share its processors, so what is printed is an upper bound. On a machine that others use its pairs tell little:
`rules_cost.py` counts what rules cost in processor time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.faults.effects import Delay, EdgeRule, Fail, Throttle
from harness.faults.requests import Requests

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import LINK, Ways, both_ways, cpu_s, run
from streams import CHUNKS, Load, Provider, at

STRETCH_S = 0.5
STRETCHES = 24
TARGET_MS = 1.2
RULES_RATIO = 1.1
RULES = {
    **{f"seldom-{number}": EdgeRule(LINK, Fail(503), Requests(share_ratio=1e-9)) for number in range(4)},
    **{f"others-{number}": EdgeRule(LINK, Delay(1.0), Requests(model="gpt-*", attempt_max=1)) for number in range(4)},
    **{f"ample-{number}": EdgeRule(LINK, Throttle(1e9, 1000)) for number in range(2)},
}
"""Ten that hit nobody: they draw, they match, they count."""


def main() -> None:
    """Print the time to the first token each way, and what the wire added."""
    with both_ways(Provider) as ways:
        direct, through, ruled = Load(ways.direct), Load(ways.tap), Load(ways.tap)
        ratios = run(_measure(ways, direct, through, ruled))
        _print("direct", direct)
        _print("tap + Toxiproxy + edge", through)
        _print(f"the same with {len(RULES)} rules", ruled)
        _print_difference(direct, through, ruled, ratios)


async def _measure(ways: Ways, direct: Load, through: Load, ruled: Load) -> list[float]:
    for load in (direct, through, ruled):
        await load.stretch(2.0)  # to open connections and fill caches
        load.forget()
    ratios = list[float]()
    for number in range(STRETCHES):
        await direct.stretch(STRETCH_S)
        # By turns the one and the other first: a stretch that follows another through the wire is not as quick as one that follows rest.
        before = {load: len(load.waits_ms) for load in (ruled, through)}
        for load in (through, ruled) if number % 2 else (ruled, through):
            for name, rule in RULES.items() if load is ruled else ():
                ways.stage.inject(name, rule)
            await load.stretch(STRETCH_S, lambda: cpu_s(ways.pid))
            for name, rule in RULES.items() if load is ruled else ():
                ways.stage.revert(name, rule)
        with_rules, without = (load.waits_ms[before[load] :] for load in (ruled, through))
        ratios.append(at(with_rules, 0.5) / at(without, 0.5))
    return ratios


def _print(name: str, load: Load) -> None:
    p50_ms, p99_ms = at(load.waits_ms, 0.5), at(load.waits_ms, 0.99)
    print(
        f"{name:24} {len(load.waits_ms)} of {load.sent} streams, first token p50 {p50_ms:.3f} ms, p99 {p99_ms:.3f} ms"
    )


def _print_difference(direct: Load, through: Load, ruled: Load, ratios: list[float]) -> None:
    added_ms = [at(through.waits_ms, share) - at(direct.waits_ms, share) for share in (0.5, 0.99)]
    print(f"{'added':24} p50 {added_ms[0]:.3f} ms (target {TARGET_MS} ms), p99 {added_ms[1]:.3f} ms")
    each_ms = [1000 * load.cpu_s / load.sent for load in (through, ruled)]
    print(f"{'wire process':24} {each_ms[0]:.2f} ms of CPU a stream of {CHUNKS} chunks")
    low, ratio, high = (at(ratios, share) for share in (0.25, 0.5, 0.75))
    print(
        f"{f'{len(RULES)} rules to none':24} first token p50 {ratio:.2f} times (target {RULES_RATIO}), "
        f"half of {len(ratios)} pairs between {low:.2f} and {high:.2f}, CPU {each_ms[1] / each_ms[0]:.2f} times"
    )


if __name__ == "__main__":
    sys.exit(main())
