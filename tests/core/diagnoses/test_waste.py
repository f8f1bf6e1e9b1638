"""Tries that cannot help anybody, against rows worked out by hand; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.judging.diagnoses.retried_in_vain import RetriedInVain
from harness.judging.diagnoses.short_timeout import ShortTimeout
from harness.judging.evidence import Evidence
from harness.judging.metrics.retry_amplification import RetryAmplification
from harness.judging.result import Prediction
from harness.judging.sample import pick
from harness.judging.scoring.shares import ENOUGH_EQUAL
from harness.reading.expectation import Selection
from harness.record.rows import Request

Told = Callable[..., Evidence]
SLOW = {"kind": "latency", "on": {"kind": "provider"}, "base": "1500ms"}


@pytest.mark.parametrize(("status", "every", "shown"), [(400, 1, 80), (401, 2, 80), (429, 1, 0), (500, 1, 0)])
def test_what_no_retry_can_mend_is_told_where_it_is_tried_again(
    told: Told, status: int, every: int, shown: int
) -> None:
    def of(row: Request) -> list[dict[str, Any]]:
        end_s = row.due_s + 0.1
        return [{"status": status, "end_s": end_s}, {"start_s": end_s + 0.1, "end_s": end_s + 0.2, "status": status}]

    found = RetriedInVain().find(told(of, bad=True))
    assert (found.requests if found else 0) == shown
    if found:
        assert found.title == f"What no retry can mend is tried again (status {status})"
        assert [(one.value, one.phase) for one in found.predictions] == [(0.0, "fault")]


@pytest.mark.parametrize(("status", "every"), [(400, 1), (401, 2)])
def test_what_is_predicted_of_no_retry_in_vain_comes_with_the_change_and_not_without(
    told: Told, comes_true: Callable[[Prediction, Evidence], bool], status: int, every: int
) -> None:
    def tried(again: Callable[[int], bool]) -> Evidence:
        def of(row: Request) -> list[dict[str, Any]]:
            first = {"status": status, "end_s": row.due_s + 0.1}
            second = {"status": status, "start_s": row.due_s + 0.2, "end_s": row.due_s + 0.3}
            return [first, second] if again(row.index) else [first]

        return told(of, bad=True)

    run = tried(lambda index: index % every == 0)
    found = RetriedInVain().find(run)
    assert found is not None
    (prediction,) = found.predictions
    assert comes_true(prediction, tried(lambda _: False))
    assert not comes_true(prediction, run)
    # A change that reached a part of the service alone is none of which it was said.
    assert not comes_true(prediction, tried(lambda index: index % (4 * every) == 0))


def test_a_limit_that_stays_is_told_by_its_code_and_with_what_a_loop_has_to_look_at(told: Told) -> None:
    def of(row: Request) -> list[dict[str, Any]]:
        spent = {"status": 429, "error": "insufficient_quota", "end_s": row.due_s + 0.1}
        return [spent, {**spent, "start_s": row.due_s + 0.2, "end_s": row.due_s + 0.3}]

    found = RetriedInVain().find(told(of, bad=True))
    assert found is not None
    assert found.title == "What no retry can mend is tried again (status 429 insufficient_quota)"
    assert "look at the error's code" in found.change


def test_an_error_that_stays_and_is_passed_on_is_in_order(told: Told) -> None:
    assert RetriedInVain().find(told(lambda row: [{"status": 400}], bad=True)) is None


@pytest.mark.parametrize(
    ("own_s", "faults", "outcome", "shown"),
    [
        (1.0, [SLOW], "client_left", True),
        (3.0, [SLOW], "client_left", False),  # longer than a slow answer takes
        (0.05, [SLOW], "client_left", False),  # shorter than any answer takes
        (1.0, [SLOW], "reset", False),  # it was not the service that let go
        (
            1.0,
            [{"kind": "regional_loss", "region": "east", "mode": "blackhole"}],
            "client_left",
            False,
        ),  # never answered
    ],
)
def test_a_time_out_between_a_usual_and_a_slow_answer_is_told(
    told: Told, own_s: float, faults: list[dict[str, Any]], outcome: str, shown: bool
) -> None:
    def of(row: Request) -> list[dict[str, Any]]:
        end_s = row.due_s + 0.01 + own_s
        return [{"end_s": end_s, "status": 0, "outcome": outcome}]

    found = ShortTimeout().find(told(of, bad=True, faults=faults))
    assert (found is not None) is shown


def test_few_requests_of_one_try_each_leave_room_for_more_tries_and_for_no_fewer(told: Told) -> None:
    run = told(lambda _: [{"status": 200}], bad=False)
    few = Selection(phase="warmup")
    assert 0 < len(pick(run, few).requests) < ENOUGH_EQUAL
    found = RetryAmplification().measure(pick(run, few))
    assert (found.low, found.value) == (1.0, 1.0)
    assert found.high > 1.0
    # Of all requests, those that made none included, there may be fewer.
    assert RetryAmplification().measure(pick(run, few), "per_request").low < 1.0
