"""A package of somebody else's adds a fault kind and a metric by its metadata alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FAULTS = '''
from typing import Literal
from harness.faults.effects import Toxic
from harness.faults.base import Aimed, every_probe, faults

class Bandwidth(Aimed):
    """Everything sent over a link comes at most at a rate."""
    kind: Literal["bandwidth"] = "bandwidth"
    kilobytes_per_s: int
    def effects(self, links):
        return tuple(Toxic(link, "bandwidth", "upstream", {"rate": self.kilobytes_per_s}) for link in links)
    def took_hold(self, looked):
        return every_probe(looked, {"answered", "silent"})
    def summary(self):
        return f"bandwidth {self.kilobytes_per_s} kB/s on {self.on}"

faults.add("bandwidth", Bandwidth)
'''
METRICS = '''
from harness.judging.metrics.base import Metric, metrics
from harness.judging.scoring.shares import exact

class Answers(Metric):
    """How many requests were answered completely; exact."""
    name = "answers"
    unit = "answers"
    def measure(self, sample, part=None):
        rows = sample.requests
        return exact(int((rows["outcome"] == "complete").sum()), len(rows))

metrics.add("answers", Answers())
'''
SCENARIO = """\
schema: harness.scenario/1
name: slow-line
load: {questions: facts.yaml}
phases: {baseline: 5s, fault: 5s, recovery: 5s}
faults: [{kind: bandwidth, on: {kind: provider}, kilobytes_per_s: 2}]
expect: [answers >= 100 in fault]
"""


def _harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _installed(folder: Path) -> None:
    (folder / "line_faults.py").write_text(FAULTS)
    (folder / "line_metrics.py").write_text(METRICS)
    metadata = folder / "line-0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: line\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text("[harness]\nfaults = line_faults\nmetrics = line_metrics\n")


def test_a_third_partys_fault_and_metric_can_be_listed_and_planned(tmp_path: Path) -> None:
    _installed(tmp_path)
    (tmp_path / "slow-line.yaml").write_text(SCENARIO)
    (tmp_path / "facts.yaml").symlink_to(ROOT / "scenarios" / "questions" / "facts.yaml")
    assert "Everything sent over a link comes at most at a rate." in _harness(tmp_path, "list", "faults").stdout
    assert "answers" in _harness(tmp_path, "list", "metrics").stdout
    planned = _harness(
        tmp_path, "plan", "slow-line.yaml", "--target", str(ROOT / "scenarios" / "targets" / "resilient.yaml")
    )
    assert "inject bandwidth 2 kB/s on kind provider" in planned.stdout, planned.stderr


def test_without_that_package_its_names_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "slow-line.yaml").write_text(SCENARIO)
    (tmp_path / "facts.yaml").symlink_to(ROOT / "scenarios" / "questions" / "facts.yaml")
    ended = _harness(tmp_path, "validate", "slow-line.yaml")
    assert ended.returncode == 2
    assert "unknown fault kind 'bandwidth'" in ended.stderr
