"""How often two runs of the same thing are said to have changed, and two of different things are not.

    python tests/benchmarks/false_changes.py [--runs 12]

Runs of the simulated world, of each shipped scenario on both services; from run to run the providers are faster or slower as a whole, by
a log-normal factor of 5 %, as machines and real providers are. Each is held against each other one of its kind, by every number that a
comparison shows: a line says how many pairs show any change and how many of the numbers do, and how many pairs of the two services, which
are different things, show none. Then the same of the real runs in ``docs/verdicts.jsonl``, by what their findings say.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the simulated world

from simulated_world import Fragile, Resilient, carried, simulate

from harness.judging import verdict
from harness.judging.comparison import went
from harness.judging.result import Result
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.report.changes import changes
from harness.running import loop

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
SERVICES = {"fragile": Fragile, "resilient": Resilient}
BETWEEN_RUNS = 0.05


def varied(plan: Plan, seed: int) -> Plan:
    """*plan* with another seed, on a day on which all its simulated providers are a little faster or slower."""
    factor = random.Random(seed).lognormvariate(0.0, BETWEEN_RUNS)
    links = {}
    for name, link in plan.target.links.items():
        if isinstance(link.upstream, str):
            links[name] = link
            continue
        settings = link.upstream.simulated
        slower = settings.model_copy(
            update={"first_token": settings.first_token * factor, "token_gap": settings.token_gap * factor}
        )
        links[name] = link.model_copy(update={"upstream": link.upstream.model_copy(update={"simulated": slower})})
    return replace(plan, seed=seed, target=plan.target.model_copy(update={"links": links}))


def planned(scenario: str, service: str) -> Plan:
    paths = SCENARIOS / f"{scenario}.yaml", SCENARIOS / "targets" / f"{service}.yaml"
    return prepare(*paths, Asked(), None).plan


def runs(scenario: str, service: str, number: int) -> list[Result]:
    plan = planned(scenario, service)
    plans = [varied(plan, seed) for seed in range(1, number + 1)]
    return [verdict.judge(simulate(plan, SERVICES[service], plan.seed, loop.run)) for plan in plans]


def changed(one: Result, other: Result) -> tuple[int, int]:
    """How many numbers are said to have changed, of how many."""
    rows = [row for row in changes(one, other).rows if row.state != "unknown"]
    return sum(row.changed for row in rows), len(rows)


def told(what: str, pairs: Iterator[tuple[int, int]]) -> str:
    counted = list(pairs)
    numbers, of = sum(n for n, _ in counted), sum(m for _, m in counted)
    any_changed = sum(n > 0 for n, _ in counted)
    return (
        f"{what:<44} pairs with a change {any_changed} of {len(counted)} ({any_changed / len(counted):.1%}), "
        f"numbers {numbers} of {of} ({numbers / of:.2%})"
    )


def simulated(number: int) -> Iterator[str]:
    every: list[tuple[int, int]] = []
    shipped = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
    for scenario in (name for name in shipped if carried(planned(name, "resilient"))):
        made = {service: runs(scenario, service, number) for service in SERVICES}
        for service, results in made.items():
            pairs = [changed(one, other) for one, other in combinations(results, 2)]
            every += pairs
            yield told(f"{scenario} on {service}", iter(pairs))
        differing = [changed(one, other) for one, other in product(*made.values())]
        yield f"{scenario}, the two services: {sum(n == 0 for n, _ in differing)} of {len(differing)} pairs show no change"
    yield told("all pairs of the same thing", iter(every))


def real() -> str:
    """What the findings on record say, run by run, of each scenario and target."""
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in (ROOT / "docs" / "verdicts.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["verdict"] in ("pass", "fail", "inconclusive"):
            kinds[record["scenario"], record["target"]].append(record)
    units = {"good_ratio": "ratio", "answer_consistency": "ratio", "retry_amplification": "attempts per request"}
    units |= {"recovery_time_s": "s", "failover_time_s": "s", "monotonic_violations": "answers"}

    def pairs() -> Iterator[tuple[int, int]]:
        for records in kinds.values():
            for one, other in combinations(records, 2):
                both = zip(one["findings"], other["findings"], strict=True)
                said = [
                    went(SimpleNamespace(**now), SimpleNamespace(**then), units[now["metric"]]) for now, then in both
                ]
                yield sum(state in ("higher", "lower") for state in said), len(said)

    return told("real runs on record, by their findings", pairs())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=12)
    for line in (*simulated(parser.parse_args().runs), real()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
