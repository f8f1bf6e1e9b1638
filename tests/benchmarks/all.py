"""Prints every figure that the project claims about its own speed and accuracy, one benchmark after the other.

::

    python tests/benchmarks/all.py

Machines are noisy: compare ratios of one run, not seconds of two. It takes a few minutes; those that take longer, most of which go on
where they were stopped, or that install what others made, are no part of it (`APART`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
APART = (
    "all.py",
    "aborts.py",
    "asked_by_sdk.py",
    "beside_others.py",
    "fault_pages.py",
    "judging_scale.py",
    "metric_truth.py",
    "sdk_contracts.py",
    "stored_run.py",
    "suite_repeats.py",
    "verdict_table.py",
    "operating_characteristics.py",
)
SCRIPTS = sorted(path for path in HERE.glob("*.py") if path.name not in APART and "__main__" in path.read_text())


def main() -> None:
    for script in SCRIPTS:
        print(f"\n== {script.name}", flush=True)
        subprocess.run([sys.executable, str(script)], cwd=HERE.parents[1], check=True)


if __name__ == "__main__":
    main()
