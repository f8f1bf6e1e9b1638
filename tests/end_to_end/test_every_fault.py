"""Every fault kind in one run: each takes hold on the real wire, is seen to, and is gone at the end.

What each does in force and when it is taken back is held in `tests/contract/`, and of its place in `tests/running/`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.record import run_folder
from harness.record.history import Look
from harness.record.run_folder import RunFolder

pytestmark = pytest.mark.whole_run
ROOT = Path(__file__).resolve().parents[2]
SCENARIO = """\
schema: harness.scenario/1
name: every-fault
load: {rate_per_s: 20, questions: questions/facts.yaml, deadline: 4s}
phases: {warmup: 1s, baseline: 3s, fault: 9s, recovery: 1s}
faults:
  - {kind: latency, on: {link: provider-west}, base: 300ms, jitter: 50ms, at: fault, for: 2s}
  - {kind: rate_limit, on: {kind: provider, region: east}, requests_per_min: 60, at: fault, for: 2s}
  - {kind: cache_divergence, region: west, publish_after: 500ms, at: fault, for: 3s}
  - {kind: http_error, on: {link: provider-east}, status: 503, share: 0.5, at: fault + 2500ms, for: 1500ms}
  - {kind: regional_loss, region: east, mode: refuse, at: fault + 4500ms, for: 1500ms}
  - {kind: regional_loss, region: east, mode: reset, at: fault + 6500ms, for: 2s}
  - {kind: pause, on: {process: assistant-west}, at: fault + 4s, for: 400ms}
  - {kind: resource_limit, on: {process: publisher}, cpu: 0.5, memory: 1GB, at: fault + 7s, for: 400ms}
  - {kind: kill, on: {process: publisher}, at: fault + 8500ms, for: 400ms}
good: {within: 3500ms}
expect: [good_ratio >= 0.5 in fault]
"""


@pytest.fixture(scope="module")
def result(run_files: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("every-fault")
    (folder / "every-fault.yaml").write_text(SCENARIO)
    (folder / "questions").symlink_to(ROOT / "scenarios" / "questions")
    ended = run_files(folder / "every-fault.yaml", ROOT / "scenarios" / "targets" / "resilient.yaml")
    assert ended.came_to("pass"), ended.out + ended.err
    return ended


def test_every_fault_is_confirmed_and_reverted(result: Any) -> None:
    faults = result.result["faults"]
    assert [fault["kind"] for fault in faults if not fault["confirmed"]] == []
    assert all(fault["injected_at_s"] < fault["confirmed_at_s"] <= fault["reverted_at_s"] for fault in faults)


def test_every_fault_stood_until_its_end_and_was_looked_at_all_the_while(result: Any) -> None:
    assert [fault["lost"] for fault in result.result["faults"]] == [""] * 9
    history = run_folder.read_history(RunFolder(result.folder))[1]
    looks = [event for event in history if isinstance(event, Look)]
    for fault in result.result["faults"]:
        instants = [look.at_s for look in looks if look.fault == fault["id"]]
        assert fault["injected_at_s"] <= instants[0] <= instants[-1] <= fault["reverted_at_s"]
        said = [look.sight.stands for look in looks if look.fault == fault["id"]]
        # A process that was killed has ended a moment later.
        assert all(said[1:] if fault["kind"] == "kill" else said)


def test_the_share_that_was_hit_stands_beside_the_one_that_was_asked(result: Any) -> None:
    (fault,) = [fault for fault in result.result["faults"] if fault["kind"] == "http_error"]
    assert fault["share_asked"] == 0.5
    # Whether it is near is judged, and a run in which it is far off would not have passed.
    assert 0 < fault["share_delivered"]["value"] <= 1
    assert fault["share_delivered"]["n"] >= fault["attempts_affected"]


def test_faults_that_leave_a_trace_say_how_many_attempts_they_touched(result: Any) -> None:
    affected = {fault["id"]: fault["attempts_affected"] for fault in result.result["faults"]}
    assert affected["cache_divergence-3"] is None
    assert affected["regional_loss-5"] is None
    assert all(affected[name] > 0 for name in ("latency-1", "rate_limit-2", "http_error-4", "regional_loss-6"))


def test_what_the_edge_wrote_is_what_the_providers_accepted_whatever_was_broken(result: Any) -> None:
    quality = result.result["quality"]
    assert quality["forwarded"] == quality["accepted"]
    assert quality["join_ratio"] == 1.0


def test_a_limited_attempt_was_answered_429_and_never_reached_the_provider(result: Any) -> None:
    arrivals = pd.read_parquet(result.folder / "arrivals.parquet")
    limited = arrivals[arrivals["fault"] == "rate_limit-2"]
    assert set(limited["status"]) == {429}
    assert limited["forwarded_s"].isna().all()


def test_the_snapshot_was_published_while_replication_was_held(result: Any) -> None:
    requests = pd.read_parquet(result.folder / "requests.parquet")
    assert set(requests["snapshot_version"].dropna()) == {1, 2}


def test_the_amplification_is_unmeasured_where_a_refusal_left_no_trace(result: Any) -> None:
    metric = result.result["metrics"]["retry_amplification"]
    assert metric["by"]["phase"]["fault"]["value"] is None
    assert metric["by"]["phase"]["baseline"]["value"] == pytest.approx(1.0, abs=0.05)
