"""How long the look over a thousand stored runs takes, from the command to the page.

::

    python tests/benchmarks/trend.py
    python tests/benchmarks/trend.py FOLDER    # the made-up runs stay there to be looked at

The runs are copies of the sample with other numbers: ten scenarios on five targets, a run a day; on one of them recovery takes thrice as
long from one commit on.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "reports" / "sample" / "result.json"
HARNESS = [sys.executable, "-c", "from harness.interfaces.cli import main; main()"]
SCENARIOS, TARGETS, RUNS, WANTED_S = 10, 5, 20, 3.0
KINDS = ("regional_loss", "latency", "rate_limit", "http_error")


def make(out: Path) -> int:
    """Stored results below *out*; how many bytes they are."""
    sample, chance, size = json.loads(SAMPLE.read_text()), np.random.default_rng(5), 0
    for scenario in range(SCENARIOS):
        for target in range(TARGETS):
            for run in range(RUNS):
                made = varied(sample, scenario, target, run, chance)
                folder = out / made["scenario"]["name"] / made["run_id"]
                folder.mkdir(parents=True)
                text = json.dumps(made, indent=2)
                size += len(text)
                (folder / "result.json").write_text(text)
    return size


def varied(sample: dict, scenario: int, target: int, run: int, chance: np.random.Generator) -> dict:
    """The sample as another run: it passes but for a change that was planted, with a few invalid ones between."""
    planted = (scenario, target) == (0, 0) and run >= 14
    started = datetime.now(UTC) - timedelta(days=RUNS - run + (40 if scenario == 9 else 0), minutes=scenario)
    findings = []
    for finding in sample["findings"]:
        usual = {"good_ratio": 0.97, "retry_amplification": 1.2}.get(finding["metric"], 1.6)
        value = usual * float(np.exp(chance.normal(0, 0.01 if usual < 1 else 0.05)))
        value = min(value, 1.0) if finding["metric"] == "good_ratio" else value
        value *= 3.4 if planted and finding["metric"] == "recovery_time_s" else 1
        broken = value > finding["limit"] if "<" in finding["expectation"] else value < finding["limit"]
        band = {"low": value * 0.97, "high": value * 1.03, "censored": False, "remark": ""}
        findings.append({**finding, "value": value, **band, "verdict": "fail" if broken else "pass"})
    verdict = "fail" if any(finding["verdict"] == "fail" for finding in findings) else "pass"
    verdict = "invalid" if run % 9 == 4 else verdict
    fault = {**sample["faults"][0], "kind": KINDS[scenario % len(KINDS)], "confirmed": True}
    fault["links"] = [f"provider-{('east', 'west')[scenario % 2]}"]
    return {
        **sample,
        "scenario": {**sample["scenario"], "name": f"situation-{scenario}"},
        "target": {**sample["target"], "name": f"service-{target}"},
        "run_id": f"{started:%Y%m%d-%H%M%S}-service-{target}-{run}",
        "started_at": started.isoformat(timespec="seconds"),
        "verdict": verdict,
        "findings": findings,
        "faults": [fault],
        "links": {"provider-east": "provider", "provider-west": "provider", "store-east": "store"},
        "commit": f"{run:02d}" + "c0ffee" * 6 + "ab",
    }


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder)
        size = make(out)
        began_s = time.monotonic()
        done = subprocess.run([*HARNESS, "trend", str(out)], capture_output=True, text=True, check=True)
        took_s = time.monotonic() - began_s
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        page = (out / "index.html").stat().st_size
    changed = [line.strip() for line in done.stdout.splitlines() if "from " in line and "(worse)" in line]
    print(f"{SCENARIOS * TARGETS * RUNS} runs, {size / 1e6:.0f} MB of results, page {page / 1e3:.0f} kB")
    print(f"harness trend: {took_s:.2f} s, {cpu.ru_utime + cpu.ru_stime:.2f} s of CPU  (wanted: {WANTED_S:g} s)")
    print(f"changes told: {len(changed)} (wanted: 1): {changed[0] if changed else ''}")
    return 0 if took_s <= WANTED_S and len(changed) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
