"""Beside the published curve of an incident, what a run of it came to: ``docs/incident-curves.json``, of which its page is made.

::

    python tests/benchmarks/incident_curves.py && python tests/incident_list.py

Each incident of the library of which shares were published, phase by phase, is run on both reference targets, a minute each. At the
provider that is broken the share of attempts that failed is counted, and among the clients that of requests that got no good answer.
What is on record is not run again; ``--again`` runs all anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from harness import run

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from incident_list import CURVES, incidents  # noqa: E402 - the tests' own modules lie beside this folder

TARGETS = ROOT / "scenarios" / "targets"
Shares = dict[str, dict[str, float]]


def came_to(scenario: Path, target: str) -> Shares:
    """By phase: what failed of the attempts where the faults were, and of the requests. Raises ValueError for a run that is invalid."""
    made = run(scenario, target=TARGETS / f"{target}.yaml", out=ROOT / "reports" / "incident-curves")
    if made.verdict == "invalid":
        raise ValueError(f"{scenario.stem} on {target}: {made.result.reason}")
    links = {link for fault in made.result.faults for link in fault.links}
    attempts, requests = made.attempts, made.requests
    broken = attempts[attempts["link"].isin(links)]
    failed = (broken["outcome"] != "complete") | (broken["status"] >= 400)
    at_provider, users = failed.groupby(broken["phase"]).mean(), 1 - requests.groupby("phase")["good"].mean()
    return {
        phase: {"provider": round(float(at_provider.get(phase, 0.0)), 3), "users": round(float(users[phase]), 3)}
        for phase in users.index
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="run also what is on record")
    asked = parser.parse_args()
    known: dict[str, dict[str, Shares]] = {} if asked.again or not CURVES.exists() else json.loads(CURVES.read_text())
    wrong = 0
    for path, incident in incidents().items():
        for target in ("fragile", "resilient") if incident.curve else ():
            if target in known.get(path.stem, {}):
                continue
            try:
                known.setdefault(path.stem, {})[target] = came_to(path, target)
            except ValueError as error:
                wrong += 1
                print(f"not on record: {error}", file=sys.stderr)
                continue
            CURVES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
            print(path.stem, target, known[path.stem][target], flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
