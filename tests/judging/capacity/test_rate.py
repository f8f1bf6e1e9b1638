"""What one rate shows: kept up with, fallen behind, unclear, or a measurement that is not to be trusted."""

from __future__ import annotations

import heapq
from random import Random

import numpy as np
import pandas as pd
import pytest

from harness.judging.capacity.backlog import after, growth
from harness.judging.capacity.rate import PHASE, Objective, judged, of_no_rate, shown
from harness.judging.result import Doubt, Result

ASKED = Objective(ratio=0.95, within_s=4.0, deadline_s=10.0)


def queue(per_s: float, servers: int, each_s: float, lasts_s: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """When requests are due, and how long each takes at so many *servers* of *each_s* a request, first come first served."""
    free, due = [0.0] * servers, np.arange(0, lasts_s, 1 / per_s)
    took = []
    for at_s in due:
        begins_s = max(at_s, heapq.heappop(free))
        heapq.heappush(free, begins_s + each_s)
        took.append(begins_s + each_s - at_s)
    return due, np.array(took)


def came_to(due: np.ndarray, took: np.ndarray) -> str:
    return judged((due, took), due, took <= ASKED.within_s, ASKED).came_to


def test_a_queue_that_is_asked_for_more_than_it_can_do_falls_behind_while_every_answer_is_still_good() -> None:
    # 24 at once of half a second are 48 a second; at 57 a second nobody waits longer than 4 s for the first ten.
    due, took = queue(57, 24, 0.5)
    assert (took <= ASKED.within_s).all()
    assert growth(due, took).value == pytest.approx(57 / 48 - 1, abs=0.01)
    assert came_to(due, took) == "fell behind"


@pytest.mark.parametrize("per_s", [10, 30, 47])
def test_a_queue_that_is_asked_for_less_keeps_up(per_s: float) -> None:
    assert came_to(*queue(per_s, 24, 0.5)) == "kept up"


def test_a_little_more_than_it_can_do_is_kept_up_with_for_a_minute() -> None:
    # At 49 a second it falls behind by a second in a minute, and 4 s are allowed.
    due, took = queue(49, 24, 0.5)
    assert came_to(due, took) == "kept up"
    assert after(due, took, 600, 0.95).low > ASKED.within_s, "for ten minutes it would not be"


def test_answers_that_are_late_or_missing_are_fallen_behind_with_whatever_the_others_take() -> None:
    due = np.arange(0, 10, 0.05)
    good = np.arange(due.size) % 4 != 0
    assert judged((due[good], np.full(good.sum(), 0.1)), due, good, ASKED).came_to == "fell behind"


def test_few_requests_tell_nothing() -> None:
    due = np.arange(0, 10, 1.0)
    said = judged((due, np.full(due.size, 0.1)), due, np.ones(due.size, bool), ASKED)
    assert (said.came_to, said.later.value) == ("unclear", None)


def test_waits_that_only_go_up_and_down_are_not_foretold_to_grow_without_end() -> None:
    chance = Random(5)
    due = np.arange(0, 10, 0.05)
    took = np.array([1 + 0.8 * chance.random() for _ in due])
    assert came_to(due, took) == "kept up"


@pytest.fixture
def result() -> Result:
    from suites.pretence import RESULT

    return Result.model_validate_json(RESULT)


def table(per_s: float) -> pd.DataFrame:
    """The requests of a run in which every answer takes a tenth of a second."""
    due = np.arange(0, 20, 1 / per_s)
    return pd.DataFrame(
        {
            "phase": np.where(due < 8, "baseline", PHASE),
            "due_s": due,
            "end_s": due + 0.1,
            "good": True,
            "outcome": "complete",
        }
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("load", "untrusted"), ("busy_machine", "untrusted"), ("unsteady_baseline", "kept up")],
)
def test_a_doubt_about_the_load_is_of_the_rate_and_an_unsteady_start_is_of_the_service(
    result: Result, kind: str, expected: str
) -> None:
    doubted = result.model_copy(update={"doubts": [Doubt.model_validate({"kind": kind, "said": "it is so"})]})
    assert shown(doubted, table(20), ASKED).came_to == expected
    assert of_no_rate(doubted) == []


def test_a_doubt_that_no_other_rate_would_mend_is_told_apart(result: Result) -> None:
    doubted = result.model_copy(update={"doubts": [Doubt(kind="wire", said="the wire broke")]})
    assert of_no_rate(doubted) == ["the wire broke"]


def test_who_waited_in_vain_waited_until_the_deadline_and_a_quick_refusal_is_no_wait(result: Result) -> None:
    trusted = result.model_copy(update={"doubts": []})
    rows = table(20)
    rows.loc[rows.index % 25 == 3, ["outcome", "end_s", "good"]] = ["timed_out", np.nan, False]
    timed_out = shown(trusted, rows, ASKED)
    rows.loc[rows["outcome"] == "timed_out", "outcome"] = "error"
    refused = shown(trusted, rows, ASKED)
    assert timed_out.good == refused.good
    assert timed_out.later.n == refused.later.n + (rows[rows["phase"] == PHASE]["outcome"] == "error").sum()
