"""Waits between tries, against rows worked out by hand: stated ones that are not waited for, and ones that are all alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.judging.diagnoses import no_jitter
from harness.judging.diagnoses.no_jitter import NoJitter
from harness.judging.diagnoses.retry_after import RetryAfter
from harness.judging.evidence import Evidence
from harness.record.rows import Request

Told = Callable[..., Evidence]
Of = Callable[[Request], list[dict[str, Any]]]


def limited(stated_s: Callable[[Request], float], waited_s: Callable[[Request], float], **again: Any) -> Of:
    """A 429 that states a wait, and another try so long after it."""

    def of(row: Request) -> list[dict[str, Any]]:
        said_s = row.due_s + 0.05
        first = {"status": 429, "first_byte_s": said_s, "end_s": said_s, "retry_after_ms": 1000 * stated_s(row)}
        start_s = said_s + waited_s(row)
        return [first, {"start_s": start_s, "end_s": start_s + 0.1} | again]

    return of


@pytest.mark.parametrize(
    ("stated_s", "waited_s", "title"),
    [
        (lambda row: 2.0, lambda row: 0.1, "are ignored"),
        (lambda row: 20.0, lambda row: 0.02, "are read in another unit"),
        (lambda row: 1.0 if row.index % 3 else 30.0, lambda row: 1.0, "are cut to 1 s"),
        (lambda row: 2.0, lambda row: 2.0 if row.index % 3 else 0.2, "are ignored"),
    ],
)
def test_a_stated_wait_that_is_not_waited_for_is_told_with_what_was_made_of_it(
    told: Told, stated_s: Callable[[Request], float], waited_s: Callable[[Request], float], title: str
) -> None:
    found = RetryAfter().find(told(limited(stated_s, waited_s)))
    assert found is not None
    assert title in found.title
    assert {prediction.value for prediction in found.predictions} == {0.0}


@pytest.mark.parametrize(
    ("waited_s", "again"),
    [
        (lambda row: 2.0, {}),
        (lambda row: 2.0 if row.index % 8 else 0.1, {}),  # one in eight is early
        (lambda row: 0.1, {"link": "provider-west"}),  # another provider stated nothing
    ],
)
def test_a_stated_wait_that_is_waited_for_or_turned_away_from_is_not(
    told: Told, waited_s: Callable[[Request], float], again: dict[str, Any]
) -> None:
    assert RetryAfter().find(told(limited(lambda row: 2.0, waited_s, **again))) is None


def failing(waited_s: Callable[[Request], float], **first: Any) -> Of:
    """A 503, and another try so long after it."""

    def of(row: Request) -> list[dict[str, Any]]:
        start_s = row.due_s + 0.1 + waited_s(row)
        return [
            {"status": 503, "end_s": row.due_s + 0.1} | first,
            {"status": 503, "start_s": start_s, "end_s": start_s + 0.1},
        ]

    return of


def test_waits_that_are_alike_to_a_hair_have_no_jitter(told: Told) -> None:
    found = NoJitter().find(told(failing(lambda row: 0.5 + 0.001 * (row.index % 7)), bad=True))
    assert found is not None
    assert found.evidence == ["80 requests waited equally long, eight in ten within 5 %: 0.503 s before try 2"]
    assert {(one.metric, one.phase) for one in found.predictions} == {("retry_burst", "fault")}


def test_waits_drawn_anew_are_said_to_break_up_what_failed_at_one_moment_and_to_change_nothing_else(told: Told) -> None:
    def at_once(row: Request) -> list[dict[str, Any]]:
        """All that is due in the fault's first 4 s fails together, and comes again together 1 s later."""
        if row.due_s >= 9:
            return [{}]
        return [{"status": 503, "end_s": 9.0}, {"status": 503, "start_s": 10.0, "end_s": 10.1}]

    found = NoJitter().find(told(at_once, bad=True))
    assert found is not None
    (prediction,) = found.predictions
    # Forty came at once; of as many drawn from a whole second about four would in each tenth, and about nine in the fullest.
    assert prediction.now == 40
    assert 6 <= prediction.value <= 12
    assert prediction.high < 40
    one_by_one = NoJitter().find(told(failing(lambda row: 0.5), bad=True))
    assert one_by_one is not None
    (prediction,) = one_by_one.predictions
    assert prediction.now is not None
    assert prediction.low <= prediction.now <= prediction.high


@pytest.mark.parametrize("many", [0, no_jitter.MANY])
def test_what_is_predicted_of_very_many_tries_is_drawn_less_often_and_comes_to_as_much(
    told: Told, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    drawn: list[int] = []
    between = no_jitter._between
    monkeypatch.setattr(no_jitter, "_between", lambda each: drawn.append(len(each)) or between(each))
    monkeypatch.setattr(no_jitter, "MANY", many)
    found = NoJitter().find(told(failing(lambda row: 0.5), bad=True))
    assert found is not None
    (prediction,) = found.predictions
    assert set(drawn) == {no_jitter.DRAWS if many else no_jitter.FEW_DRAWS}
    assert prediction.now is not None
    assert prediction.low <= prediction.now <= prediction.high
    assert prediction.high <= 3 * max(1.0, prediction.value)


@pytest.mark.parametrize("draws", [no_jitter.FEW_DRAWS, no_jitter.DRAWS])
def test_one_more_draw_lies_beyond_what_is_predicted_in_one_of_twenty_cases_or_little_more(draws: int) -> None:
    generator = np.random.default_rng(4)
    each = generator.gumbel(100.0, 5.0, (4000, draws + 1))
    ends = [no_jitter._between(one[:-1].tolist()) for one in each]
    beyond = np.mean([not low <= one[-1] <= high for one, (low, _, high) in zip(each, ends, strict=True)])
    assert 0.03 < beyond < 0.08


@pytest.mark.parametrize(
    "of",
    [
        failing(lambda row: 0.5 * (0.75 + 0.25 * (row.index % 11) / 10)),  # as OpenAI's SDK
        failing(lambda row: 0.5, retry_after_ms=500.0),  # the provider said so
        failing(lambda row: 0.02),  # at once: nothing that jitter could spread
        failing(lambda row: 0.5, status=200),  # a good answer is no failure
    ],
)
def test_waits_that_are_spread_or_stated_or_none_are_not_said_to_lack_it(told: Told, of: Of) -> None:
    assert NoJitter().find(told(of, bad=True)) is None


def test_a_few_waits_that_are_alike_are_an_accident(told: Told) -> None:
    def of(row: Request) -> list[dict[str, Any]]:
        return failing(lambda _: 0.5)(row) if row.index % 4 == 0 else [{}]

    assert NoJitter().find(told(of, bad=True)) is None
