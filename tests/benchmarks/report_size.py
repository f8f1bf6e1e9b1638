"""How large the report's page is, and how long it takes to write, for a default run and for one of a hundred thousand requests.

::

    python tests/benchmarks/report_size.py

The runs are made up: a region is lost, and each request there becomes six attempts.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "report"))

from conftest import storm, told

from harness.report.page import page

WANTED = ((20.0, 300_000), (2_000.0, 1_000_000))


def main() -> int:
    missed = 0
    for rate, most in WANTED:
        made = told(replace(storm(), rate=rate))
        began_s = time.process_time()
        size = len(page(made.result, made.evidence).encode())
        took_s = time.process_time() - began_s
        missed += size > most
        what = f"{len(made.evidence.requests):>7,} requests, {len(made.evidence.attempts):>7,} attempts"
        print(f"{what}: {size / 1e3:.0f} kB in {took_s:.1f} s of CPU  (wanted: {most / 1e3:.0f} kB)")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
