"""The error rate of a gate is what it says; with the correction for many expectations, or for many looks, taken out it is not."""

from __future__ import annotations

import pytest
from known_truth.gates import comparisons, gates

import harness.judging.trials.gate as of_gates
from harness.judging.trials.family import Adjusted
from harness.judging.trials.policy import Policy

AT_ITS_LIMITS = (1.0,) * 8
THREE = Policy(most=3)
GATES = 120
TOO_MANY = 14
"""Of 120 gates of which each is red with a chance of 5 %, so many are in one of a thousand such tests; of 30 %, fewer in none."""


def red_of(policy: Policy) -> int:
    return round(GATES * gates(AT_ITS_LIMITS, 0.05, policy, GATES).red)


def test_a_gate_of_what_is_at_its_limits_is_seldom_red() -> None:
    assert red_of(THREE) < TOO_MANY


def test_a_gate_without_the_correction_for_many_expectations_is_red_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_gates, "adjusted", lambda tests, _: [Adjusted(one.chance, 1.0) for one in tests])
    # By what it lends from how runs are known to differ a gate is careful where they differ less; here they differ more.
    assert round(GATES * gates(AT_ITS_LIMITS, 0.2, THREE, GATES).red) > TOO_MANY


def test_a_gate_that_spends_all_of_its_rate_at_each_look_is_red_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    often = Policy(most=8, no_use=0)
    assert round(GATES * gates((1.0,), 0.2, often, GATES).red) < TOO_MANY
    monkeypatch.setattr(Policy, "level", lambda policy, n, _: policy.error_rate if n > 1 else 0.0)
    assert round(GATES * gates((1.0,), 0.2, often, GATES).red) > TOO_MANY


def test_two_of_the_same_are_seldom_told_apart_and_two_others_are() -> None:
    policy = Policy(most=5)
    same, worse = comparisons((1.0,) * 3, 0.05, policy, 30), comparisons((1.5, 1.0, 1.0), 0.05, policy, 30)
    assert same.red <= 0.1
    assert same.green >= 0.8
    assert worse.red >= 0.9


def test_a_regression_of_half_is_red() -> None:
    assert gates((1.5, 0.8, 0.8), 0.05, Policy(most=5), 30).red >= 0.9
