"""Whole runs of the command line, with everything real: Toxiproxy, Redis, the SDK, Locust."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Short enough for a test, long enough for each expectation below to be settled.
SHORT = (
    "phases.warmup=1s",
    "phases.baseline=5s",
    "phases.fault=6s",
    "phases.recovery=6s",
    "load.deadline=4500ms",
    "good.within=3800ms",
)


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "result.json").read_text())


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from harness.cli import main; main()", *words]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="session")
def run_files(reports: Path) -> Callable[..., Ended]:
    """Runs a scenario file on a target file to its end."""

    def run(scenario: Path | str, target: Path | str, *options: str) -> Ended:
        before = set(reports.glob("*/*"))
        words = command("run", str(scenario), "--target", str(target), "--out", str(reports), *options)
        environment = {**os.environ, "COLUMNS": "100"}
        ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=90, env=environment, check=False)
        made = sorted(set(reports.glob("*/*")) - before)
        return Ended(ended.returncode, ended.stdout, ended.stderr, made[-1] if made else reports)

    return run


@pytest.fixture(scope="session")
def harness_run(run_files: Callable[..., Ended]) -> Callable[..., Ended]:
    """Runs a shipped scenario, shortened and with other expectations, on a shipped target."""

    def run(scenario: str, target: str, *expectations: str, options: tuple[str, ...] = ()) -> Ended:
        settings = [*SHORT, f"expect={json.dumps(list(expectations))}"]
        words = [word for setting in settings for word in ("--set", setting)]
        return run_files(f"scenarios/{scenario}.yaml", f"scenarios/targets/{target}.yaml", *words, *options)

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `harness run` with a shortened scenario and returns at once; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        settings = [word for setting in SHORT for word in ("--set", setting)]
        started.append(
            subprocess.Popen(
                command("run", *words[:1], *settings, *words[1:]),
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
