"""Every command of this folder starts as its docstring says: by its path, with nothing else told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMMANDS = sorted(path for path in HERE.glob("*.py") if f"python tests/benchmarks/{path.name}" in path.read_text())
# All in one process, since a process each would take a second each; what one put on the path the next one does not find there.
EACH = """
import runpy, sys
before, known = sys.path[:], set(sys.modules)
for path in sys.argv[2:]:
    runpy.run_path(path, run_name="looked at")
    sys.path[:] = before
    ours = ("simulated_world", "known_truth", "counted_truth", "real_runs")
    for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
        del sys.modules[name]
    print(path)
"""


def test_every_benchmark_can_be_started_by_its_path() -> None:
    words = [sys.executable, "-P", "-c", EACH, "--", *map(str, COMMANDS)]
    ended = subprocess.run(words, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert ended.stdout.split() == [str(path) for path in COMMANDS], ended.stderr
    assert len(COMMANDS) > 10
