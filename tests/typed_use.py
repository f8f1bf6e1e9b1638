"""The harness as a typed program uses it: mypy reads this and holds what each public name takes and gives; nothing here is run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import assert_type

import pandas as pd

import harness
from harness import Compared, Gated, Plan, Problem, Progress, Reply, Run, Validated


def shown(progress: Progress) -> None:
    assert_type(progress.phase, str)
    assert_type(progress.good_per_s, float | None)
    assert_type(progress.in_force, tuple[str, ...])


def used(scenario: Path, stop: threading.Event) -> None:
    run = harness.run(scenario, target="mine.yaml", overrides={"load.rate_per_s": 10}, progress=shown, stop=stop)
    assert_type(run, Run)
    assert_type(run.requests, pd.DataFrame)
    assert_type(run.stopped, bool)
    assert_type(harness.load(run.path), Run)
    assert_type(harness.compare("base.yaml", "head.yaml", scenario=scenario), Compared)
    assert_type(harness.gate(scenario, trials=3), Gated)
    assert_type(harness.judge("reports/a/b", baseline=run.path), Run)
    assert_type(harness.plan(scenario, expect="good_ratio >= 0.9 in fault"), Plan)
    found = harness.validate("mine.yaml")
    assert_type(found, Validated)
    assert_type(found.problems, tuple[Problem, ...])
    assert_type(harness.ask("mine.yaml", "Why?"), Reply)
    assert_type(harness.UsageProblems().problems, tuple[Problem, ...])


def misused(scenario: Path) -> None:
    """Every line is a mistake that a type checker has to find; mypy is told to say so where it finds none."""
    harness.run(scenario, stop=True)  # type: ignore[arg-type]  # a flag that nobody can set later
    harness.run(scenario, progress=lambda: None)  # type: ignore[misc, arg-type]  # it is given where the run stands
    harness.plan(scenario, seed="1")  # type: ignore[arg-type]  # a number
    harness.load(scenario).verdict == "passed"  # type: ignore[comparison-overlap]  # noqa: B015 - it is called pass
    harness.start  # type: ignore[attr-defined]  # noqa: B018 - there is no such thing
