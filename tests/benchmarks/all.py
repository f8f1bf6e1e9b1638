"""Prints every figure that the project claims about its own speed and accuracy, one benchmark after the other.

::

    python tests/benchmarks/all.py

Machines are noisy: compare ratios of one run, not seconds of two. It takes a few minutes; `verdict_table.py`, `suite_repeats.py`,
`beside_others.py`, `judging_scale.py` and `operating_characteristics.py`, which take longer and go on where they were stopped, are no part
of it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
APART = (
    "all.py",
    "aborts.py",
    "beside_others.py",
    "judging_scale.py",
    "stored_run.py",
    "suite_repeats.py",
    "verdict_table.py",
    "operating_characteristics.py",
    "conftest.py",
)
SCRIPTS = sorted(path for path in HERE.glob("*.py") if path.name not in APART)


def main() -> None:
    for script in SCRIPTS:
        print(f"\n== {script.name}", flush=True)
        subprocess.run([sys.executable, str(script)], cwd=HERE.parents[1], check=True)


if __name__ == "__main__":
    main()
