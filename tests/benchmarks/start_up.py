"""How long a person waits: for help, for a plan, from the command to the first request, and from the last request to the report.

::

    python tests/benchmarks/start_up.py

Most of what a plan takes is to load typer, pydantic and yaml: where those were installed without being compiled, half as long again.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from harness.record.run_folder import find, read_history

ROOT = Path(__file__).resolve().parents[2]
HARNESS = [sys.executable, "-c", "from harness.interfaces.cli import main; main()"]
QUICK = (
    "phases.warmup=1s",
    "phases.baseline=2s",
    "phases.fault=2s",
    "phases.recovery=1s",
    "expect=[good_ratio >= 0.1]",
)


def main() -> None:
    for words, wanted_s in (
        (("--help",), 0.35),
        (("plan", "scenarios/region-loss.yaml"), 0.35),
        (("validate", "scenarios/region-loss.yaml"), 0.35),
        (("list", "faults"), 0.35),
    ):
        seconds = [_timed(words) for _ in range(7)]
        print(
            f"harness {' '.join(words):<34} median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s  (wanted: {wanted_s} s)"
        )
    firsts, lasts = zip(*(_run() for _ in range(3)), strict=True)
    print(
        f"from command to first request      median {statistics.median(firsts):.2f} s, worst {max(firsts):.2f} s  (wanted: 5 s)"
    )
    print(
        f"from last request to report        median {statistics.median(lasts):.2f} s, worst {max(lasts):.2f} s  (wanted: 3 s)"
    )


def _timed(words: tuple[str, ...]) -> float:
    began_s = time.monotonic()
    subprocess.run([*HARNESS, *words], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began_s


def _run() -> tuple[float, float]:
    """Seconds to the first request and from the last answer to the end of the command, of one short real run."""
    settings = [word for setting in QUICK for word in ("--set", setting)]
    with tempfile.TemporaryDirectory() as out:
        began_s = time.monotonic()
        command = [*HARNESS, "run", "scenarios/region-loss.yaml", "--out", out, *settings]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        ended_s = time.monotonic()
        (path,) = Path(out).glob("*/*")
        begun, _ = read_history(find(path))
        requests = pd.read_parquet(path / "requests.parquet")
    return begun.clock_zero_s + requests["sent_s"].min() - began_s, ended_s - begun.clock_zero_s - requests[
        "end_s"
    ].max()


if __name__ == "__main__":
    main()
