"""The keeper's process starts at once, because it loads nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROBE = """
import sys
sys.path.append(sys.argv[1])
before = set(sys.modules)
import harness.running.keeper.__main__
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
SLOW = {"http", "email", "ssl", "dataclasses", "inspect", "asyncio", "logging", "shutil"}


def test_the_process_loads_the_standard_library_only_and_of_it_nothing_slow() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", PROBE, root], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded - sys.stdlib_module_names == {"harness"}
    assert not loaded & SLOW
