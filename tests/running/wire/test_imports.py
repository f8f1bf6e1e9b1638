"""The wire's process starts soon, because it does not load what files are read and rows are judged with."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
import harness.running.wire.process
print(*sorted(sys.modules))
"""
SLOW = {
    "pydantic",
    "numpy",
    "pandas",
    "pyarrow",
    "yaml",
    "jinja2",
    "locust",
    "gevent",
    "requests",
    "harness.faults.kinds",
    "harness.reading.scenario",
    "harness.reading.target",
    "harness.reading.yaml",
}


def test_the_process_loads_neither_readers_of_files_nor_what_judges() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "harness.faults.effects" in loaded
    assert not loaded & SLOW
