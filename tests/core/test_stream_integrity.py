"""Streamed answers by what became of them, against tables worked out by hand; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.plan import Plan
from harness.protocols.sketch import sketch
from harness.reading.expectation import Selection
from harness.reading.target import Target
from harness.record.rows import Arrival, Request
from harness.report.headline import headline

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Streamed = Callable[..., Evidence]
CHAT = {"protocol": "openai-chat", "model": "m"}


def answer(index: int) -> str:
    return f"Number {index % 5}: you have thirty days to ask for a refund."


@pytest.fixture
def streaming(make_target: Callable[..., Target]) -> Target:
    return make_target(ask=CHAT)


@pytest.fixture
def streamed(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, streaming: Target) -> Streamed:
    """A run of streamed answers, each whole but for what *got* and *said* change of those in the fault, by index."""

    def evidence(
        got: Callable[[int], dict[str, Any]] = lambda index: {},
        said: Callable[[int], dict[str, Any] | None] = lambda index: {},
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(of=streaming, phases=(1, 10, 20, 10), **keys)

        def change(index: int, due_s: float) -> dict[str, Any]:
            well = {"answer": answer(index), "streamed": True, "orderly": True, "finish": "stop"}
            return well | (got(index) if 11 <= due_s < 31 else {})

        asked = rows(plan, change)
        arrivals = []
        for row in asked:
            changed = said(row.index) if 11 <= row.due_s < 31 else {}
            if changed is not None:
                well = {"sketch": sketch(answer(row.index)), "finish": "stop", "nonce": row.nonce}
                arrivals.append(Arrival("provider-east", row.due_s, **(well | changed)))
        return make_evidence(plan, requests=asked, arrivals=arrivals)

    return evidence


def share(evidence: Evidence, part: str, phase: str = "fault") -> Interval:
    return metrics["stream_integrity"].measure(pick(evidence, Selection(phase)), part)


def test_whole_answers_are_whole_and_nothing_else(streamed: Streamed) -> None:
    evidence = streamed()
    assert (share(evidence, "whole").value, share(evidence, "whole").n) == (1, 200)
    for part in ("truncated_as_success", "error", "spliced", "duplicated"):
        assert share(evidence, part).value == 0
        assert share(evidence, part).high < 0.05


def test_each_part_is_its_share_and_they_come_to_one(streamed: Streamed) -> None:
    def got(index: int) -> dict[str, Any]:
        match index % 10:
            case 0:
                return {"answer": answer(index)[:30]}
            case 1:
                return {"answer": 2 * answer(index)}
            case 2 | 3:
                return {"answer": answer(index)[:30], "outcome": "reset", "orderly": False}
            case _:
                return {}

    evidence = streamed(got)
    parts = ("whole", "truncated_as_success", "error", "spliced", "duplicated")
    assert [share(evidence, part).value for part in parts] == pytest.approx([0.6, 0.1, 0.2, 0, 0.1])
    assert share(evidence, "whole", "baseline").value == 1
    for part in parts:
        found = share(evidence, part)
        assert found.value is not None
        assert found.low <= found.value <= found.high


def test_a_stream_that_ended_in_order_without_a_finish_is_a_stump_and_one_that_broke_off_an_error(
    streamed: Streamed,
) -> None:
    stump = {"outcome": "truncated", "finish": ""}
    evidence = streamed(lambda index: stump | {"answer": answer(index)[:30]})
    assert share(evidence, "truncated_as_success").value == 1
    assert share(streamed(lambda index: stump | {"orderly": False}), "error").value == 1


def test_what_cannot_be_told_is_no_part_of_a_share_and_leaves_it_open(streamed: Streamed) -> None:
    evidence = streamed(said=lambda index: None if index % 4 == 0 else {"sketch": sketch(answer(index))})
    # What another request was said whole is known.
    assert share(evidence, "whole").value == 1
    evidence = streamed(lambda index: {"answer": f"In other words, number {index}"} if index % 4 == 0 else {})
    whole, spliced = share(evidence, "whole"), share(evidence, "spliced")
    assert (whole.value, spliced.value) == (0.75, 0)
    assert whole.high > 0.98
    assert spliced.high > 0.25
    told = metrics["stream_integrity"].remark(pick(evidence, Selection("fault")), "whole")
    assert told == "of 50 of 200 streamed answers it cannot be told what became of them"


def test_where_nothing_was_streamed_or_nothing_can_be_told_nothing_was_measured(streamed: Streamed) -> None:
    assert share(streamed(lambda index: {"streamed": False}), "whole").value is None
    assert share(streamed(lambda index: {"answer": f"Other words, {index}"}), "whole").value is None


def test_a_limit_is_held_and_broken_and_told_in_words(streamed: Streamed) -> None:
    expect = ["stream_integrity.whole >= 0.9 in fault", "stream_integrity.truncated_as_success <= 0.05 in fault"]
    held = judge(streamed(expect=expect))
    assert [finding.verdict for finding in held.findings] == ["pass", "pass"]
    broken = judge(streamed(lambda index: {"answer": answer(index)[:30]} if index % 2 else {}, expect=expect))
    assert [finding.verdict for finding in broken.findings] == ["fail", "fail"]
    told = "50 % of the streamed answers during the fault were stumps said to be whole; it should be 5 % or less"
    assert told in headline(broken)
    unsure = judge(streamed(lambda index: {"answer": f"Other {index}"} if index % 2 else {}, expect=expect))
    assert [finding.verdict for finding in unsure.findings] == ["inconclusive", "inconclusive"]


def test_it_is_refused_where_no_stream_is_asked_for_or_none_can_be_compared(
    make_plan: MakePlan, make_target: Callable[..., Target]
) -> None:
    expect = ["stream_integrity.whole >= 0.5 in fault"]
    metric = metrics["stream_integrity"]
    plan = make_plan(expect=expect, phases=(1, 10, 20, 10))
    assert "is asked for no streams" in str(metric.unsettled(plan, plan.expectations[0]))
    tcp = {"postgres": {"kind": "store", "region": "east", "upstream": "127.0.0.1:5432"}}
    plan = make_plan(of=make_target(ask=CHAT, links=tcp), faults=[], expect=expect, phases=(1, 10, 20, 10))
    assert "has no HTTP link" in str(metric.unsettled(plan, plan.expectations[0]))
    plan = make_plan(of=make_target(ask=CHAT), expect=expect, phases=(1, 10, 20, 10))
    assert metric.unsettled(plan, plan.expectations[0]) is None
