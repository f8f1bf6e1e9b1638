"""The main job, end to end, on both reference targets, with everything real."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

# Far from what either target does, since failures of so short a fault come in few clumps and leave the interval wide.
EXPECTED = ("good_ratio >= 0.92 in fault", "retry_amplification <= 3 in fault")
TARGETS = ("fragile", "resilient")
FILES = {
    "report.html", "result.json", "junit.xml", "summary.md", "history.jsonl", "requests.parquet", "attempts.parquet", "scenario.yaml",
    "target.yaml", "logs",
}  # fmt: skip


@pytest.fixture(scope="module")
def both(harness_run: Callable[..., Any]) -> dict[str, Any]:
    """What became of the scenario on each target."""
    return {target: harness_run("region-loss", target, *EXPECTED) for target in TARGETS}


@pytest.fixture(scope="module")
def fragile(both: dict[str, Any]) -> Any:
    return both["fragile"]


@pytest.fixture(scope="module")
def resilient(both: dict[str, Any]) -> Any:
    return both["resilient"]


def test_the_fragile_target_fails_because_of_its_answers(fragile: Any) -> None:
    assert fragile.came_to("fail"), fragile.out + fragile.err
    assert fragile.result["findings"][0]["verdict"] == "fail"


def test_the_fragile_targets_retries_are_told_by_layer_and_the_resilient_ones_are_failovers(
    fragile: Any, resilient: Any
) -> None:
    layers = {
        target: {
            layer: measured["value"]
            for layer, measured in ended.result["metrics"]["retry_amplification"]["by"]["layer"].items()
        }
        for target, ended in (("fragile", fragile), ("resilient", resilient))
    }
    assert layers["fragile"]["sdk"] > 0
    assert layers["fragile"]["failover"] == 0
    assert layers["resilient"]["sdk"] == 0
    assert layers["resilient"]["failover"] > 0


def test_the_resilient_target_passes_the_same_scenario(resilient: Any) -> None:
    assert resilient.came_to("pass"), resilient.out + resilient.err


def test_a_run_leaves_every_file_that_was_promised(resilient: Any) -> None:
    assert {path.name for path in resilient.folder.iterdir()} >= FILES
    assert not (resilient.folder / "undo.jsonl").exists()


@pytest.mark.parametrize("target", ["fragile", "resilient"])
def test_every_attempt_is_joined_to_a_request_and_every_arrival_was_accepted(
    target: str, request: pytest.FixtureRequest
) -> None:
    quality = request.getfixturevalue(target).result["quality"]
    assert quality["join_ratio"] == 1.0
    assert quality["forwarded"] == quality["accepted"]
    assert quality["missing"] == quality["doubled"] == quality["dropped"] == 0


@pytest.mark.parametrize("target", ["fragile", "resilient"])
def test_the_fault_is_confirmed_and_ate_attempts_that_never_arrived(
    target: str, request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(target).result
    (fault,) = result["faults"]
    assert fault["confirmed"]
    assert fault["asked_at_s"] <= fault["injected_at_s"] <= fault["confirmed_at_s"] <= fault["reverted_at_s"]
    assert fault["attempts_affected"] > 0
    assert result["quality"]["attempts"] > result["quality"]["arrivals"]


def test_a_stored_run_judged_again_gives_the_same_bytes(fragile: Any) -> None:
    from harness.api import judge

    before = {
        name: (fragile.folder / name).read_bytes() for name in ("result.json", "report.html", "junit.xml", "summary.md")
    }
    judge(fragile.folder)
    assert {name: (fragile.folder / name).read_bytes() for name in before} == before


def test_both_tables_carry_the_nonce_and_times_on_the_runs_clock(fragile: Any) -> None:
    requests, attempts = (pd.read_parquet(fragile.folder / f"{name}.parquet") for name in ("requests", "attempts"))
    # Before the load, each entry was asked one question, which is none of its requests.
    attempts = attempts[attempts["request"] >= 0]
    assert len(attempts) > 0
    assert set(attempts["nonce"]) <= set(requests["nonce"])
    assert requests["due_s"].between(0, 11.1).all()
    assert attempts["start_s"].min() > 0


def test_no_secret_and_no_authorization_header_reaches_a_file_of_the_run(fragile: Any) -> None:
    for path in fragile.folder.rglob("*"):
        if path.is_file():
            assert b"Bearer " not in path.read_bytes(), path


def as_json(small: Any) -> Any:
    return small.run("--json", "--without-faults")


@pytest.mark.parametrize("ended", [as_json], indirect=True)
def test_the_result_document_stands_alone_on_standard_output_with_json(ended: Any) -> None:
    assert ended.out, ended.err
    document = json.loads(ended.out)
    assert document["schema"] == "harness.result/1"
    assert document["exit_status"] == ended.status
    assert document["faults"] == []
    assert ended.came_to("pass"), document["reason"]
    assert isinstance(ended.folder, Path)
