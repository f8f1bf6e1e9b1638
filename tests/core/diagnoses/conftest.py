"""Whole runs in the simulated world, by which diagnoses are tried: each made once, and short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from simulated_world import Service, simulate

from harness.judging.diagnoses import diagnosed
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.result import Diagnosis, Prediction
from harness.judging.sample import pick
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.reading.expectation import Selection
from harness.record.rows import Attempt, Request
from harness.running import loop

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SHORT = (
    "phases.warmup=1s",
    "phases.baseline=5s",
    "phases.fault=10s",
    "phases.recovery=8s",
    "expect=[good_ratio >= 0.1 in fault]",
)
Lived = Callable[..., Evidence]


@cache
def _lived(scenario: str, service: type[Service], target: str, overrides: Sequence[str], seed: int) -> Evidence:
    asked = Asked(overrides=(*SHORT, *overrides))
    plan = prepare(SCENARIOS / f"{scenario}.yaml", SCENARIOS / "targets" / f"{target}.yaml", asked, None).plan
    return simulate(replace(plan, seed=seed), service, seed, loop.run)


@pytest.fixture(scope="session")
def lived() -> Lived:
    """A shipped *scenario*, shortened and with settings over it, on a *service* in the simulated world."""

    def made(
        scenario: str, service: type[Service], *overrides: str, target: str = "fragile", seed: int = 1
    ) -> Evidence:
        return _lived(scenario, service, target, overrides, seed)

    return made


@pytest.fixture
def told(
    make_plan: Callable[..., Plan],
    make_evidence: Callable[..., Evidence],
    rows: Callable[..., list[Request]],
    attempt: Callable[..., Attempt],
) -> Callable[..., Evidence]:
    """A run in which each request of the fault (from 5 s to 13 s, ten a second) becomes the tries that *tries* says, and all others one.

    *tries* gets a request and gives the fields of each of its attempts. *bad*: those of the fault are not
    answered, or of them those with such an index, and are told so *after_s*.
    """

    def made(
        tries: Callable[[Request], list[dict[str, Any]]],
        *,
        bad: bool | Callable[[int], bool] = False,
        after_s: float = 3.0,
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(phases=(1, 4, 8, 4), **keys)

        def change(index: int, due_s: float) -> dict[str, Any]:
            wrong = 5 <= due_s < 13 and (bad if isinstance(bad, bool) else bad(index))
            return {"outcome": "error", "status": 503, "end_s": due_s + after_s} if wrong else {}

        asked = rows(plan, change)
        tried = [one for row in asked for one in (tries(row) if 5 <= row.due_s < 13 else [{}])]
        of_row = [row for row in asked for _ in (tries(row) if 5 <= row.due_s < 13 else [{}])]
        attempts = [attempt(row, **fields) for row, fields in zip(of_row, tried, strict=True)]
        return make_evidence(plan, requests=asked, attempts=attempts)

    return made


@pytest.fixture(scope="session")
def diagnosis() -> Callable[[Evidence, str], Diagnosis]:
    """The one of that id, which has to be there."""

    def found(run: Evidence, name: str) -> Diagnosis:
        (one,) = [one for one in diagnosed(run) if one.id == name]
        return one

    return found


@pytest.fixture(scope="session")
def comes_true() -> Callable[[Prediction, Evidence], bool]:
    """Whether what was predicted lies where a later run has it."""

    def inside(prediction: Prediction, later: Evidence) -> bool:
        name, _, part = prediction.metric.partition(".")
        found = metrics[name].measure(pick(later, Selection(phase=prediction.phase)), part or None)
        return found.value is not None and prediction.low <= found.value <= prediction.high

    return inside
