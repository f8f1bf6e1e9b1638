"""A run that is made up for a measurement is one that can be judged, and in which what was planted is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import stored_run

from harness import stored


def test_a_made_up_run_shows_its_fault_and_its_slow_recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_run, "RATE_PER_S", 50)
    monkeypatch.setattr(stored_run, "PIECE", 700)
    run = stored.judge(stored_run.write_run(tmp_path / "run", 2_000))
    assert (run.verdict, run.result.quality.offered, run.result.quality.join_ratio) == ("fail", 2_000, 1.0)
    assert [finding.verdict for finding in run.result.findings[:2]] == ["fail", "fail"]
    recovery = run.result.metrics["recovery_time_s"].value
    assert recovery is not None
    assert recovery > 5
    starts = run.attempts["start_s"]
    assert starts.is_monotonic_increasing
    assert set(run.attempts["nonce"]) == set(run.requests["nonce"])


def test_a_made_up_run_may_lose_its_region_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_run, "RATE_PER_S", 400)
    monkeypatch.setattr(stored_run, "PIECE", 700)
    run = stored.judge(stored_run.write_run(tmp_path / "run", 4_000, 6))
    assert [fault.confirmed for fault in run.result.faults] == [True] * 6
    assert (run.verdict, len(run.result.metrics["recovery_time_s"].by.window)) == ("fail", 6)
