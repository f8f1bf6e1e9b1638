"""Runs of the harness on services that hide a fault, side by side, so that the folder takes as long as its slowest few."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from real_runs import Machine, too_busy

import harness

AT_ONCE = 2
TRIES = 3
QUESTIONS = {
    "schema": "harness.questions/1",
    "questions": [
        {"id": "refund", "text": "For how long can I ask for a refund?"},
        {"id": "delivery", "text": "How long does delivery take?"},
        {"id": "warranty", "text": "How long is the warranty?"},
        {"id": "invoice", "text": "When is an invoice due?"},
        {"id": "parcel", "text": "How long is a parcel kept for me?"},
    ],
}


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    machine: Machine,
) -> Iterator[Mapping[str, Future[Any]]]:
    """What becomes of each case that a collected test asks for; all are started at once."""

    def conduct(case: str, folder: Path) -> Any:
        with machine(1):
            return _conduct(processes, case, folder)

    wanted = [item.callspec.params["run"] for item in request.session.items if _is_ours(item)]
    with (
        ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as processes,
        ThreadPoolExecutor(AT_ONCE) as waiting,
    ):
        yield {case: waiting.submit(conduct, case, tmp_path_factory.mktemp("run")) for case in dict.fromkeys(wanted)}
        waiting.shutdown(cancel_futures=True)


@pytest.fixture
def run(request: pytest.FixtureRequest, runs: Mapping[str, Future[Any]]) -> Any:
    """The `harness.Run` of the test's own case: the JSON text of a list of a scenario and a target."""
    return runs[request.param].result()


def _is_ours(item: pytest.Item) -> bool:
    called = getattr(item, "callspec", None)
    return Path(__file__).parent in item.path.parents and called is not None and "run" in called.params


def _run(folder: Path) -> harness.Run:
    os.environ["HARNESS_STATE"] = str(folder / "state")
    return harness.run(folder / "scenario.yaml", target=folder / "target.yaml", out=folder / "runs")


def _conduct(processes: ProcessPoolExecutor, case: str, folder: Path) -> Any:
    """The run of a *case*. One whose load fell behind, since the machine had much else to do, says nothing and is made again."""
    scenario, target = json.loads(case)
    for name, document in (("questions", QUESTIONS), ("scenario", scenario), ("target", target)):
        (folder / f"{name}.yaml").write_text(json.dumps(document))  # JSON is YAML too
    for _ in range(TRIES):
        # A process each, since a run minds signals, which only a main thread can.
        run = processes.submit(_run, folder).result()
        if not too_busy(run.verdict, run.result.reason):
            break
    return run
