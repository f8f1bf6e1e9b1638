"""Real runs on record, as trials of one another, come to what each of them came to: they differ less than is reckoned with."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import stdev

import pytest

from harness.judging.metrics import metrics
from harness.judging.result import Finding
from harness.judging.trials.gate import gate
from harness.judging.trials.policy import Policy
from harness.judging.trials.scale import Scale
from harness.judging.trials.trial import Trial, of_finding
from harness.reading.expectation import parse

RECORDED = Path(__file__).parents[3] / "docs" / "verdicts.jsonl"


def recorded() -> dict[tuple[str, str], list[Trial]]:
    """Trials by scenario and target."""
    found = defaultdict(list)
    for line in RECORDED.read_text().splitlines():
        run = json.loads(line)
        findings = [Finding.model_validate(one) for one in run["findings"]]
        values = {one.expectation: of_finding(one, metrics[parse(one.expectation).metric].unit) for one in findings}
        found[run["scenario"], run["target"]].append(Trial(str(run["seed"]), run["seed"], run["verdict"], values))
    return dict(found)


@pytest.mark.parametrize("cell", sorted(recorded()), ids=" on ".join)
def test_three_real_runs_come_to_what_each_of_them_came_to(cell: tuple[str, str]) -> None:
    trials = recorded()[cell][:3]
    expectations = [parse(text) for text in trials[0].values]
    assert {gate(expectations, trials, Policy(most=3)).verdict} == {one.verdict for one in trials}


def test_real_runs_of_one_thing_differ_less_than_is_reckoned_with() -> None:
    apart = []
    for trials in recorded().values():
        for text in trials[0].values:
            values = [one.values[text] for one in trials]
            scale = Scale(values[0].unit, parse(text).limit)
            apart.append(stdev(scale.at(value.value) for value in values if value.value is not None))
    assert len(apart) > 20
    assert max(apart) < 0.5
