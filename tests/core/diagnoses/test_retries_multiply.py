"""Two layers that try again are told with how often each does, and what is predicted of one alone comes true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simulated_world import Fragile, Resilient

from harness.judging.diagnoses import diagnosed
from harness.judging.diagnoses.retries_multiply import RetriesMultiply
from harness.judging.evidence import Evidence
from harness.judging.result import Diagnosis, Prediction
from harness.record.rows import Request

ID = RetriesMultiply.id
Lived = Callable[..., Evidence]
Told = Callable[..., Evidence]
Of = Callable[[Request], list[dict[str, Any]]]


class WithoutSdk(Fragile):
    sdk_tries = 1


class WithoutLoop(Fragile):
    loops = 1


def tried(*counts: int | None, every: int = 1, links: tuple[str, ...] = ("provider-east",)) -> Of:
    """Tries with these counts of an SDK, one after the other, all in vain; of one request in *every*."""

    def of(row: Request) -> list[dict[str, Any]]:
        if row.index % every:
            return [{}]
        return [
            {
                "link": links[n % len(links)],
                "start_s": row.due_s + n,
                "end_s": row.due_s + n + 0.5,
                "status": 503,
                "retry_count": count,
            }
            for n, count in enumerate(counts)
        ]

    return of


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ((0, 1, 2) * 3, "SDK 3 × application 3 = 9"),
        ((0, 1) * 2, "SDK 2 × application 2 = 4"),
        ((0, 0, 0, 1, 1, 1), "SDK 2 × gateway 3 = 6"),
    ],
)
def test_how_often_each_layer_tries_is_read_off_the_counts(told: Told, counts: tuple[int, ...], title: str) -> None:
    found = RetriesMultiply().find(told(tried(*counts)))
    assert found is not None
    assert found.title == f"Retries multiply across layers: {title}"
    assert (found.requests, found.attempts) == (80, 80 * len(counts))
    assert len(found.example) == 1 + len(counts)


@pytest.mark.parametrize(
    ("counts", "keys"),
    [
        ((0, 1, 2), {}),  # the SDK alone
        ((0, 0, 0), {}),  # the application alone
        ((0, 1, 0), {}),  # the second call went no further
        ((None,) * 9, {}),  # no SDK says anything
        ((0, 0, 1, 1), {"links": ("provider-east", "provider-west")}),  # another link's call is no repeat
        ((0, 1, 2) * 3, {"every": 9}),  # nine requests of eighty
    ],
)
def test_where_one_layer_tries_again_or_hardly_any_request_shows_two_nothing_is_said(
    told: Told, counts: tuple[int | None, ...], keys: dict[str, Any]
) -> None:
    assert RetriesMultiply().find(told(tried(*counts, **keys))) is None


@pytest.mark.parametrize(("scenario", "seed"), [("region-loss", 2), ("rate-limit", 1)])
def test_with_the_sdks_retries_off_each_request_costs_what_was_predicted(
    lived: Lived,
    diagnosis: Callable[[Evidence, str], Diagnosis],
    comes_true: Callable[[Prediction, Evidence], bool],
    scenario: str,
    seed: int,
) -> None:
    before = diagnosis(lived(scenario, Fragile), ID)
    assert before.title.endswith("SDK 3 × application 3 = 9")
    assert before.predictions
    later = lived(scenario, WithoutSdk, seed=seed)
    assert [comes_true(prediction, later) for prediction in before.predictions] == [True] * len(before.predictions)
    assert ID not in [one.id for one in diagnosed(later)]


def test_under_people_who_ask_again_it_is_foretold_that_whoever_is_served_does_not(
    lived: Lived,
    diagnosis: Callable[[Evidence, str], Diagnosis],
    comes_true: Callable[[Prediction, Evidence], bool],
) -> None:
    people = "load.retries={max: 2, deadline: 2s, backoff: {first: 300ms, jitter: 0.5}}"
    before = diagnosis(lived("rate-limit", Fragile, people), ID)
    assert before.title.endswith("people 3 × SDK 3 × application 3 = 27")
    later = lived("rate-limit", WithoutSdk, people)
    assert [comes_true(prediction, later) for prediction in before.predictions] == [True, True]


def test_a_prediction_misses_where_nothing_was_changed_and_a_service_that_is_well_shows_nothing(
    lived: Lived, diagnosis: Callable[[Evidence, str], Diagnosis], comes_true: Callable[[Prediction, Evidence], bool]
) -> None:
    (during, _) = diagnosis(lived("region-loss", Fragile), ID).predictions
    assert not comes_true(during, lived("region-loss", Fragile))
    assert diagnosed(lived("region-loss", Resilient, target="resilient")) == []


@pytest.mark.parametrize("service", [WithoutSdk, WithoutLoop])
def test_a_service_with_one_layer_of_retries_is_not_said_to_have_two(lived: Lived, service: type[Fragile]) -> None:
    assert ID not in [one.id for one in diagnosed(lived("region-loss", service))]
