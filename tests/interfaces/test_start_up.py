"""Who only wants to see a plan does not wait for what runs, judges or draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree

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


OF_SEVERAL_RUNS = {
    "harness.judging.capacity.capacity",
    "harness.judging.gate",
    "harness.judging.shrunk",
    "harness.judging.versus",
    "harness.prepare",
    "harness.suites.series",
}


def test_who_judges_one_run_loads_nothing_of_several_nor_of_runs_to_come(tmp_path: Path) -> None:
    run = tmp_path / "run"
    copytree(ROOT / "tests" / "compatibility" / "0.1.0", run)
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND.format(words=["judge", str(run)])], capture_output=True, text=True, check=False
    )
    loaded = set(ended.stderr.rsplit("loaded ", 1)[1].split())
    assert "harness.report.page" in loaded, ended.stderr
    assert loaded & (OF_SEVERAL_RUNS | {"pandas", "scipy"}) == set()


def test_who_makes_one_run_loads_nothing_that_compares_searches_or_gathers_several() -> None:
    told = "import sys, harness.interfaces.running; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "harness.conduct" in loaded
    assert loaded & (OF_SEVERAL_RUNS - {"harness.prepare"} | {"pandas", "scipy"}) == set()
