"""A load that workers share, as it is planned and judged."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from harness.judging.evidence import Evidence
from harness.judging.verdict import judge
from harness.planning.curve import Linear
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.planning.recorded import Recorded
from harness.planning.schedule import Schedule, Share
from harness.record.workers import Worker

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_every_request_is_one_workers_and_every_conversation_too(make_plan: MakePlan, workers: int) -> None:
    schedule = make_plan(load={"workers": workers}).schedule
    shares = [list(schedule.places(Share(number, workers))) for number in range(workers)]
    assert sorted(place.index for share in shares for place in share) == list(range(schedule.requests))
    assert [len(share) for share in shares] == schedule.share_sizes(workers)
    of = [{place.conversation for place in share} for share in shares]
    assert sum(map(len, of)) == len(set().union(*of)) == schedule.conversations


def test_where_a_trace_has_conversations_they_are_shared_and_not_indices() -> None:
    recorded = Recorded(array("d", [0.0, 0.1, 0.2, 0.3]).tobytes(), array("q", [0, 1, 1, 1]).tobytes(), workers=2)
    shares = [[place.index for place in recorded.places(Share(number, 2))] for number in (0, 1)]
    assert shares == [[0], [1, 2, 3]]
    assert recorded.share_sizes(2) == [1, 3]


def test_as_many_requests_may_be_open_at_a_worker_as_its_share_is_large() -> None:
    whose = array("q", [0, 1, 1, 1])
    recorded = Recorded(array("d", [0.0, 0.1, 0.2, 0.3]).tobytes(), whose.tobytes(), workers=2)
    assert [recorded.portion(Share(number, 2)) for number in (0, 1)] == [Fraction(1, 4), Fraction(3, 4)]
    for even in (
        Recorded(array("d", [0.0, 0.1]).tobytes(), workers=3),
        Schedule("constant", (Linear(1.0, 9.0, 9.0),), 0.0, 1.0, 1),
    ):
        assert even.portion(Share(2, 3)) == Fraction(1, 3)


def test_shares_are_of_what_may_be_sent_at_most(make_plan: MakePlan) -> None:
    due, whose = array("d", [0.0, 0.1, 0.2, 0.3]), array("q", [0, 1, 1, 1])
    assert Recorded(due.tobytes(), whose.tobytes(), workers=2).share_sizes(2, 3) == [1, 2]
    assert Recorded(due.tobytes(), workers=2).share_sizes(2, 3) == [2, 1]
    made = make_plan(load={"workers": 3}, abort=[{"max_requests": 10}])
    assert made.schedule.share_sizes(3, 10) == [4, 3, 3]
    assert "3 workers share it: 4, 3, 3 requests" in list(outline(made))


def test_requests_are_due_at_the_same_times_however_many_share_them(make_plan: MakePlan) -> None:
    one, three = (make_plan(load={"workers": workers}).schedule for workers in (1, 3))
    assert list(one.due_times()) == list(three.due_times())


def test_the_shares_stand_in_the_outline(make_plan: MakePlan) -> None:
    made = make_plan(load={"workers": 3})
    sizes = made.schedule.share_sizes(3)
    assert f"3 workers share it: {', '.join(map(str, sizes))} requests" in list(outline(made))
    assert not [line for line in outline(make_plan()) if "workers" in line]


def _workers(**of_the_second: Any) -> list[Worker]:
    return [Worker(0, "here", 7, 100), msgspec.structs.replace(Worker(1, "there", 8, 100), **of_the_second)]


def test_a_run_whose_workers_all_did_their_share_is_judged(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    found = judge(make_evidence(make_plan(load={"workers": 2}), workers=_workers()))
    assert [doubt.kind for doubt in found.doubts] == []


def test_torn_rows_make_a_run_invalid_and_the_worker_is_named(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    found = judge(
        make_evidence(
            make_plan(load={"workers": 2}),
            workers=_workers(torn="5 rows of 90 bytes were written, and 80 bytes are there"),
        )
    )
    assert found.verdict == "invalid"
    assert [(doubt.kind, doubt.said) for doubt in found.doubts] == [
        (
            "worker",
            "the rows of worker 1 (pid 8 on there) are not what it wrote: 5 rows of 90 bytes were written, and 80 bytes are there",
        )
    ]


def test_the_share_of_a_lost_worker_is_told_and_not_taken_for_a_load_that_fell_behind(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Callable[..., list[Any]]
) -> None:
    (_, lost) = workers = _workers(lost="was ended by SIGKILL", lost_s=4.0)

    def change(index: int, due_s: float) -> dict[str, Any]:
        if index % 2 == 0 or due_s < 3.5:
            return {"worker": index % 2}
        outcome = "unfinished" if due_s < 4.0 else "not_sent"
        return {
            "worker": 1,
            "outcome": outcome,
            "sent_s": None,
            "detail": "stopped" if 4.0 <= due_s < 4.2 else lost.lost_words,
            "end_s": None,
            "first_token_s": None,
        }

    made = make_plan(load={"workers": 2})
    asked = rows(made, change)
    found = judge(make_evidence(made, requests=asked, attempts=[], workers=workers))
    unsent = sum(row.outcome == "not_sent" for row in asked)
    assert unsent > sum(row.detail == "stopped" for row in asked) > 0
    assert found.verdict == "invalid"
    said = [doubt.said for doubt in found.doubts if doubt.kind == "worker"]
    unknown = sum(row.outcome == "unfinished" for row in asked)
    assert said == [
        f"of the share of worker 1 (pid 8 on there), which was lost, {unsent} requests were not sent, "
        f"and of {unknown} more nobody knows what became of them"
    ]
    assert "load" not in {doubt.kind for doubt in found.doubts}


def test_what_is_not_known_of_a_clock_is_added_to_times_between_two_clocks_and_to_no_others(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Callable[..., list[Any]]
) -> None:
    made = make_plan(load={"workers": 2}, phases=(1, 10, 5, 20))
    back_s = made.fault_end_s + 1.0

    def change(index: int, due_s: float) -> dict[str, Any]:
        return {"outcome": "error"} if made.fault_start_s <= due_s < back_s else {}

    def measured(**of_the_second: Any) -> dict[str, Any]:
        evidence = make_evidence(made, requests=rows(made, change), workers=_workers(**of_the_second))
        return judge(evidence).metrics

    sure, unsure = measured(), measured(another_clock=True, offset_s=2.0, drift_ppm=100.0, uncertainty_s=0.05)
    recovery, wider = sure["recovery_time_s"], unsure["recovery_time_s"]
    assert wider.value == recovery.value
    assert (wider.low, wider.high) == pytest.approx((recovery.low - 0.05, recovery.high + 0.05))
    assert unsure["failover_time_s"].low == pytest.approx(sure["failover_time_s"].low - 0.05)
    assert unsure["latency_ms"] == sure["latency_ms"]


def test_the_result_says_who_shared_the_load_and_what_their_clocks_add(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Callable[..., list[Any]]
) -> None:
    made = make_plan(load={"workers": 2})
    other = _workers(another_clock=True, offset_s=-2.0, drift_ppm=100.0, uncertainty_s=0.0001, lost="left")

    def change(index: int, _due_s: float) -> dict[str, Any]:
        return {"worker": index % 2, **({"detail": other[1].lost_words} if index == 1 else {})}

    asked = rows(made, change)
    found = judge(make_evidence(made, requests=asked, workers=other)).quality
    assert found.clocks_add_s == 0.0001
    ours, theirs = found.workers
    assert (ours.host, ours.rows, ours.requests, ours.another_clock) == ("here", (len(asked) + 1) // 2, 100, False)
    # The row that somebody else wrote for it is none of its own.
    assert (theirs.rows, theirs.lost) == (len(asked) // 2 - 1, "left")
    assert (theirs.offset_s, theirs.drift_ppm, theirs.uncertainty_s) == (-2.0, 100.0, 0.0001)


def test_of_a_load_that_one_process_sent_no_worker_is_told(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    found = judge(make_evidence(make_plan())).quality
    assert (found.workers, found.clocks_add_s) == ([], 0.0)
