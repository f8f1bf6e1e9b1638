"""Suites that people wrote, and what several runs came to, are read as they were when there first were some."""

from __future__ import annotations

from pathlib import Path

from harness.reading.suite import Suite
from harness.reading.yaml import load
from harness.suites import compare, gate, shrink

HERE = Path(__file__).parent / "several"


def test_the_first_suite_is_read_as_it_was_meant() -> None:
    suite = load(HERE / "suite.yaml", Suite).value
    assert (suite.scenarios, suite.targets, suite.trials) == (["region-loss.yaml", "failover"], ["one.yaml"], 5)
    assert suite.settings == {"usual": {}, "busy": {"load.rate_per_s": 40}}
    assert (suite.policy.error_rate, suite.policy.fail_on, suite.policy.reruns, suite.policy.early) == (
        0.1,
        ["fail"],
        2,
        False,
    )
    assert (suite.budget.time, suite.budget.money) == (1200, 5)


def test_the_first_gate_is_read_as_it_was_stored() -> None:
    stored = gate.read(HERE / "gate")
    assert (stored.verdict, stored.exit_status) == ("pass", 0)
    assert [(cell.situation, cell.counted) for cell in stored.cells] == [("region-loss", 3)]


def test_the_first_comparison_is_read_as_it_was_stored() -> None:
    stored = compare.read(HERE / "comparison")
    assert (stored.verdict, len(stored.pairs)) == ("fail", 3)
    assert {one.metric: one.state for one in stored.metrics}["retry_amplification in fault"] == "worse"


def test_the_first_search_for_the_smallest_is_read_as_it_was_stored() -> None:
    stored = shrink.read(HERE)
    assert (stored.verdict, len(stored.steps), stored.steps[0].came_to) == ("interrupted", 6, "fails")
    assert stored.found is not None
    assert stored.found.faults == ("regional_loss-2",)
