"""How the shipped scenarios end in the simulated world, over many seeds: is each one ten of ten on both targets?

    python tests/benchmarks/simulated_seeds.py [--seeds 200] [--processes 2] [--scenario NAME]

One line a scenario and service with the share of verdicts, then one line an expectation with how often it passed, failed
and stayed open, and the bound that came nearest to another verdict: of the intervals of a resilient service the worst
end, of those of a fragile one the best.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import inf
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the simulated world

from simulated_world import Fragile, Resilient, carried, simulate

from harness.judging import verdict
from harness.judging.result import PRECEDENCE, Finding
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.running import loop

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SERVICES = {"fragile": Fragile, "resilient": Resilient}


@dataclass(frozen=True)
class Ended:
    """How one run ended."""

    seed: int
    verdict: str
    reason: str
    findings: tuple[Finding, ...]


@lru_cache
def planned(scenario: str, service: str) -> Plan:
    """The plan, of which only the seed is another one from run to run."""
    paths = SCENARIOS / f"{scenario}.yaml", SCENARIOS / "targets" / f"{service}.yaml"
    return prepare(*paths, Asked(), None).plan


def run(scenario: str, service: str, seed: int) -> Ended:
    plan = replace(planned(scenario, service), seed=seed)
    result = verdict.judge(simulate(plan, SERVICES[service], seed, loop.run))
    return Ended(seed, result.verdict, result.reason, tuple(result.findings))


def table(scenario: str, service: str, runs: list[Ended], took_s: float) -> Iterator[str]:
    """What is printed about one scenario and service."""
    verdicts = Counter(run.verdict for run in runs)
    shares = "  ".join(f"{name} {verdicts[name] / len(runs):.1%}" for name in reversed(PRECEDENCE) if verdicts[name])
    yield f"{scenario:<17} {service:<10} {shares}   ({len(runs)} seeds, {took_s:.0f} s)"
    for findings in zip(*(run.findings for run in runs), strict=True):
        yield f"    {findings[0].expectation:<34} {expected(findings, worst=service == 'resilient')}"
    usual = "pass" if service == "resilient" else "fail"
    for odd in [run for run in runs if run.verdict != usual][:3]:
        yield f"    seed {odd.seed}: {odd.verdict}: {odd.reason}"


def expected(findings: Iterable[Finding], *, worst: bool) -> str:
    """How often one expectation passed, failed and stayed open, and the bound nearest to another verdict."""
    findings = list(findings)
    verdicts = Counter(finding.verdict for finding in findings)
    wants_low = "<" in findings[0].expectation
    lows = [-inf if finding.low is None else finding.low for finding in findings]
    highs = [inf if finding.high is None else finding.high for finding in findings]
    bound = max(highs) if wants_low == worst else min(lows)
    values = sorted(inf if finding.value is None else finding.value for finding in findings)
    counts = "  ".join(f"{name} {verdicts[name]:>4}" for name in ("pass", "fail", "inconclusive"))
    return f"{counts}   values {values[0]:.4g} to {values[-1]:.4g}   nearest bound {bound:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--scenario", action="append")
    options = parser.parse_args()
    shipped = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
    names = options.scenario or [name for name in shipped if carried(planned(name, "resilient"))]
    with ProcessPoolExecutor(options.processes) as pool:
        for scenario in names:
            for service in SERVICES:
                began_s = perf_counter()
                seeds = range(1, options.seeds + 1)
                runs = list(pool.map(partial(run, scenario, service), seeds, chunksize=5))
                for line in table(scenario, service, runs, perf_counter() - began_s):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
