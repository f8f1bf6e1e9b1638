"""What the resilient service makes of each fault, beside the fragile one, over many seeds of the simulated world.

    python tests/benchmarks/resilience.py [--seeds 3]

One line a fault: the least and the mean good ratio of the answers due while it lasted, and the attempts per request. A line that
begins with ``worse`` is one where the resilient service gives fewer good answers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the simulated world

from simulated_world import Fragile, Resilient, simulate

from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.running import loop

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SERVICES = {"fragile": Fragile, "resilient": Resilient}
PLACES = ({"kind": "provider"}, {"kind": "provider", "region": "east"})


def faults() -> Iterator[dict[str, Any]]:
    for on in PLACES:
        for status in (429, 503):
            for share in (0.05, 0.15, 0.3, 0.45, 0.6, 1.0):
                yield {"kind": "http_error", "on": on, "status": status, "share": share}
        for per_min in (60, 120, 300, 450, 550):
            yield {"kind": "rate_limit", "on": on, "requests_per_min": per_min, "burst": 2}
        for base in ("300ms", "800ms", "1500ms", "2200ms"):
            yield {"kind": "latency", "on": on, "base": base}
    for mode in ("blackhole", "refuse", "reset"):
        yield {"kind": "regional_loss", "region": "east", "mode": mode}
    yield {"kind": "cache_divergence", "region": "west", "publish_after": "3s"}


def plans(fault: dict[str, Any], folder: Path) -> dict[str, Plan]:
    scenario = {
        "schema": "harness.scenario/1",
        "name": "one-fault",
        "load": {"rate_per_s": 20, "questions": str(SCENARIOS / "questions" / "facts.yaml")},
        "phases": {"warmup": "3s", "baseline": "12s", "fault": "15s", "recovery": "20s"},
        "faults": [fault],
        "good": {"within": "4s"},
        "expect": ["good_ratio >= 0.9 in fault"],
    }
    path = folder / "one-fault.yaml"
    path.write_text(json.dumps(scenario))
    return {name: prepare(path, SCENARIOS / "targets" / f"{name}.yaml", Asked(), None).plan for name in SERVICES}


def measured(plan: Plan, service: str, seeds: range) -> tuple[float, float, float]:
    """Least and mean good ratio, and attempts per request, in the fault."""
    good, attempts = [], []
    for seed in seeds:
        rows = simulate(replace(plan, seed=seed), SERVICES[service], seed, loop.run).requests.query("phase == 'fault'")
        good.append(float(rows["good"].mean()))
        attempts.append(float(rows["attempts"].mean()))
    return min(good), mean(good), mean(attempts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(1, parser.parse_args().seeds + 1)
    with TemporaryDirectory() as folder:
        for fault in faults():
            of = {name: measured(plan, name, seeds) for name, plan in plans(fault, Path(folder)).items()}
            worse = of["resilient"][1] < of["fragile"][1]
            said = "   ".join(f"{name} {least:.3f} {mid:.3f} x{per:.2f}" for name, (least, mid, per) in of.items())
            print(f"{'worse' if worse else '     '} {json.dumps(fault):<104} {said}", flush=True)


if __name__ == "__main__":
    main()
