"""Runs that nobody makes, for what carries out several."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import harness
from harness.judging.result import Outcome
from harness.prepare import Prepared
from harness.stored import Run

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "reports" / "sample"


class Pretence:
    """Runs that nobody makes: each is stored as the sample run is, under what it would have been made from, and *comes to* a verdict.

    *measures*: what each expectation of the sample was found to be, told for the run of that number and what it is made from.
    """

    def __init__(
        self,
        out: Path,
        comes_to: Callable[[str, str], Outcome] = lambda _scenario, _target: "pass",
        measures: Callable[[int, Prepared], Mapping[str, float]] = lambda _number, _prepared: {},
    ) -> None:
        self.out, self._comes_to, self._measures = out, comes_to, measures
        self.made: list[tuple[str, str]] = []
        self.seeds: list[int] = []
        self.stopped = False

    def __call__(self, prepared: Prepared, into: Path | None = None) -> Run:
        self.seeds.append(prepared.plan.seed)
        scenario, target = prepared.plan.scenario.name, prepared.plan.target.name
        self.made.append((scenario, target))
        path = (into or self.out) / scenario / f"20261126-1200{len(self.made):02d}-{target}"
        copytree(SAMPLE, path)
        first, *events = (path / "history.jsonl").read_text().splitlines()
        begun = json.loads(first) | {
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
        result = json.loads((path / "result.json").read_text())
        result["verdict"], result["seed"] = self._comes_to(scenario, target), prepared.plan.seed
        measured = self._measures(len(self.made), prepared)
        result["findings"] = [_found(finding, measured) for finding in result["findings"]]
        result["scenario"]["name"], result["target"]["name"] = scenario, target
        (path / "result.json").write_text(json.dumps(result))
        return replace(harness.load(path), stopped=self.stopped)


def _found(finding: dict[str, Any], measured: Mapping[str, float]) -> dict[str, Any]:
    """*finding*, had its value been another, known to a hundredth of it."""
    if (value := measured.get(finding["expectation"])) is None:
        return finding
    held = value <= finding["limit"] if "<=" in finding["expectation"] else value >= finding["limit"]
    ends = {"low": 0.99 * value, "high": 1.01 * value}
    return finding | ends | {"value": value, "censored": False, "verdict": "pass" if held else "fail"}
