"""Who only wants to see a plan does not wait for what runs, judges or draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "aiohttp",
    "geventhttpclient",
    "httptools",
    "jinja2",
    "locust",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "redis",
    "requests",
}
COMMAND = """
import sys
from harness.interfaces.cli import main
sys.argv = ["harness", *{words!r}]
try:
    main()
finally:
    print("loaded", *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["plan", "scenarios/region-loss.yaml"], ["--help"], ["--version"]])
def test_what_only_tells_loads_nothing_that_runs_judges_or_draws(words: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND.format(words=words)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stderr.rsplit("loaded ", 1)[1].split())
    assert "harness.interfaces.cli" in loaded
    assert loaded & HEAVY == set()
