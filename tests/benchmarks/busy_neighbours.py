"""What busy neighbours do to the verdict: runs of two scenarios on both targets beside processes that keep the processors busy.

``python tests/benchmarks/busy_neighbours.py RESULTS.jsonl [--busy 2 4] [--runs 5]``. Each run is a line of the file when it has ended, so
the command goes on where it stopped. ``--busy 0`` is a machine with nothing else to do: end what else runs on it first. Prints a table, and
ends with 1 where it does not hold that *resilient* is never ``fail``, that *fragile* is never ``pass``, that each invalid run says what was
late, that beside two neighbours at most a third are invalid, and with none no run is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS, TARGETS = ("region-loss", "provider-latency"), ("default", "fragile")
NEVER = {"default": "fail", "fragile": "pass"}
# What a starved run is called by, and nothing else is.
CULPRIT = "other processes"
INVALID_SHARE_MAX = {0: 0.0, 2: 1 / 3}
# It ends with whoever started it, however that ended.
_SPINS = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True: pass
"""


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """So many processes that never rest, at the usual priority."""
    started = [subprocess.Popen([sys.executable, "-S", "-c", _SPINS], stdin=subprocess.PIPE) for _ in range(number)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.communicate()


def run(busy: int, scenario: str, target: str, seed: int, out: Path) -> dict[str, Any]:
    """One run, judged."""
    words = [
        "run",
        f"scenarios/{scenario}.yaml",
        "--target",
        f"scenarios/targets/{target}.yaml",
        "--seed",
        str(seed),
        "--json",
    ]
    command = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words, "--out", str(out)]
    with neighbours(busy):
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = json.loads(ended.stdout) if ended.stdout.startswith("{") else {}
    line = {"busy": busy, "scenario": scenario, "target": target, "seed": seed, "verdict": told.get("verdict", "none")}
    line |= {
        "reason": told.get("reason", ended.stderr[-500:]),
        "instrument": told.get("quality", {}).get("instrument", []),
    }
    return line | {"findings": {f["expectation"]: [f["value"], f["verdict"]] for f in told.get("findings", [])}}


def matrix(busy: Iterable[int], runs: int) -> Iterator[tuple[int, str, str, int]]:
    for seed in range(1, runs + 1):
        yield from ((number, scenario, target, seed) for number in busy for scenario in SCENARIOS for target in TARGETS)


def broken(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Each thing that does not hold."""
    for line in lines:
        name = f"{line['scenario']} on {line['target']} beside {line['busy']}, seed {line['seed']}"
        if line["verdict"] == NEVER[line["target"]]:
            yield f"{name}: {line['verdict']}"
        if line["verdict"] == "invalid" and CULPRIT not in line["reason"].lower():
            yield f"{name}: invalid, and the culprit is not named: {line['reason']}"
        if line["verdict"] in ("none", "crashed"):
            yield f"{name}: {line['verdict']}: {line['reason']}"
    for busy, most in INVALID_SHARE_MAX.items():
        verdicts = [line["verdict"] for line in lines if line["busy"] == busy]
        if verdicts and verdicts.count("invalid") > most * len(verdicts):
            yield f"beside {busy}: {verdicts.count('invalid')} of {len(verdicts)} invalid"


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    kinds = sorted({(line["busy"], line["scenario"], line["target"]) for line in lines})
    for busy, scenario, target in kinds:
        verdicts = [x["verdict"] for x in lines if (x["busy"], x["scenario"], x["target"]) == (busy, scenario, target)]
        counted = ", ".join(f"{verdicts.count(name)} {name}" for name in sorted(set(verdicts)))
        yield f"{busy} busy  {scenario:<17} {target:<9} {counted}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--busy", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=int, default=1_000_000, help="runs to make now; the rest the next time")
    asked = parser.parse_args()
    lines = [json.loads(line) for line in asked.results.read_text().splitlines()] if asked.results.exists() else []
    done = {(line["busy"], line["scenario"], line["target"], line["seed"]) for line in lines}
    with tempfile.TemporaryDirectory() as out, asked.results.open("a") as file:
        for one in [one for one in matrix(asked.busy, asked.runs) if one not in done][: asked.most]:
            lines.append(run(*one, Path(out)))
            file.write(json.dumps(lines[-1]) + "\n")
            file.flush()
            print(*one, lines[-1]["verdict"], flush=True)
    print("\n".join([*table(lines), *broken(lines)]))
    return 1 if any(broken(lines)) else 0


if __name__ == "__main__":
    sys.exit(main())
