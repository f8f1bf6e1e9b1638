"""Each metric against small tables worked out by hand, and what is refused because no run could settle it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import inf
from typing import Any

import pandas as pd
import pytest

from harness.interval import UNMEASURED, Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import SHIPPED, metrics
from harness.judging.metrics.base import measured
from harness.judging.result import Measured
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.plan import Plan
from harness.reading import expectation
from harness.reading.expectation import Selection
from harness.reading.target import Target
from harness.record.history import Ended, Event, Injected, Injecting, Published, Reverted, Reverting
from harness.record.rows import Attempt, Request, Traffic
from harness.record.tables import table

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]

LOSS = {"kind": "regional_loss", "region": "east"}
LIMIT = {"kind": "rate_limit", "on": {"kind": "provider"}, "requests_per_min": 60}


def test_each_metric_that_ships_is_called_as_the_table_says_by_which_it_is_found() -> None:
    assert {name: metrics[name].name for name in SHIPPED} == dict(zip(SHIPPED, SHIPPED, strict=True))
    assert metrics["good_ratio"] is metrics["good_ratio"]


def bad(_: int, due_s: float) -> dict[str, Any]:
    return {"outcome": "error", "status": 503}


def bad_between(start_s: float, end_s: float) -> Callable[[int, float], dict[str, Any]]:
    return lambda index, due_s: bad(index, due_s) if start_s <= due_s < end_s else {}


def asked_for(written: str) -> expectation.Expectation:
    return expectation.parse(f"{written} <= 0" if " in " not in written else written.replace(" in ", " <= 0 in "))


def remark(evidence: Evidence, written: str) -> str:
    asked = asked_for(written)
    return metrics[asked.metric].remark(pick(evidence, asked.selection), asked.part)


def measure(evidence: Evidence, written: str) -> Interval:
    asked = asked_for(written)
    return metrics[asked.metric].measure(pick(evidence, asked.selection), asked.part)


# good_ratio


def test_the_good_ratio_of_a_phase_is_of_the_requests_due_in_it(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan()
    evidence = make_evidence(plan, requests=rows(plan, lambda i, due_s: bad(i, due_s) if 30 <= i < 35 else {}))
    found = measure(evidence, "good_ratio in fault")
    assert (found.value, found.n) == (0.75, 20)
    assert (found.low, found.high) == pytest.approx((0.5313, 0.8881), abs=1e-4)  # Wilson, 15 of 20
    assert measure(evidence, "good_ratio in baseline").value == 1
    assert measure(evidence, "good_ratio").value == 55 / 60  # the warm-up does not count
    assert metrics["good_ratio"].document(evidence).by.phase["fault"] == measured(found)


# latency


def test_latency_is_from_when_a_request_was_due_and_can_be_had_of_complete_answers_alone(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 8, 1))
    late = lambda i, due_s: {"end_s": due_s + i / 100, "first_token_s": due_s + i / 200, "sent_s": due_s + 0.2}  # noqa: E731
    evidence = make_evidence(plan, requests=rows(plan, lambda i, d: late(i, d) if i % 2 else bad(i, d)))
    # Requests 31, 33, ... 109 are due in the fault: 40 answers, 310 to 1090 ms.
    found = measure(evidence, "latency_ms.p50_complete in fault")
    assert (found.value, found.n, found.censored) == (pytest.approx(690), 40, False)
    assert (found.low, found.high) == (pytest.approx(570), pytest.approx(830))  # ranks 14 and 27 of 40
    assert measure(evidence, "latency_ms.p95_complete in fault").high == inf  # 72 answers would be needed
    assert measure(evidence, "ttft_ms.p50_complete in fault").value == pytest.approx(345)
    parts = metrics["latency_ms"].document(evidence).parts
    assert [part for part in parts if not part.endswith("_complete")] == ["p50", "p90", "p95", "p99"]
    assert parts["p90"].censored
    assert not parts["p90_complete"].censored


@pytest.mark.parametrize(
    "unanswered",
    [
        {"outcome": "timed_out", "waits_s": 4.0},
        {"outcome": "error", "status": 503, "waits_s": 0.005},  # refused at once, and nobody was served fast
        {"outcome": "truncated", "first_token_s": 0.0, "waits_s": 0.2},
    ],
)
@pytest.mark.parametrize("metric", ["latency_ms", "ttft_ms"])
def test_requests_that_got_no_answer_break_a_limit_on_the_latency(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, metric: str, unanswered: dict[str, Any]
) -> None:
    plan = make_plan(phases=(1, 2, 30, 2))
    ends = {key: value for key, value in unanswered.items() if key != "waits_s"}
    of = lambda i, due_s: ends | {"end_s": due_s + unanswered["waits_s"]} if i % 5 < 3 and 3 <= due_s < 33 else {}  # noqa: E731
    evidence = make_evidence(plan, requests=rows(plan, of))
    p95 = measure(evidence, f"{metric}.p95 in fault")
    assert (p95.value, p95.low, p95.high, p95.censored, p95.n) == (4000, 4000, inf, True, 300)
    assert expectation.parse(f"{metric}.p95 <= 2500 in fault").judge(p95) == "fail"
    assert (
        expectation.parse(f"{metric}.p95 <= 4000 in fault").judge(p95) == "fail"
    )  # no answer that did not come took 4 s
    assert expectation.parse(f"{metric}.p95 <= 5000 in fault").judge(p95) == "inconclusive"
    assert (
        remark(evidence, f"{metric}.p95 in fault")
        == "180 of 300 requests got no complete answer and count as longer than anybody waited"
    )
    # Who asks for complete answers alone has what they took, and is told what was left out.
    complete = measure(evidence, f"{metric}.p95_complete in fault")
    assert expectation.parse(f"{metric}.p95_complete <= 2500 in fault").judge(complete) == "pass"
    assert remark(evidence, f"{metric}.p95_complete in fault").endswith("which are left out")
    assert remark(evidence, f"{metric}.p95 in baseline") == ""


def test_an_unanswered_request_that_lies_beyond_a_quantile_leaves_it_as_it_is(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 30, 2))
    few = make_evidence(plan, requests=rows(plan, lambda i, due_s: bad(i, due_s) if i in (40, 90) else {}))
    p95 = measure(few, "latency_ms.p95 in fault")
    assert (p95.value, p95.high, p95.censored) == (pytest.approx(100), pytest.approx(100), False)
    # Some more, and the upper end reaches them: nobody knows on which side of the limit the quantile is.
    more = make_evidence(plan, requests=rows(plan, lambda i, due_s: bad(i, due_s) if i % 25 == 0 else {}))
    p95 = measure(more, "latency_ms.p95 in fault")
    assert (p95.value, p95.high, p95.censored) == (pytest.approx(100), inf, False)


def test_what_the_end_of_a_run_cut_off_was_waited_for_until_then_and_what_was_not_sent_not_at_all(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    open_at_end = lambda i, due_s: {"outcome": "unfinished", "end_s": None} if i >= 30 else {}  # noqa: E731
    cut = make_evidence(plan, requests=rows(plan, open_at_end), history=[Ended(11.0, "interrupted")])
    # Half of 8 s of requests was waited for longer than 4 s.
    assert measure(cut, "latency_ms.p50 in fault").value == 4000
    assert measure(cut, "latency_ms.p50 in fault").low < 4000
    assert measure(cut, "latency_ms.p50 in recovery").value == 0
    not_sent = make_evidence(plan, requests=rows(plan, lambda i, due_s: {"outcome": "not_sent"} if i % 2 else {}))
    assert measure(not_sent, "latency_ms.p50 in fault").n == 40


# retry_amplification


def test_amplification_is_attempts_a_request_where_the_request_was_due(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    asked = rows(plan)
    tries = [attempt(row) for row in asked]
    # Every other request of the fault is tried twice more, long after it: they still belong to it.
    for row in asked[30:110:2]:
        tries += [attempt(row, start_s=12.0, retry_count=1), attempt(row, start_s=12.5, link="provider-west")]
    tries += [Attempt("provider-east", 4.0, "n-of-nobody")] * 50
    evidence = make_evidence(plan, requests=asked, attempts=tries)
    found = measure(evidence, "retry_amplification in fault")
    assert (found.value, found.n) == (2.0, 80)
    assert 1.5 < found.low < 2 < found.high < 3
    assert measure(evidence, "retry_amplification in recovery").value == 1
    assert {phase.name: phase.attempts for phase in judge(evidence).phases if phase.name == "fault"} == {
        "fault": {"first": 80, "sdk": 40, "repeat": 0, "failover": 40}
    }
    by = metrics["retry_amplification"].document(evidence).by
    assert {name: part.value for name, part in by.layer.items()} == pytest.approx(
        {"first": 1, "sdk": 40 / 120, "failover": 40 / 120, "repeat": 0}
    )
    assert {name: part.value for name, part in by.link.items()} == pytest.approx(
        {"provider-east": 160 / 120, "provider-west": 40 / 120}
    )


def test_what_made_no_attempt_hides_no_retries(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    """A cache answers 7 of 10; each miss is tried 3 times in the fault, once in the baseline."""
    plan = make_plan(phases=(1, 10, 15, 2))
    asked = rows(plan)
    missed = [row for row in asked if row.index % 10 < 3]
    tries = [
        attempt(row, start_s=row.due_s + i / 100) for row in missed for i in range(3 if 11 <= row.due_s < 26 else 1)
    ]
    evidence = make_evidence(plan, requests=asked, attempts=tries)
    found = measure(evidence, "retry_amplification in fault")
    assert (found.value, found.low, found.n) == (3, 3, 45)
    assert expectation.parse("retry_amplification <= 1.5 in fault").judge(found) == "fail"
    assert measure(evidence, "retry_amplification in baseline").value == 1
    assert measure(evidence, "retry_amplification.per_request in fault").value == pytest.approx(0.9)
    assert remark(evidence, "retry_amplification in fault") == "45 of 150 requests made an attempt"
    parts = metrics["retry_amplification"].document(evidence).parts
    assert parts["tried"].value == pytest.approx(0.3, abs=0.01)


def test_the_tries_of_a_services_reaction_to_a_fault_are_no_clump_of_its_own(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 10, 30, 2))
    asked = rows(plan)

    def tried(first_s: float, last_s: float) -> Interval:
        again = [attempt(row) for row in asked if first_s <= row.due_s < last_s]
        evidence = make_evidence(plan, requests=asked, attempts=[*(attempt(row) for row in asked), *again])
        return measure(evidence, "retry_amplification in fault")

    reaction, later = tried(11, 13), tried(20, 22)
    assert reaction.value == later.value
    assert reaction.high < 1.15 < later.high


def test_each_of_several_faults_close_together_has_a_reaction_of_its_own(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    """Retries in four short troubles of 1 s, half a second apart: effects of four faults, or clumps of its own beside one."""

    def tried(*starts_s: float) -> Interval:
        faults = [LIMIT | {"at": f"fault + {start_s}s", "for": "1s"} for start_s in starts_s]
        plan = make_plan(phases=(1, 10, 12, 2), faults=faults, good={"within": "4s"})
        asked = rows(plan)
        again = [
            attempt(row) for row in asked if any(0 <= row.due_s - 11 - start_s < 1 for start_s in (6, 7.5, 9, 10.5))
        ]
        evidence = make_evidence(plan, requests=asked, attempts=[*(attempt(row) for row in asked), *again])
        return measure(evidence, "retry_amplification in fault")

    several, one = tried(6, 7.5, 9, 10.5), tried(0)
    assert several.value == one.value == pytest.approx(1 + 4 / 12)
    assert several.high <= 1.5 < one.high


def test_a_service_that_gives_up_asking_has_no_amplification_to_be_praised_for(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 10, 10, 2))
    asked = rows(plan)
    refused = make_evidence(plan, requests=asked, attempts=[attempt(row) for row in asked if row.due_s < 11])
    for written in ("retry_amplification", "retry_amplification.per_request"):
        found = measure(refused, f"{written} in fault")
        assert found == UNMEASURED
        assert expectation.parse(f"{written} <= 1.5 in fault").judge(found) == "inconclusive"
    said = "none of 100 requests made an attempt, and 100 of 100 did in the baseline"
    assert remark(refused, "retry_amplification in fault") == said
    # Who asks a third of the time is measured, and it is said of how many.
    some = make_evidence(
        plan, requests=asked, attempts=[attempt(row) for row in asked if row.due_s < 11 or row.index % 3 == 0]
    )
    assert measure(some, "retry_amplification in fault").value == 1
    assert "33 of 100 requests made an attempt" in remark(some, "retry_amplification in fault")


@pytest.mark.parametrize("written", ["retry_amplification <= 1.5", "retry_amplification.per_request <= 1.5"])
def test_a_phase_in_which_a_service_gave_up_asking_is_not_hidden_behind_the_others(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt], written: str
) -> None:
    plan = make_plan(phases=(1, 10, 10, 10), expect=[written])
    asked = rows(plan)
    tried = [attempt(row) for row in asked if not 11 <= row.due_s < 21]
    result = judge(make_evidence(plan, requests=asked, attempts=tried))
    assert result.verdict == "inconclusive"
    assert "in fault none of 100 requests made an attempt, and 100 of 100 did in the baseline" in result.reason
    assert judge(make_evidence(plan, requests=asked)).verdict == "pass"


def test_a_service_that_looks_whether_its_provider_is_there_makes_no_retries_by_that(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 5, 2))
    asked = rows(plan)
    tried = [attempt(row, method="POST", path="/v1/chat/completions") for row in asked]

    def found(path: str) -> Interval:
        looks = [
            Attempt("provider-east", at_s / 5, sent_s=at_s / 5, end_s=at_s / 5, method="POST", path=path)
            for at_s in range(50)
        ]
        return measure(make_evidence(plan, requests=asked, attempts=[*tried, *looks]), "retry_amplification in fault")

    assert (found("/health").value, found("/health").high) == (1, 1)
    assert found("/v1/chat/completions").high > 1.4  # each of them may be a retry that dropped its nonce


def test_a_link_on_which_nothing_was_ever_tried_has_no_amplification(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    evidence = make_evidence(make_plan(phases=(1, 2, 5, 2)))
    assert measure(evidence, "retry_amplification{link=provider-west} in fault") == UNMEASURED
    assert measure(evidence, "retry_amplification{link=provider-east} in fault").value == 1


def test_attempts_that_were_seen_and_belong_to_no_request_are_not_measured_as_none(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 5, 2))
    asked = rows(plan)
    lost = [
        Attempt("provider-west", row.due_s + 0.02, sent_s=row.due_s + 0.02, path="/search")
        for row in asked
        for _ in range(9)
    ]
    found = make_evidence(plan, requests=asked, attempts=[*map(attempt, asked), *lost])
    assert measure(found, "retry_amplification{link=provider-west} in fault") == UNMEASURED
    said = "900 attempts were seen, and none could be joined to a request"
    assert remark(found, "retry_amplification{link=provider-west} in fault") == said
    assert measure(found, "retry_amplification{link=provider-east} in fault").value == 1
    assert "joined" not in remark(found, "retry_amplification in fault")
    none = make_evidence(plan, requests=asked, attempts=lost)
    assert measure(none, "retry_amplification in fault") == UNMEASURED
    assert remark(none, "retry_amplification in fault") == said


def test_as_many_attempts_of_every_request_are_that_many_and_it_is_said_what_could_have_been_missed(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 3, 2))
    asked = rows(plan)
    evidence = make_evidence(plan, requests=asked, attempts=[attempt(row) for row in asked for _ in range(5)])
    found = measure(evidence, "retry_amplification in fault")
    assert (found.low, found.value, found.high, found.n) == (5, 5, 5, 30)
    assert expectation.parse("retry_amplification <= 5 in fault").judge(found) == "pass"
    said = "each of 30 requests made 5 attempts; of dearer ones, 10 % could have been missed"
    assert remark(evidence, "retry_amplification in fault") == said
    few = measure(evidence, "retry_amplification in baseline")
    assert few.n == 20
    assert expectation.parse("retry_amplification <= 5 in baseline").judge(few) == "inconclusive"


def test_attempts_that_nobody_claims_raise_the_upper_end_alone(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    tries = [attempt(row) for row in rows(plan)]
    sound = measure(make_evidence(plan, attempts=tries), "retry_amplification in fault")
    stray = make_evidence(plan, attempts=[*tries, *(Attempt("provider-east", 5.0, "n-of-nobody") for _ in range(40))])
    found = measure(stray, "retry_amplification in fault")
    assert (found.value, found.low) == (sound.value, sound.low)
    assert found.high == pytest.approx(sound.high + 40 / 80)
    # They may have been made for a request of the warm-up, but not for one that was due after them.
    assert measure(stray, "retry_amplification in recovery").high == pytest.approx(
        measure(make_evidence(plan, attempts=tries), "retry_amplification in recovery").high
    )


def test_attempts_that_belong_to_nobody_may_be_retries_of_those_who_are_known(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    asked = rows(plan)
    known = [attempt(row) for row in asked]
    strays = [Attempt("provider-east", 4.0, sent_s=4.0)] * 80
    sound = measure(make_evidence(plan, requests=asked, attempts=known), "retry_amplification in fault")
    found = measure(make_evidence(plan, requests=asked, attempts=known + strays), "retry_amplification in fault")
    assert (found.value, found.low, found.high) == (1, sound.low, pytest.approx(sound.high + 1))
    before = [Attempt("provider-east", 0.5, sent_s=0.5)] * 80
    assert (
        measure(make_evidence(plan, requests=asked, attempts=known + before), "retry_amplification in fault") == sound
    )


def test_amplification_is_unmeasured_where_refused_attempts_leave_no_trace(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    evidence = make_evidence(make_plan(faults=[LOSS | {"mode": "refuse"}]))
    assert measure(evidence, "retry_amplification in fault") == UNMEASURED
    assert measure(evidence, "retry_amplification") == UNMEASURED
    assert measure(evidence, "retry_amplification in baseline").value == 1


@pytest.mark.parametrize(("kind", "seen"), [("store", True), ("replication", True), ("provider", False)])
def test_attempts_at_providers_are_seen_while_a_store_refuses(
    make_plan: MakePlan, make_evidence: MakeEvidence, kind: str, seen: bool
) -> None:
    evidence = make_evidence(make_plan(faults=[{"kind": "disconnect", "on": {"kind": kind}, "mode": "refuse"}]))
    for written in ("retry_amplification in fault", "retry_burst in fault", "orphaned_attempts in fault"):
        assert (measure(evidence, written) != UNMEASURED) is seen, written


# recovery and failover


def test_recovery_counts_from_the_acknowledged_end_of_the_last_fault(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 5, 5, 25), faults=[LIMIT])
    history: list[Event] = [Injecting(6, "rate_limit-1"), Injected(6.1, "rate_limit-1")]
    history += [Reverting(11, "rate_limit-1"), Reverted(11.5, "rate_limit-1"), Ended(40, "completed")]
    evidence = make_evidence(plan, requests=rows(plan, bad_between(6.5, 13.5)), history=history)
    found = measure(evidence, "recovery_time_s")
    assert found.low <= 2.0 <= found.high
    assert found.value == pytest.approx(2.0, abs=0.1)
    assert found.high - found.low < 1.0  # half a second of it is not knowing when the fault really ended
    document = metrics["recovery_time_s"].document(evidence)
    assert document.parts["relapses"].value == 0
    assert document.parts["lost_s"].value == pytest.approx(2.0, abs=0.1)
    assert document.by.phase == {}


def test_a_service_that_never_dipped_recovers_at_once(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    plan = make_plan(phases=(1, 5, 15, 25))
    evidence = make_evidence(plan)
    for name in ("recovery_time_s", "failover_time_s"):
        found = measure(evidence, name)
        assert (found.low, found.value, found.censored) == (0, 0, False)
        assert found.high < 0.2


def test_a_service_that_never_came_back_is_told_by_how_long_was_watched(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 5, 15, 25))
    evidence = make_evidence(plan, requests=rows(plan, bad_between(6, 99)))
    found = measure(evidence, "recovery_time_s")
    assert (found.low, found.high, found.censored) == (pytest.approx(24.99, abs=0.02), inf, True)
    assert expectation.parse("recovery_time_s <= 5").judge(found) == "fail"
    assert measure(evidence, "failover_time_s").low == pytest.approx(15, abs=0.1)


def test_failover_is_when_answers_were_good_again_with_the_fault_still_there(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 5, 15, 5))
    evidence = make_evidence(plan, requests=rows(plan, bad_between(6, 9)))
    found = measure(evidence, "failover_time_s")
    assert found.low <= 3.0 <= found.high
    assert found.value == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("left_out", [Injected, Reverted])
def test_a_fault_that_never_began_or_never_ended_leaves_nothing_to_recover_from(
    make_plan: MakePlan, make_evidence: MakeEvidence, events: Callable[..., list[Event]], left_out: type[Event]
) -> None:
    plan = make_plan()
    history = [event for event in events(plan) if not isinstance(event, left_out)]
    evidence = make_evidence(plan, history=history)
    assert measure(evidence, "recovery_time_s") == UNMEASURED
    assert measure(evidence, "failover_time_s") == UNMEASURED


# answer_consistency and monotonic_violations


def diverged(index: int, due_s: float) -> dict[str, Any]:
    """Version 2 is published at 4 s; entry west goes on with version 1 until 5 s, and its conversations know better."""
    stale = due_s < 4 or (index % 2 == 1 and due_s < 5)
    version, seen = (1 if stale else 2), (2 if due_s >= 4.5 else 1)
    return {"answer": f"It is {version}.", "snapshot_version": version, "seen_version": seen}


def test_answers_behind_a_publication_are_inconsistent_and_going_back_is_a_violation(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, events: Any, make_target: Callable[..., Target]
) -> None:
    target = make_target(publish={"post": "http://127.0.0.1:5/p", "replica_lag": "0s"})
    plan = make_plan(of=target)
    history = sorted([*events(plan), Published(4.0, 3.99, 2)], key=lambda event: event.at_s)
    evidence = make_evidence(plan, requests=rows(plan, diverged), history=history)
    # Of 20 requests due in the fault, those of index 41, 43, 45, 47, 49 came from version 1 too late.
    assert measure(evidence, "answer_consistency in fault").value == pytest.approx(15 / 20)
    assert measure(evidence, "answer_consistency in baseline").value == 1
    assert measure(evidence, "answer_consistency").value == pytest.approx(55 / 60)
    # Three of the five, from 4.5 s on, answered a conversation that had seen version 2.
    violations = measure(evidence, "monotonic_violations")
    assert (violations.low, violations.value, violations.high) == (3, 3, 3)
    assert measure(evidence, "monotonic_violations in baseline").value == 0
    parts = metrics["answer_consistency"].document(evidence).parts
    assert parts["monotonic_violations"].value == 3
    rate = metrics["monotonic_violations"].document(evidence).parts["rate"]
    assert (rate.value, rate.low, rate.high) == (3, pytest.approx(0.62, abs=0.01), pytest.approx(8.77, abs=0.01))
    assert parts["disagreed_s"].value == pytest.approx(0.8, abs=0.01)


def test_no_step_back_in_this_run_bounds_how_many_there_are_a_run(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    evidence = make_evidence(plan, requests=rows(plan, lambda i, due_s: {"seen_version": 1}))
    count, rate = measure(evidence, "monotonic_violations"), measure(evidence, "monotonic_violations.rate")
    assert (count.low, count.value, count.high) == (0, 0, 0)
    assert (rate.low, rate.value, rate.high) == (0, 0, pytest.approx(3.69, abs=0.01))
    judged = {
        written: expectation.parse(written).judge(count if ".rate" not in written else rate)
        for written in ("monotonic_violations <= 0", "monotonic_violations.rate <= 3", "monotonic_violations.rate <= 4")
    }
    assert list(judged.values()) == ["pass", "inconclusive", "pass"]


def test_a_replica_may_be_behind_for_as_long_as_the_target_says(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, events: Any, make_target: Callable[..., Target]
) -> None:
    target = make_target(publish={"post": "http://127.0.0.1:5/p", "replica_lag": "2s"})
    plan = make_plan(of=target)
    history = sorted([*events(plan), Published(4.0, 3.99, 2)], key=lambda event: event.at_s)
    evidence = make_evidence(plan, requests=rows(plan, diverged), history=history)
    assert measure(evidence, "answer_consistency in fault").value == 1
    assert measure(evidence, "monotonic_violations").value == 3  # going back is one however soon


def test_without_versions_the_usual_answer_of_the_baseline_is_the_right_one(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 8, 1))
    wrong = lambda i, due_s: {"snapshot_version": None, "answer": "It is 99." if 3 <= due_s < 10 else "It is 1."}  # noqa: E731
    evidence = make_evidence(plan, requests=rows(plan, wrong))
    # Most answers of the run say 99; the baseline's say what is right.
    assert measure(evidence, "answer_consistency in baseline").value == 1
    assert measure(evidence, "answer_consistency in fault").value == pytest.approx(10 / 80)
    assert measure(evidence, "monotonic_violations") == UNMEASURED


def test_an_answer_to_a_question_that_is_asked_once_agrees_with_nothing(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(expect=["answer_consistency >= 0.5 in fault"])
    once = lambda i, _: {"question": f"q{i}", "answer": f"Word {i}.", "snapshot_version": None}  # noqa: E731
    result = judge(make_evidence(plan, requests=rows(plan, once)))
    assert (result.verdict, result.findings[0].value) == ("inconclusive", None)
    assert "not measured, of 20 of 20 answers it cannot be told, since none other was given to" in result.reason
    # Every other one has been asked before anything was broken, and is answered otherwise since.
    often = lambda i, _: once(i, _) | ({"question": f"q{i % 4}"} if i % 2 else {})  # noqa: E731
    found = measure(make_evidence(plan, requests=rows(plan, often)), "answer_consistency in fault")
    assert (found.value, found.n) == (0, 10)


@pytest.mark.parametrize(("mark", "ratio"), [("[{}]", 1.0), ("({}).", 1.0), ("#1{}", 0.0)])
def test_an_answer_that_repeats_the_nonce_of_its_question_is_the_same_answer(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, mark: str, ratio: float
) -> None:
    plan = make_plan()
    asked = rows(plan, lambda i, _: {"answer": "You ask for how long: 30 days. " + mark.format(f"n-{i:010x}")})
    found = measure(make_evidence(plan, requests=asked), "answer_consistency")
    assert found.value == pytest.approx(ratio, abs=0.2)  # of each question's answers, one agrees with itself


@pytest.mark.parametrize(
    ("compare", "other", "ratio"),
    [
        ("text", "You have 30 days.", 0.5),
        ("facts", "You have thirty days.", 1.0),
        ("facts", "You have 14 days.", 0.5),
    ],
)
def test_answers_worded_in_many_ways_agree_by_their_facts_where_the_target_says_so(
    make_plan: MakePlan,
    make_evidence: MakeEvidence,
    rows: Rows,
    make_target: Callable[..., Target],
    compare: str,
    other: str,
    ratio: float,
) -> None:
    ask = {"protocol": "json", "body": {"q": "{question}"}, "reply": {"answer": "/a", "compare": compare}}
    plan = make_plan(of=make_target(ask=ask))

    def said(index: int, due_s: float) -> dict[str, Any]:
        late = index % 2 and due_s > 3
        return {"snapshot_version": None, "question": "q", "answer": other if late else "It is 30 days."}

    evidence = make_evidence(plan, requests=rows(plan, said))
    assert measure(evidence, "answer_consistency in baseline").value == 1
    assert measure(evidence, "answer_consistency in fault").value == pytest.approx(ratio)


# Nothing measured


@pytest.mark.parametrize("op", ["<=", ">=", "<", ">"])
@pytest.mark.parametrize("name", list(metrics))
def test_no_samples_never_pass_and_never_fail(
    make_plan: MakePlan, make_evidence: MakeEvidence, name: str, op: str
) -> None:
    evidence = make_evidence(make_plan(), requests=[])
    for phase in (None, "fault") if metrics[name].phased else (None,):
        for part in metrics[name].parts or (None,):
            found = metrics[name].measure(pick(evidence, Selection(phase)), part)
            assert (found.value, found.low, found.high) == (None, -inf, inf)
            assert expectation.Expectation(name, part, op, 0.0, Selection(phase)).judge(found) == "inconclusive"
    assert metrics[name].document(evidence).value is None


# What can never be settled

UNSETTLED = [
    ("good_ratio >= 0.99 in fault", {}, "300 requests can never settle it, even when all go well; at least 381 are"),
    ("good_ratio >= 0.99 in fault", {"load": {"rate_per_s": 40}}, "600 requests can never settle it, even when all go well; at least 761"),
    ("good_ratio >= 0.95 in fault", {}, None),
    ("good_ratio >= 0.95 in fault", {"load": {"rate_per_s": 4}}, "60 requests can never settle it, even when all go well; at least 73"),
    ("good_ratio >= 1 in fault", {}, "no number of them could"),
    ("good_ratio <= 0.01 in fault", {}, "at least 381 are needed"),
    ("good_ratio > 0.9", {}, None),
    ("answer_consistency >= 0.99 in fault", {}, "at least 381 are needed"),
    ("answer_consistency >= 0.95 in fault", {}, None),
    ("latency_ms.p95 <= 2000 in fault", {}, None),
    ("latency_ms.p99 <= 2000 in fault", {}, "300 requests can never settle it, even when all go well; at least 368"),
    ("ttft_ms.p99 <= 2000", {}, None),
    ("retry_amplification <= 1.5 in fault", {}, None),
    ("retry_amplification <= 1.01 in fault", {}, None),
    ("retry_amplification <= 1 in fault", {}, None),
    ("retry_amplification <= 1 in fault", {"load": {"rate_per_s": 1}}, "15 requests can never settle it"),
    ("retry_amplification <= 0.5 in fault", {}, "no number of them could"),
    ("retry_amplification >= 2 in fault", {}, None),
    ("retry_amplification <= 1.5 in fault", {"faults": [LOSS | {"mode": "refuse"}]}, "regional_loss-1 leaves nobody listening"),
    ("retry_amplification <= 1.5", {"faults": [LOSS | {"mode": "refuse"}]}, "regional_loss-1 leaves nobody listening"),
    ("retry_amplification <= 1.5 in recovery", {"faults": [LOSS | {"mode": "refuse"}]}, None),
    ("retry_amplification <= 1.5 in fault", {"faults": [{"kind": "disconnect", "on": {"kind": "store"}, "mode": "refuse"}]}, None),
    ("recovery_time_s <= 5", {}, None),
    ("recovery_time_s <= 12", {}, None),
    ("recovery_time_s <= 13", {}, "20 s after the fault (phases.recovery) can never settle it: 13 s and 8 s in which"),
    ("recovery_time_s <= 5", {"good": {"within": "8s"}}, "5 s and 16 s in which answers stay good are needed"),
    ("recovery_time_s <= 5", {"phases": (0.3, 1.9, 2.7, 13)}, None),  # 17.9 - 4.9 is a hair less than 13
    ("failover_time_s <= 5", {}, None),
    ("failover_time_s <= 8", {}, "15 s of fault (phases.fault) can never settle it: 8 s and 8 s in which"),
    ("failover_time_s <= 5", {"faults": [LIMIT | {"for": "10s"}]}, "10 s of fault"),
    ("monotonic_violations <= 0", {}, None),
    ("monotonic_violations.rate <= 4", {}, None),
    ("monotonic_violations.rate > 0", {}, None),
    ("monotonic_violations.rate <= 0.1", {}, "one run without any leaves room for 3.7 a run; expect 3.7 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "keys", "told"), UNSETTLED)
def test_what_no_run_could_settle_is_refused_with_what_would_be_enough(
    make_plan: MakePlan, written: str, keys: dict[str, Any], told: str | None
) -> None:
    load = {"rate_per_s": 20, "deadline": "10s"} | keys.get("load", {})
    plan = make_plan(**({"phases": (3, 12, 15, 20)} | keys | {"load": load}))
    why = metrics[written.split()[0].split(".")[0]].unsettled(plan, expectation.parse(written))
    assert (why is None) if told is None else (told in (why or "")), why


@pytest.mark.parametrize(
    ("written", "keys", "told"),
    [
        (
            "monotonic_violations <= 0",
            {"ask": {"protocol": "openai-chat"}},
            "does not say where a reply names its snapshot",
        ),
        (
            "retry_amplification <= 2",
            {"links": {"store": {"kind": "provider", "upstream": "redis://127.0.0.1:1"}}},
            "has no HTTP link, so no attempt can be seen",
        ),
    ],
)
def test_what_the_target_cannot_show_is_refused(
    make_plan: MakePlan, make_target: Callable[..., Target], written: str, keys: dict[str, Any], told: str
) -> None:
    plan = make_plan(of=make_target(**keys))
    assert told in (metrics[written.split()[0]].unsettled(plan, expectation.parse(written)) or "")


# As they stand in a document


def test_in_a_document_what_is_unbounded_or_unmeasured_is_null() -> None:
    assert measured(UNMEASURED) == Measured(value=None, low=None, high=None, censored=False, n=0)
    assert measured(Interval(20.0, 20.0, inf, 7, censored=True)) == Measured(
        value=20.0, low=20.0, high=None, censored=True, n=7
    )


@pytest.mark.parametrize("name", list(metrics))
def test_of_a_phase_or_an_entry_that_the_run_did_not_have_nothing_is_measured(
    make_plan: MakePlan, make_evidence: MakeEvidence, name: str
) -> None:
    """As where somebody renamed one in the files of a stored run, and not in its expectations."""
    plan = make_plan(phases=(1, 2, 6, 2), faults=[LIMIT | {"for": "1s"}, LIMIT | {"at": "fault + 3s", "for": "1s"}])
    evidence, metric = make_evidence(plan, traffic=table([], Traffic, 0.0)), metrics[name]
    nowhere = [Selection(labels=((label, "nowhere"),)) for label in metric.labels if label in ("region", "entry")]
    for selection in [*nowhere, *([Selection("nowhere")] if metric.phased else [])]:
        sample = pick(evidence, selection)
        # How often clients ask says nothing of one link.
        for part in [part for part in metric.parts or (None,) if part != "presses"]:
            assert metric.measure(sample, part) == UNMEASURED, selection
            metric.remark(sample, part)
        assert metric.at_best(sample) == "pass"


# relapses, and what a verdict says of them


def relapsed(make_plan: MakePlan, rows: Rows, *again: tuple[float, float]) -> tuple[Plan, list[Request]]:
    """A fault from 16 s to 21 s at 20 a second, well again 1 s after it, and bad *again* at so many seconds after its end."""
    plan = make_plan(
        phases=(1, 15, 5, 25),
        load={"rate_per_s": 20},
        expect=["recovery_time_s <= 5", "relapses <= 0"],
    )
    spans = [(16, 22), *((21 + start_s, 21 + end_s) for start_s, end_s in again)]

    def change(index: int, due_s: float) -> dict[str, Any]:
        bad = any(start_s <= due_s < end_s for start_s, end_s in spans)
        return {"outcome": "error", "status": 500} if bad else {}

    return plan, rows(plan, change)


@pytest.mark.parametrize(
    ("again", "verdicts", "told"),
    [
        ((), ("pass", "pass"), ""),
        (((24.6, 24.95),), ("pass", "pass"), "recovered after 1.0 s, a blip at 24.6 s for 0.4 s"),
        (
            ((12, 14.5),),
            ("inconclusive", "inconclusive"),
            "recovered after 1.0 s, bad again at 12.0 s for 2.5 s, which the service may be of itself",
        ),
        (((11, 15),), ("fail", "fail"), "recovered after 1.0 s, relapsed at 11.0 s for 4.0 s"),
    ],
)
def test_a_relapse_is_told_by_its_name_and_length_and_spoils_a_recovery(
    make_plan: MakePlan,
    make_evidence: MakeEvidence,
    rows: Rows,
    again: tuple[tuple[float, float], ...],
    verdicts: tuple[str, str],
    told: str,
) -> None:
    plan, requests = relapsed(make_plan, rows, *again)
    result = judge(make_evidence(plan, requests=requests))
    assert tuple(finding.verdict for finding in result.findings) == verdicts
    assert result.findings[0].remark == told
    assert result.findings[0].high < 1.1
    assert told in result.reason


def test_relapses_are_a_metric_of_their_own(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows) -> None:
    def counted(*again: tuple[float, float]) -> tuple[float | None, float, float]:
        plan, requests = relapsed(make_plan, rows, *again)
        found = measure(make_evidence(plan, requests=requests), "relapses")
        return found.value, found.low, found.high

    assert counted() == (0, 0, 0)
    assert counted((12, 14.5)) == (1, 0, 1)
    assert counted((11, 15)) == (1, 1, 1)
    assert counted((11, 15), (23, 23.4)) == (1, 1, 1)
    assert counted((0, 99))[0] is None


def test_a_limit_from_below_is_not_spoilt_by_a_relapse(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan, requests = relapsed(make_plan, rows, (11, 15))
    slow = dataclasses.replace(plan, expectations=(expectation.parse("recovery_time_s >= 0.5"),))
    assert judge(make_evidence(slow, requests=requests)).findings[0].verdict == "pass"


def test_a_time_shorter_than_the_gap_between_two_requests_can_never_be_seen(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 100, 100, 200), load={"rate_per_s": 0.1})
    metric = metrics["recovery_time_s"]
    assert "one request in 10 s" in (metric.unsettled(plan, expectation.parse("recovery_time_s <= 5")) or "")
    assert metric.unsettled(plan, expectation.parse("recovery_time_s <= 15")) is None


def test_relapses_need_time_in_which_to_happen(make_plan: MakePlan) -> None:
    expected = expectation.parse("relapses <= 0")
    assert metrics["relapses"].unsettled(make_plan(phases=(1, 5, 5, 5)), expected)
    assert metrics["relapses"].unsettled(make_plan(phases=(1, 5, 5, 30)), expected) is None


@pytest.mark.parametrize(("ratio", "steady"), [(0.8, True), (0.95, False)])
def test_how_good_a_baseline_has_to_be_is_what_the_scenario_says(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, ratio: float, steady: bool
) -> None:
    plan = make_plan(phases=(1, 20, 5, 25), load={"rate_per_s": 20}, good={"ratio": ratio})
    one_in_ten = rows(plan, lambda index, due_s: {"outcome": "error", "status": 500} if index % 10 == 3 else {})
    result = judge(make_evidence(plan, requests=one_in_ten))
    assert (result.verdict, result.quality.steady_baseline) == ("pass" if steady else "invalid", steady)
    assert (
        steady
        or "90 % of its answers were good before anything was broken, and good.ratio asks for 95 %" in result.reason
    )


def test_a_recovery_that_nobody_can_be_sure_of_says_why(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    def told(change: Callable[[int, float], dict[str, Any]]) -> str:
        plan = make_plan(phases=(1, 15, 5, 25), load={"rate_per_s": 20}, expect=["recovery_time_s <= 5"])
        result = judge(make_evidence(plan, requests=rows(plan, change)))
        assert result.verdict in ("fail", "inconclusive")
        return result.findings[0].remark

    late = told(bad_between(16, 40))
    assert late == "answers may have been good again from 18.9 s on, and were not seen to stay so"


# retry_burst


def again_at(again_s: Callable[[Request], float | None], **fields: Any) -> Callable[[Request], list[dict[str, Any]]]:
    """One try at once, and another one at that moment, where there is one."""

    def of(row: Request) -> list[dict[str, Any]]:
        at_s = again_s(row)
        return [{}] if at_s is None else [{"status": 503}, {"start_s": at_s, "end_s": at_s + 0.05} | fields]

    return of


@pytest.fixture
def tried(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> Callable[..., Evidence]:
    """A run of which each request becomes the attempts that are said; fault from 3 s to 11 s, ten a second."""

    def made(of: Callable[[Request], list[dict[str, Any]]], *strays: Attempt, **keys: Any) -> Evidence:
        plan = make_plan(phases=(1, 2, 8, 1), **keys)
        asked = rows(plan)
        attempts = [attempt(row, **fields) for row in asked for fields in of(row)]
        return make_evidence(plan, requests=asked, attempts=[*attempts, *strays])

    return made


def test_the_retry_burst_is_the_most_tries_again_within_a_tenth_of_a_second(tried: Callable[..., Evidence]) -> None:
    # Requests 20 to 39, of which the first ten were due in the baseline, all come again from 5 s on, one each 4 ms.
    together = again_at(lambda row: 5 + 0.004 * (row.index - 20) if 20 <= row.index < 40 else None)
    found = measure(tried(together), "retry_burst in fault")
    assert (found.value, found.n) == (20, 80 + 20)
    assert (found.low, found.high) == pytest.approx((12.22, 30.89), abs=0.01)  # Garwood's of 20
    assert measure(tried(together), "retry_burst in baseline").value == 0
    # One each 20 ms: five of them within a tenth of a second.
    spread = again_at(lambda row: 5 + 0.02 * (row.index - 20) if 20 <= row.index < 40 else None)
    assert measure(tried(spread), "retry_burst in fault").value == pytest.approx(5, abs=1)
    assert measure(tried(spread), "retry_burst in recovery").value == 0


@pytest.mark.parametrize(
    ("fields", "at_once"),
    [
        ({}, 20),
        ({"link": "provider-west"}, 0),  # who turns elsewhere does not try again
        ({"path": "/v1/embeddings"}, 0),  # nor does who asks for something else
    ],
)
def test_what_is_no_try_again_is_part_of_no_burst(
    tried: Callable[..., Evidence], fields: dict[str, Any], at_once: int
) -> None:
    evidence = tried(again_at(lambda row: 5 + 0.004 * (row.index - 20) if 20 <= row.index < 40 else None, **fields))
    assert measure(evidence, "retry_burst in fault").value == at_once


def test_links_have_bursts_of_their_own(tried: Callable[..., Evidence]) -> None:
    def of(row: Request) -> list[dict[str, Any]]:
        link = "provider-west" if row.index % 4 == 0 else "provider-east"
        at_s = 5 + 0.004 * (row.index - 20)
        return [{"link": link}, {"link": link, "start_s": at_s}] if 20 <= row.index < 40 else [{}]

    by_link = metrics["retry_burst"].document(tried(of)).by.link
    assert (by_link["provider-east"].value, by_link["provider-west"].value) == (15, 5)
    assert measure(tried(of), "retry_burst in fault").value == 15


def test_what_can_be_joined_to_no_request_may_all_have_been_tried_again(tried: Callable[..., Evidence]) -> None:
    strays = [Attempt("provider-east", 6 + 0.001 * n, outcome="complete", status=503) for n in range(30)]
    found = measure(tried(lambda _: [{}], *strays), "retry_burst in fault")
    assert (found.value, found.low) == (0, 0)
    assert found.high > 30
    assert measure(tried(lambda _: [{"nonce": ""}]), "retry_burst in fault") == UNMEASURED


def test_a_burst_is_expected_only_where_it_can_be_seen_and_settled(make_plan: MakePlan) -> None:
    def why(limit: str, **keys: Any) -> str:
        return metrics["retry_burst"].unsettled(make_plan(**keys), expectation.parse(f"retry_burst <= {limit}")) or ""

    assert why("4") == ""
    assert "there may be 3.7 in another" in why("3")
    assert "it would be unmeasured" in why("9", faults=[LOSS | {"mode": "refuse"}])


# store_commands


def asked_of_stores(per_request: Callable[[float], int], *, until_s: float = 7.0) -> pd.DataFrame:
    """Ten requests a second, each of which becomes as many commands at store-east as *per_request* says of its second; bytes elsewhere."""
    slices = [round(0.1 * number, 1) for number in range(int(10 * until_s))]
    stores = [Traffic("store-east", at_s, bytes_out=9, commands=per_request(at_s)) for at_s in slices]
    providers = [Traffic("provider-east", at_s, bytes_out=500, bytes_in=500) for at_s in slices]
    return table([*stores, *providers], Traffic, 0.0)


def test_a_client_that_asks_its_store_again_and_again_shows_in_the_commands_and_not_in_the_attempts(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    plan = make_plan()
    evidence = make_evidence(plan, traffic=asked_of_stores(lambda at_s: 28 if 3 <= at_s < 5 else 1))
    before = measure(evidence, "store_commands in baseline")
    assert (before.value, before.n) == (1, 20)
    assert before.low <= 1 <= before.high < 1.3
    during = measure(evidence, "store_commands in fault")
    assert during.value == pytest.approx(28)
    assert during.low > 20
    assert measure(evidence, "retry_amplification in fault").value == 1
    document = metrics["store_commands"].document(evidence)
    assert document.by.phase["fault"] == measured(during)
    assert set(document.by.link) == {"store-east", "store-west", "replication"}
    assert document.by.link["store-west"].value == 0


def test_a_service_that_gives_up_its_store_has_no_commands_to_be_praised_for(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    plan = make_plan(
        expect=["store_commands <= 5 in fault"],
        faults=[{"kind": "latency", "on": {"link": "store-east"}, "base": "100ms"}],
    )
    silent = judge(make_evidence(plan, traffic=asked_of_stores(lambda at_s: 0 if 3 <= at_s < 5 else 1)))
    assert silent.verdict == "inconclusive"
    assert "not one command was said then" in silent.reason
    assert judge(make_evidence(plan, traffic=asked_of_stores(lambda at_s: 1))).verdict == "pass"


def test_a_service_that_gives_up_its_store_in_one_of_several_phases_is_no_pass(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    plan = make_plan(
        expect=["store_commands <= 5"], faults=[{"kind": "latency", "on": {"link": "store-east"}, "base": "100ms"}]
    )
    silent = judge(make_evidence(plan, traffic=asked_of_stores(lambda at_s: 0 if 3 <= at_s < 5 else 2)))
    assert silent.verdict == "inconclusive"
    assert "in fault not one command was said, and 2 for each request in the baseline" in silent.reason
    seldom = judge(make_evidence(plan, traffic=asked_of_stores(lambda at_s: 1 if at_s in (1.5, 5.5) else 0)))
    assert seldom.verdict == "pass", seldom.reason
    assert judge(make_evidence(plan, traffic=asked_of_stores(lambda at_s: 2))).verdict == "pass"


def test_amplification_says_on_which_links_it_sees_nothing(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(make_plan())
    assert metrics["retry_amplification"].document(evidence).unseen == ["store-east", "store-west", "replication"]
    assert metrics["store_commands"].document(evidence).unseen == []


@pytest.mark.parametrize("traffic", [None, [], [Traffic("store-east", 1.0, connections=1, bytes_out=5, bytes_in=5)]])
def test_where_no_command_was_seen_nothing_was_measured(
    make_plan: MakePlan, make_evidence: MakeEvidence, traffic: list[Traffic] | None
) -> None:
    seen = None if traffic is None else table(traffic, Traffic, 0.0)
    evidence = make_evidence(make_plan(), traffic=seen)
    assert measure(evidence, "store_commands") == UNMEASURED
    assert metrics["store_commands"].at_best(pick(evidence)) == "pass"


def test_commands_that_nobody_listens_to_are_not_counted_as_none(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    refused = make_evidence(make_plan(faults=[LOSS | {"mode": "refuse"}]), traffic=asked_of_stores(lambda _: 1))
    assert measure(refused, "store_commands in fault") == UNMEASURED
    assert measure(refused, "store_commands in baseline").value == 1
    written = "store_commands <= 5 in fault"
    plan = refused.plan
    assert "regional_loss-1 leaves nobody listening" in (
        metrics["store_commands"].unsettled(plan, expectation.parse(written)) or ""
    )


def test_a_target_without_redis_has_no_commands_to_expect(make_plan: MakePlan, target: Target) -> None:
    links = {name: link for name, link in target.links.items() if link.carries != "redis"}
    bare = make_plan(of=target.model_copy(update={"links": links}))
    assert "no link that carries Redis" in (
        metrics["store_commands"].unsettled(bare, expectation.parse("store_commands <= 5")) or ""
    )
