"""What the resilient service makes of each fault, beside the fragile one, over many seeds of the simulated world.

    python tests/benchmarks/resilience.py [--seeds 3]
    python tests/benchmarks/resilience.py --real RUNS.jsonl

One line a fault: the least and the mean good ratio of the answers due while it lasted, and the attempts per request. A line that
begins with ``worse`` is one where the resilient service gives fewer good answers. ``--real`` runs both services for real under each fault
that the simulated world does not carry, 34 runs of about a minute; it can be stopped at any time and called again, and goes on with what
is not in the file. A run that is invalid is made again by the next call.
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

from harness import api
from harness.judging.result import ON_THE_SERVICE
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


EAST, STORES, ASSISTANT = {"on": PLACES[1]}, {"on": {"kind": "store"}}, {"on": {"process": "assistant-east"}}
REAL: list[dict[str, Any]] = [
    {"kind": "bandwidth", "kilobytes_per_s": 1} | EAST,
    {"kind": "slices", "max_bytes": 10} | EAST,
    {"kind": "cut", "after_bytes": 400} | EAST,
    {"kind": "slow_close", "delay": "1s"} | EAST,
    {"kind": "blackhole", "share": 0.5} | EAST,
    {"kind": "disconnect", "mode": "reset", "share": 0.5} | EAST,
    {"kind": "damaged_store", "how": "flush"} | STORES,
    {"kind": "store_error", "error": "loading"} | STORES,
    {"kind": "lost_messages"} | STORES,
    {"kind": "slow_stream", "first_token": "3s"} | EAST,
    {"kind": "stalled_stream", "after": 3} | EAST,
    {"kind": "cut_stream", "after": 3} | EAST,
    {"kind": "bad_stream", "flaw": "error"} | EAST,
    {"kind": "bad_answer", "flaw": "empty"} | EAST,
    {"kind": "kill"} | ASSISTANT,
    {"kind": "pause"} | ASSISTANT,
    {"kind": "resource_limit", "cpu": 0.2} | ASSISTANT,
]
"""What the simulated world does not carry, but for `unplug`: the services of the reference run in no container."""


def written(fault: dict[str, Any], folder: Path) -> Path:
    """A scenario with *fault* alone."""
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
    return path


def plans(fault: dict[str, Any], folder: Path) -> dict[str, Plan]:
    path = written(fault, folder)
    return {name: prepare(path, SCENARIOS / "targets" / f"{name}.yaml", Asked(), None).plan for name in SERVICES}


def measured(plan: Plan, service: str, seeds: range) -> tuple[float, float, float]:
    """Least and mean good ratio, and attempts per request, in the fault."""
    good, attempts = [], []
    for seed in seeds:
        rows = simulate(replace(plan, seed=seed), SERVICES[service], seed, loop.run).requests.query("phase == 'fault'")
        good.append(float(rows["good"].mean()))
        attempts.append(float(rows["attempts"].mean()))
    return min(good), mean(good), mean(attempts)


def run_for_real(fault: dict[str, Any], service: str, folder: Path) -> dict[str, Any]:
    """What one run comes to; a ratio that was not measured is null."""
    target = SCENARIOS / "targets" / f"{service}.yaml"
    result = api.run(written(fault, folder), target=target, seed=1, out=folder / "reports").result
    found = {"fault": fault, "service": service, "verdict": result.verdict, "reason": result.reason}
    for name in ("good_ratio", "retry_amplification"):
        metric = result.metrics.get(name)
        found[name] = metric.by.phase["fault"].value if metric and "fault" in metric.by.phase else None
    return found


def for_real(path: Path) -> None:
    """Make the runs of `REAL` that are not in *path* yet, and say what each fault came to."""
    known = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for fault in REAL:
        of = {one["service"]: one for one in known if one["fault"] == fault and one["verdict"] in ON_THE_SERVICE}
        for service in SERVICES.keys() - of:
            with TemporaryDirectory() as folder:
                of[service] = run_for_real(fault, service, Path(folder))
            with path.open("a") as file:
                file.write(f"{json.dumps(of[service])}\n")
            if of[service]["verdict"] == "interrupted":
                return
        both = [of[name]["good_ratio"] for name in ("fragile", "resilient")]
        measured = None not in both and {one["verdict"] for one in of.values()} <= set(ON_THE_SERVICE)
        mark = "open " if not measured else "worse" if both[1] < both[0] - 0.03 else "     "
        told = "   ".join(f"{name} {of[name]['verdict']} {of[name]['good_ratio']}" for name in SERVICES)
        print(f"{mark} {json.dumps(fault):<104} {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--real", type=Path, metavar="RUNS.jsonl")
    asked = parser.parse_args()
    if asked.real:
        for_real(asked.real)
        return
    seeds = range(1, asked.seeds + 1)
    with TemporaryDirectory() as folder:
        for fault in faults():
            of = {name: measured(plan, name, seeds) for name, plan in plans(fault, Path(folder)).items()}
            worse = of["resilient"][1] < of["fragile"][1]
            said = "   ".join(f"{name} {least:.3f} {mid:.3f} x{per:.2f}" for name, (least, mid, per) in of.items())
            print(f"{'worse' if worse else '     '} {json.dumps(fault):<104} {said}", flush=True)


if __name__ == "__main__":
    main()
