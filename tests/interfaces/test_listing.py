"""What `harness list` tells."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest
import yaml

from harness.faults import faults
from harness.interfaces.listing import listed_faults, listed_files, listed_metrics
from harness.judging.metrics import metrics

ROOT = Path(__file__).resolve().parents[2]


def test_every_fault_is_told_with_its_keys_in_one_plain_line():
    told = dict(listed_faults())
    assert list(told) == list(faults)
    assert told["latency"].endswith("Keys: on, base, jitter, distribution, direction, ramp, share, per, may_miss.")
    assert not any("*" in about or "\n" in about for about in told.values())


def test_every_metric_is_told():
    assert [name for name, _ in listed_metrics()] == list(metrics)
    assert all(about.endswith(".") for _, about in listed_metrics())


@pytest.mark.parametrize("kind", ["scenario", "target", "questions"])
def test_files_are_found_by_what_their_schema_line_says(tmp_path, kind):
    copytree(ROOT / "scenarios", tmp_path / "deep" / "down")
    (tmp_path / "other.yaml").write_text("about: nothing of ours\n")
    files = {str(path): yaml.safe_load(path.read_text()) for path in tmp_path.rglob("*.yaml")}
    there = {path for path, said in files.items() if said.get("schema", "").startswith(f"harness.{kind}/")}
    assert there
    assert {path for path, _ in listed_files(kind, tmp_path)} == there


def test_what_cannot_be_read_is_passed_over(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    (tmp_path / "mine.yaml").write_text('schema: "harness.scenario/1"\nabout: Mine.\n')
    assert listed_files("scenario", tmp_path) == [(str(tmp_path / "mine.yaml"), "Mine.")]


def test_copies_that_runs_have_stored_are_not_listed(tmp_path):
    copytree(ROOT / "reports" / "sample", tmp_path / "elsewhere")
    assert listed_files("scenario", tmp_path) == []
    (tmp_path / "elsewhere" / "history.jsonl").unlink()
    assert [about for _, about in listed_files("scenario", tmp_path)] == ["One of two regions falls silent for 15 s."]
