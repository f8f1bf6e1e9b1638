"""Runs that nobody makes, for what carries out several."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

from harness.judging.result import Outcome, Result
from harness.prepare import Prepared
from harness.running.machine_class import machine_class
from harness.stored import Run

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "reports" / "sample"
HISTORY, RESULT = ((SAMPLE / name).read_text() for name in ("history.jsonl", "result.json"))
RATIO = "good_ratio >= 0.9 in fault"
HELD = {
    RATIO: 0.98,
    "retry_amplification <= 1.5 in fault": 1.2,
    "failover_time_s <= 5": 2.0,
    "recovery_time_s <= 5": 1.0,
}
"""A value of each expectation of the sample at which it holds."""


class Pretence:
    """Runs that nobody makes: each is stored as the sample run is, under what it would have been made from, and *comes to* a verdict.

    *measures*: what each expectation of the sample was found to be, told for the run of that number and what it is made from; the rows are
    not stored then.
    """

    def __init__(
        self,
        out: Path,
        comes_to: Callable[[str, str], Outcome] = lambda _scenario, _target: "pass",
        measures: Callable[[int, Prepared], Mapping[str, float]] | None = None,
    ) -> None:
        self.out, self._comes_to = out, comes_to
        self._measures, self.bare = measures or (lambda _number, _prepared: {}), measures is not None
        self.made: list[tuple[str, str]] = []
        self.seeds: list[int] = []
        self.stopped = False

    def __call__(self, prepared: Prepared, into: Path | None = None) -> Run:
        self.seeds.append(prepared.plan.seed)
        scenario, target = prepared.plan.scenario.name, prepared.plan.target.name
        self.made.append((scenario, target))
        path = (into or self.out) / scenario / f"20261126-1200{len(self.made):02d}-{target}"
        if self.bare:
            path.mkdir(parents=True)
            (path / "report.html").write_text("the report\n")
        else:
            copytree(SAMPLE, path)
        first, *events = HISTORY.splitlines()
        begun = json.loads(first) | {
            "scenario_path": prepared.scenario.file,
            "target_path": prepared.target.file,
            "machine": machine_class(),
            "seed": prepared.plan.seed,
            "scenario_sha256": prepared.scenario.sha256,
            "target_sha256": prepared.target.sha256,
            "questions_sha256": prepared.questions.sha256,
            "overrides": list(prepared.asked.overrides),
            "expectations": list(prepared.asked.expectations),
            "with_faults": prepared.asked.with_faults,
            "started_at": f"2026-11-26T12:00:{len(self.made):02d}+00:00",
        }
        (path / "history.jsonl").write_text("\n".join([json.dumps(begun), *events]) + "\n")
        result = json.loads(RESULT)
        result["verdict"], result["seed"] = self._comes_to(scenario, target), prepared.plan.seed
        measured = self._measures(len(self.made), prepared)
        result["findings"] = [found_as(finding, measured) for finding in result["findings"]]
        result["scenario"]["name"], result["target"]["name"] = scenario, target
        (path / "result.json").write_text(json.dumps(result))
        return Run(path, Result.model_validate(result), self.stopped)


def found_as(finding: dict[str, Any], measured: Mapping[str, float]) -> dict[str, Any]:
    """*finding*, had its value been another, known to a hundredth of it."""
    if (value := measured.get(finding["expectation"])) is None:
        return finding
    held = value <= finding["limit"] if "<=" in finding["expectation"] else value >= finding["limit"]
    ends = {"low": 0.99 * value, "high": 1.01 * value}
    return finding | ends | {"value": value, "censored": False, "verdict": "pass" if held else "fail"}
