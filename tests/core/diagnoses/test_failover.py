"""Failover to a provider that the same fault has taken, against rows worked out by hand; beside it the twins that are in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.judging.diagnoses.failover_to_what_is_down import FailoverToWhatIsDown
from harness.judging.evidence import Evidence
from harness.judging.result import Prediction
from harness.reading.target import Target
from harness.record.rows import Request

Told = Callable[..., Evidence]
LINKS = {
    name: {"kind": "provider", "region": region, "upstream": {"simulated": {}}}
    for name, region in (("provider-east", "east"), ("provider-south", "east"), ("provider-west", "west"))
}
LOST = {"kind": "blackhole", "on": {"kind": "provider", "region": "east"}}


def turning(*links: str) -> Callable[[Request], list[dict[str, Any]]]:
    """Requests to the east are tried on these links, one after the other, and answered by the west's alone; those to the west there."""

    def tries(row: Request) -> list[dict[str, Any]]:
        if row.index % 2:
            return [{"link": "provider-west"}]
        return [
            {
                "link": link,
                "start_s": row.due_s + n,
                "end_s": row.due_s + n + 0.5,
                "status": 200 if link == "provider-west" else 0,
                "outcome": "complete" if link == "provider-west" else "client_left",
            }
            for n, link in enumerate(links)
        ]

    return tries


@pytest.mark.parametrize(
    ("links", "bad", "requests"),
    [
        (("provider-east", "provider-south"), True, 36),
        (("provider-east", "provider-west"), False, 0),  # to what is whole
        (("provider-east", "provider-south", "provider-west"), False, 0),  # at last to what is whole
        (("provider-east", "provider-east"), True, 0),  # nowhere else
    ],
)
def test_who_turns_to_what_is_lost_too_while_a_third_one_answers_is_told_of(
    told: Told, make_target: Callable[..., Target], links: tuple[str, ...], bad: bool, requests: int
) -> None:
    target = make_target(links=LINKS, publish=None)
    run = told(turning(*links), bad=lambda index: bad and index % 2 == 0, of=target, faults=[LOST])
    found = FailoverToWhatIsDown().find(run)
    assert (found.requests if found else 0) == requests
    if found:
        assert found.title == "Failover goes to provider-south, which is down, too, while provider-west answers"
        (prediction,) = found.predictions
        assert prediction.now == 0.5
        assert prediction.low > 0.85


def test_what_is_predicted_of_a_failover_to_what_is_whole_comes_with_the_change_and_not_without(
    told: Told, make_target: Callable[..., Target], comes_true: Callable[[Prediction, Evidence], bool]
) -> None:
    target = make_target(links=LINKS, publish=None)

    def turned(*links: str, bad: Callable[[int], bool]) -> Evidence:
        return told(turning(*links), bad=bad, of=target, faults=[LOST])

    run = turned("provider-east", "provider-south", bad=lambda index: index % 2 == 0)
    found = FailoverToWhatIsDown().find(run)
    assert found is not None
    (prediction,) = found.predictions
    # Now and then the provider that is whole fails a request as well.
    for failing in (lambda _: False, lambda index: index % 40 == 0):
        assert comes_true(prediction, turned("provider-east", "provider-west", bad=failing))
    assert not comes_true(prediction, run)
