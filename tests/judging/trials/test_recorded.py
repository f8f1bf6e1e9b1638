"""Real runs on record, as trials of one another, come to what each of them came to: they differ less than is reckoned with."""

from __future__ import annotations

import json
from collections import defaultdict
from math import isfinite
from pathlib import Path
from statistics import fmean, median, variance
from typing import NamedTuple

import pytest

from harness.judging.comparison import Z95
from harness.judging.metrics import metrics
from harness.judging.result import Finding
from harness.judging.scoring.distributions import gamma_quantile
from harness.judging.trials.gate import over_trials
from harness.judging.trials.policy import Policy
from harness.judging.trials.scale import Scale
from harness.judging.trials.trial import Trial, Value, of_finding
from harness.reading.expectation import parse

EXCURSIONS = {
    ("jobs/lost-jobs", "fragile", "queue_time_ms.p50 <= 2500 in fault"): "a backlog grows for a whole phase",
    (
        "pool/openai-2023-03-20",
        "fragile",
        "leaks <= 0",
    ): "a connection stays one answer behind until somebody closes it",
    (
        "health/hiccup-and-outage",
        "resilient",
        "unhealthy_while_serving_s <= 7",
    ): "it looks once a second whether it is well",
}
"""What is one excursion, or a few: nothing in a run says how long it is in the next one. By scenario, target and expectation, why."""
FEWEST = 3
"""Of fewer, nothing is told by trials."""
RECORDED = Path(__file__).parents[3] / "docs" / "verdicts.jsonl"


def recorded() -> dict[tuple[str, str], list[Trial]]:
    """Trials by scenario and target, where there are enough."""
    found = defaultdict(list)
    for line in RECORDED.read_text().splitlines():
        run = json.loads(line)
        if run["verdict"] == "invalid":
            continue
        findings = [Finding.model_validate(one) for one in run["findings"]]
        values = {one.expectation: of_finding(one, metrics[parse(one.expectation).metric].unit) for one in findings}
        found[run["scenario"], run["target"]].append(Trial(str(run["seed"]), run["seed"], run["verdict"], values))
    return {cell: trials for cell, trials in found.items() if len(trials) >= FEWEST}


@pytest.mark.parametrize("cell", sorted(recorded()), ids=" on ".join)
def test_three_real_runs_come_to_what_each_of_them_came_to(cell: tuple[str, str]) -> None:
    trials = recorded()[cell][:3]
    expectations = [parse(text) for text in trials[0].values]
    assert {over_trials(expectations, trials, Policy(most=3)).verdict} == {one.verdict for one in trials}


def test_real_runs_of_one_thing_differ_by_no_more_than_is_reckoned_with() -> None:
    """By a variance of 1 and what each run states of itself: which half of the answers are cut is drawn anew for each seed."""
    found = {cell: _spreads(trials) for cell, trials in recorded().items()}
    assert sum(map(len, found.values())) > 40
    assert {(*cell, text) for cell, spreads in found.items() for text, one in spreads.items() if one.wide} == set(
        EXCURSIONS
    )
    beyond = [one.seen - one.stated for spreads in found.values() for one in spreads.values()]
    assert median(beyond) < 0.5**2


def test_runs_of_two_things_are_seen_to_differ_by_more() -> None:
    trials = recorded()
    mixed = [*trials["region-loss", "fragile"][:2], *trials["region-loss", "resilient"][:2]]
    assert all(one.wide for one in _spreads(mixed).values())


class _Spread(NamedTuple):
    """The variance of *n* runs that was *seen* on the scale of their number, and that each of them *stated* of itself."""

    seen: float
    stated: float
    n: int

    @property
    def wide(self) -> bool:
        """Whether chance would make so much of what is reckoned with once in a thousand times."""
        return self.seen * (self.n - 1) > (1 + self.stated) * 2 * gamma_quantile(0.999, (self.n - 1) / 2)


def _spreads(trials: list[Trial]) -> dict[str, _Spread]:
    """By expectation."""
    found = {}
    for text in trials[0].values:
        values = [one.values[text] for one in trials if one.values[text].value is not None]
        scale = Scale(values[0].unit, parse(text).limit)
        seen = variance(scale.at(value.value or 0.0) for value in values)
        found[text] = _Spread(seen, fmean(_stated(value, scale) for value in values), len(values))
    return found


def _stated(value: Value, scale: Scale) -> float:
    """The variance that one run states of itself, on the side where that is less."""
    ends = [end for end in (value.low, value.high) if end is not None and isfinite(end)]
    return min((abs(scale.at(end) - scale.at(value.value or 0.0)) / Z95 for end in ends), default=0.0) ** 2
