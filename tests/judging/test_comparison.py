"""A number is called changed where runs of one target seldom differ so much, and only there."""

from __future__ import annotations

import random

import pytest

from harness.judging.comparison import BETWEEN_RUNS_LEAST, BETWEEN_RUNS_RATIO, between_runs, went
from harness.judging.metrics import metrics
from harness.judging.result import Measured

UNITS = (
    "s",
    "ms",
    "ratio",
    "attempts per request",
    "commands per request",
    "attempts per second",
    "commands per second",
    "connections per second",
    "lookups per second",
    "tokens per second",
    "cost per minute",
    "tokens per request",
    "cost",
    "times what the slo allows",
    "error budgets",
    "answers",
    "attempts",
    "connections",
    "jobs at once",
    "requests",
    "times",
)


def measured(value: float | None, low: float | None, high: float | None) -> Measured:
    return Measured(value=value, low=low, high=high, censored=False, n=10)


@pytest.mark.parametrize(
    ("now", "then", "unit", "said"),
    [
        ((560, 550, 570), (520, 510, 530), "ms", "alike"),  # the intervals lie apart; two runs do that
        ((840, 830, 850), (520, 510, 530), "ms", "higher"),
        ((520, 510, 530), (840, 830, 850), "ms", "lower"),
        ((840, 500, 1200), (520, 200, 900), "ms", "alike"),
        ((8.8, 8.6, 9.0), (8.2, 8.0, 8.4), "attempts per request", "alike"),
        ((4.4, 4.2, 4.6), (1.1, 1.0, 1.2), "attempts per request", "higher"),
        ((0.0, 0.0, 0.06), (0.4, 0.3, 0.5), "s", "alike"),
        ((0.0, 0.0, 0.06), (5.0, 4.9, 5.1), "s", "lower"),
        ((0.0, 0.0, 0.06), (20.0, 20.0, None), "s", "lower"),
        ((19.7, 19.7, None), (20.0, 20.0, None), "s", "alike"),
        ((5.0, 4.0, None), (9.0, 7.0, 11.0), "s", "alike"),
        ((1.0, 0.987, 1.0), (0.97, 0.94, 0.98), "ratio", "alike"),
        ((1.0, 0.987, 1.0), (0.53, 0.48, 0.58), "ratio", "higher"),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "answers", "alike"),
        ((0.0, 0.0, 0.0), (70.0, 70.0, 70.0), "answers", "lower"),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "times", "alike"),  # exact in each run, and another one in the next
        ((0.0, 0.0, 0.0), (12.0, 12.0, 12.0), "times", "lower"),
        ((0.06, 0.06, 0.06), (0.02, 0.02, 0.02), "commands per request", "alike"),
        ((3.0, 3.0, 3.0), (3.0, 3.0, 3.0), "of a plug-in", "alike"),
        ((3.0, 2.9, 3.1), (9.0, 8.9, 9.1), "of a plug-in", "lower"),
        ((None, None, None), (3.0, 3.0, 3.0), "s", "unknown"),
        ((3.0, 3.0, 3.0), (None, None, None), "s", "unknown"),
    ],
)
def test_a_number_changed_where_two_runs_of_one_thing_seldom_differ_so_much(now, then, unit, said) -> None:
    assert went(measured(*now), measured(*then), unit) == said


def test_what_only_one_run_has_is_not_said_to_have_changed() -> None:
    assert went(None, measured(1, 1, 1), "s") == went(measured(1, 1, 1), None, "s") == "unknown"


@pytest.mark.parametrize("unit", UNITS)
def test_of_runs_that_differ_as_runs_do_few_are_called_changed_and_of_others_most(unit: str) -> None:
    chance = random.Random(unit)
    true = {
        "s": 4.0,
        "ms": 800.0,
        "ratio": 0.8,
        "answers": 40.0,
        "jobs at once": 40.0,
        "requests": 40.0,
        "times": 40.0,
        "attempts": 40.0,
        "connections": 40.0,
        "tokens per request": 900.0,
        "tokens per second": 900.0,
        "times what the slo allows": 200.0,
    }.get(unit, 3.0)

    def run(true: float) -> Measured:
        """A run whose own interval says the half of how runs differ."""
        spread = between_runs(true, unit)
        value = chance.gauss(true, spread) + chance.gauss(0, spread / 2)
        return measured(value, value - 0.98 * spread, value + 0.98 * spread)

    falsely = sum(went(run(true), run(true), unit) != "alike" for _ in range(400))
    other = true / 2 if unit == "ratio" else true * 3
    rightly = sum(went(run(other), run(true), unit) != "alike" for _ in range(400))
    assert falsely <= 0.02 * 400
    assert rightly >= 0.9 * 400


def test_of_every_metric_it_is_known_how_much_a_small_number_of_it_varies() -> None:
    assert {metric.unit for _, metric in metrics.items()} == set(BETWEEN_RUNS_LEAST)


def test_what_is_near_its_end_varies_too() -> None:
    assert {unit: between_runs(0.0, unit) for unit in UNITS} == BETWEEN_RUNS_LEAST
    assert between_runs(1.0, "ratio") == BETWEEN_RUNS_LEAST["ratio"]
    assert between_runs(1000.0, "ms") == BETWEEN_RUNS_RATIO * 1000
