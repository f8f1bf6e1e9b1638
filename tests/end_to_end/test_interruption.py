"""Whatever ends a run, the faults and the processes go away."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.record import run_folder
from harness.record.history import Ended, Reverted
from harness.record.run_folder import RunFolder

pytestmark = pytest.mark.whole_run
_STARTED_WITHIN_S = 120.0
_GONE_WITHIN_S = 30.0


def _until(condition: Callable[[], object], limit_s: float, what: str) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {limit_s} s: {what}"
        time.sleep(0.05)


class _Running:
    """A run whose fault is in force, and every process below it."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self.process = process
        _until(lambda: list(out.glob("*/*/history.jsonl")), _STARTED_WITHIN_S, "the run begins")
        self.folder = RunFolder(next(out.glob("*/*")))
        _until(lambda: b'"injected"' in self.folder.history.read_bytes(), _STARTED_WITHIN_S, "the fault is in force")
        self.below = psutil.Process(process.pid).children(recursive=True)

    def nothing_left(self) -> bool:
        return not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in self.below)


@pytest.fixture
def running(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> _Running:
    # Nothing is scored, so what comes before the fault may be as short as can be.
    settings = ("expect=[good_ratio >= 0.1 in fault]", "phases.warmup=250ms", "phases.baseline=500ms")
    options = [word for setting in settings for word in ("--set", setting)]
    target = ("--target", "scenarios/targets/resilient.yaml", "--out", str(tmp_path))
    return _Running(start("scenarios/region-loss.yaml", *target, *options), tmp_path)


def test_a_killed_harness_leaves_no_process_and_no_port_behind(running: _Running) -> None:
    ports = {
        connection.laddr.port
        for child in running.below
        for connection in child.net_connections("inet")
        if connection.status == "LISTEN"
    }
    assert len(running.below) >= 9
    running.process.kill()
    _until(running.nothing_left, _GONE_WITHIN_S, "every process of the run is gone")
    listening = {
        connection.laddr.port for connection in psutil.net_connections("inet") if connection.status == "LISTEN"
    }
    assert not ports & listening


def interrupted(number: signal.Signals) -> Callable[[Any], Any]:
    """A run that gets a signal as soon as its fault is in force; that it leaves nothing behind is seen to by who conducts it."""

    def conduct(small: Any) -> Any:
        small.last("8s")
        process = small.begin()
        history = small.run_folder() / "history.jsonl"
        small.until(lambda: b'"injected"' in history.read_bytes(), "the fault is in force")
        process.send_signal(number)
        return small.end(process)

    return conduct


@pytest.mark.parametrize("ended", [*map(interrupted, (signal.SIGINT, signal.SIGTERM))], indirect=True, ids=["2", "15"])
def test_an_interrupted_run_puts_the_world_back_and_reports_what_there_is(ended: Any) -> None:
    assert ended.status == 130, ended.out + ended.err
    _, history = run_folder.read_history(RunFolder(ended.folder))
    assert [event.error for event in history if isinstance(event, Reverted)] == [""]
    assert isinstance(history[-1], Ended)
    assert history[-1].reason == "interrupted"
    assert "interrupted" in (ended.folder / "report.html").read_text()
