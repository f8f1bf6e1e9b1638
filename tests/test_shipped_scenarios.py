"""Every scenario that ships can be run on both services that it is meant for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.prepare import Asked, prepare
from tests.benchmarks.verdict_table import SCENARIOS, TARGETS, Cell

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_in_a_shipped_scenario_is_refused_on_either_of_its_targets(name: str) -> None:
    for target in TARGETS:
        cell = Cell(name, target, seed=1)
        assert prepare(ROOT / cell.scenario_file, ROOT / cell.target_file, Asked(), None).plan
