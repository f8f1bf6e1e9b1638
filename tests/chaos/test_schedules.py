"""What kills a scheduler begins one that keeps its schedule: where it does not, that is told and is no kill that it came through."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import schedules
from schedules import Trial, killed, main, tried, until


def test_the_scheduler_that_is_killed_keeps_its_schedule(tmp_path: Path) -> None:
    trial = Trial(tmp_path, time.time() + 600.0)
    process = trial.start()
    assert until(lambda: trial.kept() is not None or process.poll() is not None)
    process.kill()
    process.wait()
    assert trial.kept() is not None, trial.last_said()


def test_a_scheduler_that_ends_by_itself_is_told_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "SCHEDULER", "raise SystemExit('no such thing')")
    assert killed(tmp_path, 60.0, 0.0)["amiss"] == "the scheduler ended by itself: no such thing"


def test_a_machine_that_starts_too_slowly_is_given_longer_and_told_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = list[float]()

    def slow(_: Path, due_after_s: float, __: float) -> dict[str, object]:
        given.append(due_after_s)
        return {**schedules.NOTHING, "amiss": "it took too long to start", "again": True}

    monkeypatch.setattr(schedules, "killed", slow)
    assert "again" not in tried(0.0)
    assert given == [4.0, 8.0, 16.0, 32.0]
    assert main(tmp_path / "results.jsonl", 1) == 1
    assert "0 of 1 kills" in capsys.readouterr().out
