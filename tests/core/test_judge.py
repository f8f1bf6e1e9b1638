"""What a run came to: the worst of how it ended, whether it can be trusted, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import msgspec
import pytest
from concluded import concluded

from harness.faults.effects import Sight
from harness.judging import verdict
from harness.judging.evidence import Evidence
from harness.judging.result import EXIT_STATUS, PRECEDENCE, Result
from harness.planning.plan import Plan
from harness.reading.target import Target
from harness.record import history
from harness.record.history import Alarm, Confirmed, Ended, Event, Injected, Injecting, Look, Reverted, Reverting
from harness.record.rows import Arrival, Attempt, Request, Traffic
from harness.record.tables import table
from harness.running.wire.tap.redis_commands import RedisCommands

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Events = Callable[[Plan], list[Event]]

# All 20 answers of the fault phase are good, which is an interval of 0.84 to 1.
EXPECTED = {
    "pass": "good_ratio >= 0.5 in fault",
    "fail": "good_ratio <= 0.5 in fault",
    "inconclusive": "good_ratio >= 0.9 in fault",
}
ENDED = {
    "completed": [Ended(9.0, "completed")],
    "interrupted": [Ended(9.0, "interrupted")],
    "crashed": [Ended(9.0, "crashed", "the disk is full")],
    "killed": [],
    "aborted": [Ended(9.0, "aborted", "error budget spent")],
}
SAYS = {"completed": "pass", "killed": "crashed"}


def worst(*verdicts: str) -> str:
    return next(verdict for verdict in PRECEDENCE if verdict in verdicts)


@pytest.mark.parametrize(("ended", "trusted"), list(product(ENDED, [True, False])))
def test_the_worst_that_holds_is_the_verdict(
    make_plan: MakePlan, make_evidence: MakeEvidence, events: Events, ended: str, trusted: bool
) -> None:
    # All pairs: what ended it, what to distrust, and what was found, each beside each worse and each better one.
    well = [["pass"], ["pass", "fail"], ["pass", "inconclusive"]] if ended == "completed" else []
    for found in [*well, ["pass", "inconclusive", "fail"]]:
        plan = make_plan(expect=[EXPECTED[one] for one in found])
        trouble = [] if trusted else [Alarm(4.0, "the proxy wedged")]
        evidence = make_evidence(plan, history=[*events(plan)[:-1], *trouble, *ENDED[ended]])
        result = concluded(evidence)
        expected = worst(SAYS.get(ended, ended), "pass" if trusted else "invalid", *found)
        assert (result.verdict, result.exit_status) == (expected, EXIT_STATUS[result.verdict])
        assert [finding.verdict for finding in result.findings] == found


def test_there_is_an_exit_status_and_a_rank_for_every_verdict() -> None:
    assert set(EXIT_STATUS) == set(PRECEDENCE)
    assert EXIT_STATUS == {
        "pass": 0, "fail": 1, "inconclusive": 3, "invalid": 4, "aborted": 5, "crashed": 70, "interrupted": 130,
    }  # fmt: skip


@pytest.fixture
def judged(make_plan: MakePlan, make_evidence: MakeEvidence) -> Callable[..., Result]:
    """The result of a run in which nothing went wrong but for what is given, with no other *numbers* than those."""

    def judge(plan: Plan | None = None, numbers: Sequence[str] = (), **keys: Any) -> Result:
        return verdict.judge(make_evidence(plan or make_plan(), **keys), numbers)

    return judge


def test_a_run_in_which_all_is_well_passes_and_says_what_held(judged: Callable[..., Result]) -> None:
    result = judged()
    assert result.verdict == "pass"
    assert result.reason == "Every expectation held: good_ratio >= 0.5 in fault (1, 95 % interval 0.839 to 1)."


def test_a_broken_expectation_is_told_with_its_interval_and_its_limit(
    make_plan: MakePlan, judged: Callable[..., Result]
) -> None:
    result = judged(make_plan(expect=["good_ratio <= 0.5 in fault", "latency_ms.p50 <= 50 in fault"]))
    assert result.reason == (
        "good_ratio in fault was 1, 95 % interval 0.839 to 1; expected <= 0.5; "
        "latency_ms.p50 in fault was 100, 95 % interval 100 to 100; expected <= 50."
    )


def test_a_metric_that_begins_the_reason_is_written_as_it_is_called(
    make_plan: MakePlan, judged: Callable[..., Result]
) -> None:
    result = judged(make_plan(phases=(1, 12, 22, 20), expect=["relapses >= 1"]))
    assert result.reason == "relapses was 0, 95 % interval 0 to 0; expected >= 1."


def test_what_was_not_measured_is_no_verdict_either_way(make_plan: MakePlan, judged: Callable[..., Result]) -> None:
    result = judged(make_plan(expect=["ttft_ms.p50 <= 50 in fault"]), requests=None, attempts=None)
    assert result.verdict == "fail"
    plan = make_plan(faults=[], expect=["retry_amplification <= 3"])
    result = judged(plan, attempts=[])
    assert result.verdict == "inconclusive"
    assert result.reason == "Too little evidence for retry_amplification <= 3: it was not measured."


# What makes a measurement worth nothing, each with its twin just on the other side


def late_by(ms: float, share: int) -> Callable[[int, float], dict[str, Any]]:
    """Every *share*-th request is sent *ms* late."""
    return lambda index, due_s: {"sent_s": due_s + (ms / 1000 if index % share == 0 else 0)}


@pytest.mark.parametrize(
    ("ms", "share", "trusted"), [(49, 1, True), (51, 1, False), (400, 200, True), (400, 20, False)]
)
def test_a_load_that_fell_behind_is_not_trusted(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, ms: float, share: int, trusted: bool
) -> None:
    plan = make_plan(load={"rate_per_s": 100})
    result = judged(plan, requests=rows(plan, late_by(ms, share)))
    assert result.verdict == ("pass" if trusted else "invalid")
    assert trusted or "the load fell behind: 1 in 100 was sent" in result.reason.lower()


def test_one_request_that_was_not_sent_is_one_too_many(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows
) -> None:
    plan = make_plan()
    unsent = {"outcome": "not_sent", "sent_s": None, "end_s": None, "first_token_s": None, "status": 0}
    result = judged(plan, requests=rows(plan, lambda index, due_s: unsent if index == 50 else {}))
    assert result.verdict == "invalid"
    assert (result.quality.dropped, result.quality.sent, result.quality.offered) == (1, 69, 70)
    assert "1 of 70 requests was not sent" in result.reason


@pytest.mark.parametrize(("change", "trusted"), [("none", True), ("lost", False), ("doubled", False), ("last", False)])
def test_every_request_has_to_be_there_once(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, change: str, trusted: bool
) -> None:
    asked = rows(make_plan())
    changed = {"none": asked, "lost": asked[:40] + asked[41:], "doubled": [*asked, asked[40]], "last": asked[:-1]}
    assert judged(requests=changed[change]).verdict == ("pass" if trusted else "invalid")


@pytest.mark.parametrize("noted", [True, False], ids=["noted as the run began", "of a version that noted nothing"])
@pytest.mark.parametrize("lost", [0, 1])
def test_the_last_of_requests_at_random_times_is_missed_too(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, lost: int, noted: bool
) -> None:
    plan = make_plan(load={"arrivals": "poisson"})
    planned = plan.schedule.requests
    result = judged(plan, requests=rows(plan)[: planned - lost], planned=planned if noted else 0)
    assert (result.verdict, result.quality.missing) == (("invalid", 1) if lost else ("pass", 0))


def test_what_a_broken_service_says_may_hold_any_character(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows
) -> None:
    plan = make_plan()
    result = judged(plan, requests=rows(plan, lambda *_: {"outcome": "error", "detail": "502: \0\x1f\0"}))
    assert result.verdict == "invalid"
    assert "most often: error: 502: " in result.reason


def test_a_run_that_was_killed_before_anything_was_due_lasted_no_time(
    make_plan: MakePlan, judged: Callable[..., Result]
) -> None:
    result = judged(make_plan(), requests=[], attempts=[], history=[])
    assert (result.verdict, result.duration_s) == ("crashed", 0.0)


SLOW = {"phases": (1, 12, 6, 12), "load": {"rate_per_s": 20, "deadline": "6s"}, "good": {"within": "5s"}}


def slow_answers(lost_from_s: float, lost_until_s: float) -> Callable[[int, float], dict[str, Any]]:
    """Answers take three seconds; those of requests due between the two never come."""

    def change(_: int, due_s: float) -> dict[str, Any]:
        lost = lost_from_s <= due_s < lost_until_s
        return {"outcome": "timed_out", "end_s": due_s + 6} if lost else {"end_s": due_s + 3}

    return change


@pytest.mark.parametrize(("lost_until_s", "steady"), [(13, True), (8.5, False)])
def test_what_is_in_flight_when_a_fault_begins_is_no_trouble_of_the_baseline(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, lost_until_s: float, steady: bool
) -> None:
    # The fault begins at 13 s. What was due up to 3 s before may have been hit by it; what was due from 5.5 s to 8.5 s was not.
    made = make_plan(expect=["good_ratio >= 0.5 in fault"], **SLOW)
    lost = rows(made, slow_answers(lost_until_s - 3, lost_until_s))
    result = concluded(make_evidence(made, requests=lost))
    assert result.quality.steady_baseline is steady


def test_without_a_fault_nothing_of_the_baseline_is_left_out(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    made = make_plan(faults=[], expect=["good_ratio >= 0.5"], **SLOW)
    result = concluded(make_evidence(made, requests=rows(made, slow_answers(10, 13))))
    assert result.quality.steady_baseline is False


def test_what_is_in_flight_when_a_fault_begins_says_nothing_of_how_failures_clump(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    made = make_plan(expect=["good_ratio >= 0.92 in fault"], **SLOW)

    def fault(lost_before: bool) -> Result:
        def change(index: int, due_s: float) -> dict[str, Any]:
            lost = 13 <= due_s < 16 or (lost_before and 10 <= due_s < 13)
            return {"outcome": "timed_out", "end_s": due_s + 6} if lost else {"end_s": due_s + 3}

        return verdict.judge(make_evidence(made, requests=rows(made, change)), ["good_ratio"])

    alone, hit = fault(lost_before=False), fault(lost_before=True)
    assert hit.verdict == alone.verdict == "fail"
    assert hit.metrics["good_ratio"].by.phase["fault"] == alone.metrics["good_ratio"].by.phase["fault"]


@pytest.mark.parametrize(("bad", "trusted"), [(0, True), (2, True), (4, False)])
def test_a_baseline_has_to_be_steady(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, bad: int, trusted: bool
) -> None:
    # 18 good of 20 may well be a ratio of 0.95; 16 of 20 cannot, where each of the others failed alone.
    plan = make_plan()
    result = judged(
        plan, requests=rows(plan, lambda i, _: {"outcome": "error"} if i in range(11, 11 + 5 * bad, 5) else {})
    )
    assert (result.verdict, result.quality.steady_baseline) == (("pass", True) if trusted else ("invalid", False))
    assert trusted or "80 % of its answers were good before anything was broken" in result.reason


def test_without_a_baseline_nobody_knows_what_the_service_does_unbroken(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Callable[..., list[Request]]
) -> None:
    plan = make_plan(load={"arrivals": "poisson"})
    baseline = plan.phase("baseline")
    asked = [row for row in rows(plan) if not baseline.start_s <= row.due_s < baseline.end_s]
    result = judged(plan, requests=asked)
    assert (result.verdict, result.quality.steady_baseline) == ("invalid", None)
    assert "nothing was asked in the baseline" in result.reason.lower()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            {"kind": "bandwidth", "kilobytes_per_s": 9},
            "2 connections felt it at the tap; the tap says that it is there",
        ),
        ({"kind": "capacity", "to": 0.5}, "2 chats felt it at the provider; the provider says that it is there"),
        (
            {"kind": "http_error", "status": 500},
            "2 attempts answered for it at the edge; the edge says that it is there",
        ),
        (
            {"kind": "store_error", "error": "oom"},
            "2 commands answered for it at the tap; the tap says that it is there",
        ),
        ({"kind": "lost_messages"}, "2 messages lost for it at the tap; the tap says that it is there"),
    ],
)
def test_what_was_counted_is_told_in_the_words_of_its_place(
    make_plan: MakePlan, judged: Callable[..., Result], events: Events, fault: dict[str, Any], told: str
) -> None:
    link = "store-east" if fault["kind"] in ("store_error", "lost_messages") else "provider-east"
    plan = make_plan(faults=[fault | {"on": {"link": link}}])
    others = [event for event in events(plan) if not isinstance(event, Confirmed)]
    seen = Look(4.0, plan.disturbances[0].id, Sight(link, answered=2, stands=True))
    assert (
        judged(plan, history=sorted([*others, seen], key=lambda event: getattr(event, "at_s", 0.0))).faults[0].evidence
        == told
    )


def looks(*seen: tuple[float, Any, ...]) -> list[Event]:
    """Looks at both links of a latency of 100 ms: when, how late probes were answered (None: no probe), and what the proxy said."""
    events: list[Event] = []
    for at_s, late_s, *said in seen:
        probe = ("", 0.0) if late_s is None else ("answered", late_s)
        amiss = said[0] if said else ""
        for link in ("provider-east", "provider-west"):
            wrong = amiss if link == "provider-west" else ""
            events.append(Look(at_s, "latency-1", Sight(link, *probe, stands=not wrong, amiss=wrong)))
    return events


@pytest.mark.parametrize(
    ("seen", "verdict", "held_at_s", "lost_at_s", "reason"),
    [
        ([(3.2, 0.1), (4.3, 0.11), (5.0, None)], "pass", 3.2, None, ""),
        ([(3.2, 0.01), (3.4, 0.1), (5.0, None)], "pass", 3.4, None, ""),
        ([(3.2, 0.01), (5.0, None)], "invalid", None, None, "did not take hold: probe of provider-east: answered after 0.010 s; probe"),
        ([(3.2, 0.1), (4.3, 0.01), (4.9, 0.1), (5.0, None)], "pass", 3.2, None, ""),  # one probe that a busy machine spoiled
        ([(3.2, 0.1), (4.3, 0.01), (4.9, 0.02)], "invalid", 3.2, 4.3, "seen at 4.3 s, 1.3 s after it began; probe of provider-"),
        # One that was seen late was not there before.
        ([(3.2, 0.01), (4.3, 0.01), (4.5, 0.01), (4.7, 0.1), (5.0, None)], "invalid", 4.7, 4.3, "seen at 4.3 s, 1.3 s after it began; "),
        ([(3.2, 0.01), (4.0, 0.01), (4.3, 0.01), (4.7, 0.1), (5.0, None)], "pass", 4.7, None, ""),
        ([(3.2, 0.1), (4.3, 0.1, "somebody reset it"), (5.0, None)], "invalid", 3.2, 4.3, "began; provider-west: somebody reset it."),
        ([(3.2, 0.1), (5.0, None, "somebody reset it")], "invalid", 3.2, 5.0, "seen at 5.0 s, 2.0 s after it began; provider-"),
        ([(5.0, None)], "invalid", None, None, "did not take hold: the proxy says that it is there."),
    ],
)  # fmt: skip
def test_what_the_looks_saw_decides_whether_a_fault_took_hold_and_stood_to_its_end(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    events: Events,
    seen: list[Any],
    verdict: str,
    held_at_s: float | None,
    lost_at_s: float | None,
    reason: str,
) -> None:
    plan = make_plan()
    others = [event for event in events(plan) if not isinstance(event, Confirmed)]
    result = judged(plan, history=[*others[:2], *looks(*seen), *others[2:]])
    fault = result.faults[0]
    assert (result.verdict, fault.confirmed_at_s, fault.lost_at_s) == (verdict, held_at_s, lost_at_s)
    assert reason in result.reason
    assert bool(fault.lost) == (lost_at_s is not None)


@pytest.mark.parametrize(("at_s", "told"), [(2.0, False), (3.5, True)])
def test_a_fault_that_a_run_which_was_cut_short_never_came_to_is_not_blamed(
    make_plan: MakePlan, judged: Callable[..., Result], events: Events, at_s: float, told: bool
) -> None:
    plan = make_plan()
    before = [event for event in events(plan) if event.at_s < at_s and not isinstance(event, Confirmed)]
    result = judged(plan, history=[*before, Alarm(at_s, "it wedged"), Ended(at_s, "invalidated", "it wedged")])
    assert result.verdict == "invalid"
    assert ("did not take hold" in result.reason) == told


@pytest.mark.parametrize("held", [True, False, None])
def test_of_a_run_of_before_looks_were_written_down_it_stands_as_it_was_decided_then(
    make_plan: MakePlan, judged: Callable[..., Result], events: Events, held: bool | None
) -> None:
    plan = make_plan()
    seen = [] if held is None else [Confirmed(3.2, "latency-1", held, "looked at" if held else "seen nowhere")]
    changed = [event for event in events(plan) if not isinstance(event, Confirmed)]
    result = judged(plan, history=[*changed[:2], *seen, *changed[2:]])
    assert result.verdict == ("pass" if held else "invalid")
    assert result.faults[0].confirmed == bool(held)
    if held is False:
        assert result.reason == "Latency 100 ms on kind provider did not take hold: seen nowhere."


LOSS = {"kind": "regional_loss", "region": "west"}
OTHERS = ("replication",)
UNUSED = (
    "regional_loss west · blackhole broke what is not used: nothing had passed on {} before anything was broken; does the service take "
    "its address from the link? A link that is rightly quiet says idle: true in the target file."
)


def passed(*links: str, at_s: float = 1.5) -> list[Traffic]:
    """That something passed on *links*, over HTTP, Redis or bare TCP alike."""
    return [Traffic(link, at_s, connections=1, bytes_out=10, bytes_in=10) for link in links]


@pytest.mark.parametrize(
    ("traffic", "unused"),
    [
        (passed("provider-west", "store-west", *OTHERS), ""),
        (passed("store-west", *OTHERS), "provider-west"),
        (passed("provider-west", *OTHERS), "store-west"),
        (passed("provider-west", "store-west"), "replication"),
        (passed("provider-east", *OTHERS), "provider-west, store-west"),
        # In the warm-up counts, since a store may be asked seldom; once it is broken shows nothing.
        (passed("provider-west", "store-west", *OTHERS, at_s=0.2), ""),
        ([*passed(*OTHERS), *passed("provider-west", "store-west", at_s=3.5)], "provider-west, store-west"),
        ([*passed(*OTHERS), *passed("provider-west", "store-west", at_s=-5.0)], "provider-west, store-west"),
        # A connection alone is no use.
        ([*passed("provider-west", *OTHERS), Traffic("store-west", 1.0, connections=3)], "store-west"),
        ([], "provider-west, store-west, replication"),
    ],
)
def test_every_link_that_is_broken_has_to_have_carried_something_before(
    make_plan: MakePlan, judged: Callable[..., Result], traffic: list[Traffic], unused: str
) -> None:
    result = judged(make_plan(faults=[LOSS]), traffic=table(traffic, Traffic, 0.0))
    assert result.verdict == ("invalid" if unused else "pass")
    assert not unused or result.reason == UNUSED.format(unused)


@pytest.mark.parametrize(("at_s", "trusted"), [(1.5, False), (4.5, True), (14.9, True), (15.5, False)])
def test_what_passed_in_the_warm_up_does_not_vouch_for_a_baseline_that_is_long_enough(
    make_plan: MakePlan, judged: Callable[..., Result], at_s: float, trusted: bool
) -> None:
    plan = make_plan(phases=(3, 12, 2, 2), faults=[LOSS])
    traffic = table([*passed("provider-west", *OTHERS, at_s=8.0), *passed("store-west", at_s=at_s)], Traffic, 0.0)
    assert judged(plan, traffic=traffic).verdict == ("pass" if trusted else "invalid")


WITH_A_STORE = {
    "services": {"redis": "redis", "worker": {"command": ["worker"], "ready": {"tcp": True}}},
    "links": {
        "near": {"kind": "store", "upstream": "redis://127.0.0.1:{redis.port}"},
        "far": {"kind": "store", "upstream": "redis://127.0.0.1:{redis.port}"},
        "other": {"kind": "store", "upstream": "redis://127.0.0.1:3"},
        "provider-east": {"kind": "provider", "region": "east", "upstream": {"simulated": {}}},
    },
}


COMPOSED = {
    "services": {},
    "compose": {"file": "compose.yaml", "services": {"redis": {"port": 6379}, "worker": {"port": 80}}},
    "containers": {"shop": {"name": "shop-1"}},
}


@pytest.mark.parametrize(
    ("kind", "on"),
    [("kill", "process"), ("pause", "process"), ("kill", "container"), ("pause", "container"), ("unplug", "container")],
)
@pytest.mark.parametrize(
    ("used", "verdict"), [(("near", "far"), "pass"), (("far",), "pass"), (("other",), "invalid"), ((), "invalid")]
)
def test_a_process_that_is_broken_has_to_have_been_used_over_one_of_its_links(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    make_target: Callable[..., Target],
    kind: str,
    on: str,
    used: tuple[str, ...],
    verdict: str,
) -> None:
    of = make_target(**WITH_A_STORE | (COMPOSED if on == "container" else {}))
    plan = make_plan(of=of, faults=[{"kind": kind, "on": {on: "redis"}}])
    result = judged(plan, traffic=table(passed(*used), Traffic, 0.0))
    assert result.verdict == verdict, result.reason
    assert verdict == "pass" or "broke what is not used: nothing had passed on near, far before" in result.reason


def test_of_a_process_that_no_link_leads_to_it_is_told_that_nothing_shows_whether_it_is_used(
    make_plan: MakePlan, judged: Callable[..., Result], make_target: Callable[..., Target]
) -> None:
    plan = make_plan(of=make_target(**WITH_A_STORE), faults=[{"kind": "kill", "on": {"process": "worker"}}])
    result = judged(plan, traffic=table([], Traffic, 0.0))
    assert result.verdict == "pass"
    assert "broke what no link leads to, so nothing shows whether the service uses it; give it a link" in result.reason
    entries = [{"url": "http://127.0.0.1:{worker.port}"}]
    asked = make_plan(
        of=make_target(**WITH_A_STORE, entries=entries), faults=[{"kind": "kill", "on": {"process": "worker"}}]
    )
    assert "no link leads to" not in judged(asked, traffic=table([], Traffic, 0.0)).reason


@pytest.mark.parametrize(
    ("name", "failed", "told"),
    [
        ("worker", 0, "broke what no link leads to, so nothing shows whether the service uses it; give it a link to {worker.port}"),
        # Where it runs already, no link can be said to lead to it, and what becomes of requests has to tell.
        ("shop", 0, "broke what no link names, and no more requests failed under it, so nothing shows whether the service uses it"),
        ("shop", 5, ""),
    ],
)  # fmt: skip
def test_of_a_container_that_no_link_leads_to_it_is_told_that_nothing_shows_whether_it_is_used(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    make_target: Callable[..., Target],
    rows: Rows,
    name: str,
    failed: int,
    told: str,
) -> None:
    plan = make_plan(
        of=make_target(**WITH_A_STORE | COMPOSED),
        faults=[{"kind": "kill", "on": {"container": name}}],
        expect=["good_ratio >= 0.1 in fault"],
    )
    asked = rows(plan, lambda index, _: {"outcome": "error", "status": 503} if 0 <= index - 35 < failed else {})
    result = judged(plan, requests=asked, traffic=table([], Traffic, 0.0))
    assert (result.verdict, told in result.reason) == ("pass", True)
    assert ("whether the service uses it" in result.reason) == bool(told)


def test_a_link_that_is_rightly_quiet_and_was_never_tried_is_told(
    make_plan: MakePlan, judged: Callable[..., Result], target: Target
) -> None:
    quiet = {name: link.model_copy(update={"idle": name == "store-west"}) for name, link in target.links.items()}
    plan = make_plan(of=target.model_copy(update={"links": quiet}), faults=[LOSS])
    used = [*passed("provider-west", *OTHERS), *passed("provider-west", at_s=3.5)]
    said = "regional_loss west · blackhole broke store-west, where nothing passed before or meanwhile (idle: true)"
    never = judged(plan, traffic=table(used, Traffic, 0.0))
    assert (never.verdict, said in never.reason, len(never.quality.notes)) == ("pass", True, 1)
    tried = judged(plan, traffic=table([*used, *passed("store-west", at_s=3.5)], Traffic, 0.0))
    assert (tried.verdict, said in tried.reason, tried.quality.notes) == ("pass", False, [])


def test_a_link_that_is_said_to_be_idle_may_be_quiet(
    make_plan: MakePlan, judged: Callable[..., Result], target: Target
) -> None:
    quiet = {name: link.model_copy(update={"idle": name == "store-west"}) for name, link in target.links.items()}
    standby = target.model_copy(update={"links": quiet})
    assert (
        judged(
            make_plan(of=standby, faults=[LOSS]), traffic=table(passed("provider-west", *OTHERS), Traffic, 0.0)
        ).verdict
        == "pass"
    )
    assert (
        judged(make_plan(of=standby, faults=[LOSS]), traffic=table(passed("store-west", *OTHERS), Traffic, 0.0)).verdict
        == "invalid"
    )


LATE = {"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}
BOTH = ("provider-east", "provider-west")
MET_NOBODY = (
    "Latency 100 ms on kind provider met nobody: nothing was sent on provider-east, provider-west while it was in force, so nothing "
    "shows how the service bears it"
)


@pytest.mark.parametrize(
    ("fault", "meanwhile", "verdict", "said"),
    [
        (LATE, [], "invalid", MET_NOBODY),
        (LATE, passed("store-east", at_s=3.5), "invalid", MET_NOBODY),
        (LATE, passed(*BOTH, at_s=5.5), "invalid", MET_NOBODY),
        # One of them is enough, and the other is told.
        (LATE, passed(BOTH[0], at_s=3.5), "pass", "broke provider-west, where nothing was sent meanwhile, so it shows nothing of that"),
        (LATE, passed(*BOTH, at_s=3.5), "pass", ""),
        # Who comes in vain has come.
        (LATE, [Traffic(name, 4.0, connections=1) for name in BOTH], "pass", ""),
        # A flap that nobody met beside one that somebody did.
        (LATE | {"flap": {"period": "1s", "duty": 0.4}}, passed(*BOTH, at_s=4.2), "pass", ""),
        (LATE | {"flap": {"period": "1s", "duty": 0.4}}, [], "invalid", MET_NOBODY),
        # A store may be quiet for 2 s.
        (LATE | {"on": {"kind": "store"}}, [], "pass", ""),
    ],
)  # fmt: skip
def test_a_fault_of_links_on_which_nobody_came_while_it_was_in_force_shows_nothing(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    fault: dict[str, Any],
    meanwhile: list[Traffic],
    verdict: str,
    said: str,
) -> None:
    before = passed(*BOTH, "store-east", "store-west", *OTHERS)
    result = judged(make_plan(faults=[fault]), traffic=table([*before, *meanwhile], Traffic, 0.0))
    assert (result.verdict, said in result.reason) == (verdict, True)
    assert len(result.quality.notes) == bool(said)


def kept_open(link: str, *at_s: float, opened: int = 0) -> list[Traffic]:
    """That so much passed on *link*, in which so many connections were *opened*, from the first of these tenths of seconds on."""
    return [Traffic(link, at, int(index < opened), bytes_out=10, bytes_in=10) for index, at in enumerate(at_s)]


NO_NEW = {"kind": "disconnect", "on": {"link": "provider-west"}, "mode": "no_new"}
REFUSES = {"kind": "http_error", "on": {"kind": "provider"}, "status": 503}
SWITCHED = {"kind": "switch", "id": "next"}
IN_WAIT = REFUSES | {"may_miss": True, "id": "waiting", "on": {"kind": "provider", "model": "none-such"}}
EAST, WEST = (LATE | {"on": {"link": name}} for name in BOTH)


@pytest.mark.parametrize(
    ("faults", "meanwhile", "unmet"),
    [
        # What breaks nothing, and what nobody met, is nothing that a service can have turned away of.
        ([SWITCHED, LATE], [], 1),
        ([IN_WAIT, LATE], [], 1),
        ([EAST, WEST], [], 2),
        ([EAST | {"for": "1s"}, WEST | {"at": "fault + 1s"}], [], 2),
        ([EAST, NO_NEW], kept_open("provider-west", 3.2, 3.6, 4.0, 4.4, 5.5, 6.0), 2),
        # What somebody met is; also where it is no link that was broken.
        ([EAST, WEST], passed(BOTH[0], at_s=3.5), 0),
        ([WEST, EAST], passed(BOTH[0], at_s=3.5), 0),
        ([NO_NEW, EAST], passed("provider-west", at_s=5.6), 0),
    ],
)  # fmt: skip
def test_a_fault_is_excused_from_having_met_nobody_by_another_one_alone_that_somebody_met(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    faults: list[dict[str, Any]],
    meanwhile: list[Traffic],
    unmet: int,
) -> None:
    before = kept_open(BOTH[0], 1.2, 1.6, 2.0) + kept_open(BOTH[1], 1.2, 1.6, 2.0)
    others = passed("store-east", "store-west", *OTHERS)
    plan = make_plan(faults=faults)
    result = judged(plan, traffic=table([*before, *others, *meanwhile], Traffic, 0.0))
    assert [doubt.kind for doubt in result.doubts] == ["unmet"] * unmet, result.reason


@pytest.mark.parametrize(
    "fault", [REFUSES, LATE, {"kind": "bandwidth", "on": {"kind": "provider"}, "kilobytes_per_s": 10}], ids=lambda fault: fault["kind"]
)  # fmt: skip
def test_a_link_of_several_that_nobody_came_to_is_told_whatever_the_fault_is_shown_by(
    make_plan: MakePlan, judged: Callable[..., Result], fault: dict[str, Any]
) -> None:
    before = passed(*BOTH, "store-east", "store-west", *OTHERS)
    result = judged(make_plan(faults=[fault]), traffic=table([*before, *passed(BOTH[0], at_s=3.5)], Traffic, 0.0))
    assert result.verdict == "pass", result.reason
    assert "broke provider-west, where nothing was sent meanwhile, so it shows nothing of that" in result.reason


REFUSE = NO_NEW | {"mode": "refuse"}
BEFORE, MEANWHILE, AFTER, LATER = (1.2, 1.6, 2.0, 2.4), (3.2, 3.6, 4.0, 4.4), (5.5, 6.0), (6.2, 6.4, 6.5, 6.6)
ON_WEST = "who is refused leaves no trace, and on provider-west "
SURELY = f"disconnect · no_new on link provider-west met nobody, as far as can be told: {ON_WEST}"
PERHAPS = "disconnect · {} on link provider-west may have met nobody: " + ON_WEST


@pytest.mark.parametrize(
    ("fault", "traffic", "verdict", "said"),
    [
        # A pool that opens nothing goes on as before.
        (NO_NEW, kept_open("provider-west", *BEFORE, *MEANWHILE, *AFTER), "invalid", SURELY + "there had been no new connections in 4 s"),
        (NO_NEW, kept_open("provider-west", *BEFORE, *MEANWHILE, *AFTER, opened=1), "invalid", SURELY + "there had been 1 new"),
        (NO_NEW, kept_open("provider-west", *BEFORE, *MEANWHILE, *AFTER, opened=3), "pass", PERHAPS.format("no_new")),
        # Opened often enough without it, also since.
        (NO_NEW, kept_open("provider-west", *BEFORE, 2.6, 2.8, opened=6) + kept_open("provider-west", *MEANWHILE), "pass", ""),
        (NO_NEW, kept_open("provider-west", *BEFORE, *MEANWHILE) + kept_open("provider-west", *AFTER, *LATER, opened=6), "pass", ""),
        # What was open went away and did not come again.
        (NO_NEW, kept_open("provider-west", *BEFORE, 3.2), "pass", ""),
        # Where what is open is reset, whoever comes at all meets it.
        (REFUSE, kept_open("provider-west", *BEFORE, 2.6, 2.8), "pass", ""),
        (REFUSE, kept_open("provider-west", *BEFORE), "pass", PERHAPS.format("refuse") + "there had been 4 tenth of a second in which"),
        (REFUSE, kept_open("provider-west", 1.2), "invalid", "disconnect · refuse on link provider-west met nobody, as far as can be told"),
    ],
)  # fmt: skip
def test_a_fault_that_refuses_whoever_comes_has_met_those_who_came_as_often_without_it(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    fault: dict[str, Any],
    traffic: list[Traffic],
    verdict: str,
    said: str,
) -> None:
    result = judged(make_plan(faults=[fault]), traffic=table(traffic, Traffic, 0.0))
    assert (result.verdict, said in result.reason[:1].lower() + result.reason[1:]) == (verdict, True)
    assert [doubt.kind for doubt in result.doubts] == (["unmet"] if verdict == "invalid" else [])
    assert bool(result.quality.notes) == (said.startswith(PERHAPS[:40].format(fault["mode"])) and "may have" in said)


@pytest.mark.parametrize(
    ("failed", "verdict"), [((), "invalid"), ((25,), "pass"), ((5, 25), "invalid"), ((5, 25, 26, 27), "pass")]
)
def test_requests_that_fail_more_often_under_a_fault_show_that_somebody_met_it(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, failed: tuple[int, ...], verdict: str
) -> None:
    plan = make_plan(faults=[NO_NEW], expect=["good_ratio >= 0.1 in fault"])
    asked = rows(plan, lambda index, _: {"outcome": "http_error", "status": 503} if index - 10 in failed else {})
    traffic = kept_open("provider-west", *BEFORE, *MEANWHILE, *AFTER)
    result = judged(plan, requests=asked, traffic=table(traffic, Traffic, 0.0))
    assert (result.verdict, "met nobody, as far as can be told" in result.reason) == (verdict, verdict == "invalid")


def test_a_refusal_behind_another_fault_that_may_have_turned_the_service_away_is_told_and_no_more(
    make_plan: MakePlan, judged: Callable[..., Result]
) -> None:
    plan = make_plan(faults=[LATE | {"for": "1s", "on": {"link": "provider-west"}}, NO_NEW | {"at": "fault + 1s"}])
    traffic = kept_open("provider-west", *BEFORE, *MEANWHILE, *AFTER)
    result = judged(plan, traffic=table(traffic, Traffic, 0.0))
    assert (result.verdict, PERHAPS.format("no_new") in result.reason) == ("pass", True)


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (kept_open("store-west", *BEFORE, *MEANWHILE, *AFTER), "there had been no new connections"),
        (kept_open("store-west", *BEFORE, *MEANWHILE, *AFTER, opened=1), "there had been 1 new connection"),
        (kept_open("store-west", *BEFORE, 2.6, 2.8, opened=6) + kept_open("store-west", *MEANWHILE), ""),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_link_of_several_that_nobody_met_refused_is_told_although_others_were(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, store: list[Traffic], told: str, fails: bool
) -> None:
    """All of them together may well have been met, which says nothing of this one."""
    plan = make_plan(faults=[NO_NEW | {"on": {"region": "west"}}], expect=["good_ratio >= 0.1 in fault"])
    asked = rows(
        plan, lambda index, _: {"outcome": "http_error", "status": 503} if fails and index in (35, 36, 37) else {}
    )
    busy = [one for link in ("provider-west", "replication") for one in kept_open(link, *BEFORE, 2.6, 2.8, opened=6)]
    result = judged(plan, requests=asked, traffic=table([*busy, *store], Traffic, 0.0))
    notes = " ".join(result.quality.notes)
    assert (result.verdict, "may have met nobody: who is refused leaves no trace, and on store-west" in notes) == (
        "pass",
        bool(told),
    )
    assert told in notes


STORE = {"kind": "latency", "on": {"link": "store-west"}, "base": "100ms"}
WORD = {"connections": 1, "bytes_out": 10, "bytes_in": 10}


@pytest.mark.parametrize(
    ("upstream", "passes", "said"),
    [
        (
            "redis://127.0.0.1:6379",
            WORD | {"commands": 3, "housekeeping": 3},
            "housekeeping (PING, HELLO, INFO and the like)",
        ),
        ("redis://127.0.0.1:6379", WORD | {"commands": 3, "housekeeping": 2}, ""),
        # One who listens is told something; and a run of before, or what cannot be read, has no commands that are told apart.
        ("redis://127.0.0.1:6379", WORD | {"commands": 3, "housekeeping": 3, "pushed": 1}, ""),
        ("redis://127.0.0.1:6379", WORD | {"commands": 3}, ""),
        ("redis://127.0.0.1:6379", WORD, ""),
        # A greeting is told whoever looks whether somebody is there; a stream was asked for before.
        ("127.0.0.1:5432", {"connections": 1, "bytes_in": 80}, "connections on which nothing was said"),
        ("127.0.0.1:5432", {"bytes_in": 80}, ""),
        ("127.0.0.1:5432", WORD, ""),
    ],
)
def test_a_store_that_is_only_looked_at_is_not_used(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    target: Target,
    upstream: str,
    passes: dict[str, int],
    said: str,
) -> None:
    link = target.links["store-west"].model_validate({"kind": "store", "region": "west", "upstream": upstream})
    plan = make_plan(of=target.model_copy(update={"links": target.links | {"store-west": link}}), faults=[STORE])
    result = judged(plan, traffic=table([Traffic("store-west", at_s, **passes) for at_s in (1.5, 3.5)], Traffic, 0.0))
    reason = f"nothing had been asked on store-west but {said} before anything was broken"
    assert (result.verdict, reason in result.reason) == (("invalid", True) if said else ("pass", False))


def passed_by(said: bytes) -> dict[str, int]:
    """What the tap counts of a client of Redis that said so."""
    counted = {"commands": 0, "housekeeping": 0}

    def count(whole: int, housekeeping: int) -> None:
        counted["commands"] += whole
        counted["housekeeping"] += housekeeping

    RedisCommands(count, lambda: None).asked(said)
    return {"connections": 1, "bytes_out": len(said), "bytes_in": 200, **counted}


LEARNS = b"HELLO 3\r\nCLIENT SETINFO LIB-NAME redis-py\r\nCLUSTER SLOTS\r\nREADONLY\r\n"


@pytest.mark.parametrize(("then", "past"), [(b"", True), (b"GET snapshot\r\n", False)])
def test_a_client_of_a_cluster_that_learns_where_the_nodes_are_and_asks_them_past_its_link_makes_the_run_invalid(
    make_plan: MakePlan, judged: Callable[..., Result], then: bytes, past: bool
) -> None:
    # It was told 127.0.0.1:6379, the node's own address, and reads there; or the node announces the link's, and it reads here.
    traffic = [Traffic("store-west", at_s, **passed_by(LEARNS + then)) for at_s in (1.5, 3.5)]
    result = judged(make_plan(faults=[STORE]), traffic=table(traffic, Traffic, 0.0))
    assert result.verdict == ("invalid" if past else "pass")
    assert ("nothing had been asked on store-west but housekeeping" in result.reason) == past


BYTE = {"connections": 1, "bytes_out": 1, "bytes_in": 1}
PING = {"bytes_out": 8, "bytes_in": 8}
EVERY_2_S = (1.3, 3.3, 5.3, 7.3, 9.2, 11.3)
IDLE = (-6.7, -4.7, -2.7, -0.7)


@pytest.mark.parametrize(
    ("passes", "at_s", "looks"),
    [
        (BYTE, EVERY_2_S, True),
        (BYTE, (*IDLE, *EVERY_2_S), True),
        # Over two slices of time.
        (BYTE, sorted([*EVERY_2_S, *(at + 0.1 for at in EVERY_2_S)]), True),
        (PING, (*IDLE, *EVERY_2_S), True),
        # On a kept connection nobody knows whether it was so before anything was asked.
        (PING, EVERY_2_S, False),
        # Not even; too seldom to know; as often as requests come to an entry.
        (BYTE, (1.3, 2.3, 5.3, 7.9, 9.2, 11.3), False),
        (BYTE, (1.3, 6.3), False),
        (BYTE, tuple(n / 5 for n in range(2, 60)), False),
    ],
)
def test_who_says_the_same_every_few_seconds_whatever_the_load_only_looks(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    target: Target,
    passes: dict[str, int],
    at_s: Sequence[float],
    looks: bool,
) -> None:
    link = target.links["store-west"].model_validate({"kind": "store", "region": "west", "upstream": "127.0.0.1:5432"})
    plan = make_plan(
        of=target.model_copy(update={"links": target.links | {"store-west": link}}),
        faults=[STORE],
        phases=(2, 11, 2, 2),
    )
    result = judged(plan, traffic=table([Traffic("store-west", at, **passes) for at in at_s], Traffic, 0.0))
    said = "nothing had been asked on store-west but what says the same every 2 s, whatever the load, before"
    assert (result.verdict, said in result.reason) == (("invalid", True) if looks else ("pass", False))


def test_what_says_something_else_each_time_or_began_with_the_load_is_use(
    make_plan: MakePlan, judged: Callable[..., Result], target: Target
) -> None:
    link = target.links["store-west"].model_validate({"kind": "store", "region": "west", "upstream": "127.0.0.1:5432"})
    plan = make_plan(
        of=target.model_copy(update={"links": target.links | {"store-west": link}}),
        faults=[STORE],
        phases=(2, 11, 2, 2),
    )
    others = [Traffic("store-west", at, connections=1, bytes_out=40 + n % 2) for n, at in enumerate(EVERY_2_S)]
    began = [Traffic("provider-west", -6.0, 1, 9, 9), *(Traffic("store-west", at, **BYTE) for at in EVERY_2_S)]
    # The question before the load is asked of it as any other.
    of_the_question = [*began[:1], Traffic("store-west", -1.5, **BYTE), *began[1:]]
    for traffic in (others, began, of_the_question):
        assert judged(plan, traffic=table(traffic, Traffic, 0.0)).verdict == "pass"


@pytest.mark.parametrize(
    ("path", "method", "trusted"),
    [
        ("/healthz", "GET", False),
        ("/v1/ping?x=1", "HEAD", False),
        ("/collections", "GET", True),
        ("/healthz", "POST", True),
        ("/pingpong", "GET", True),
    ],
)
def test_what_speaks_http_and_is_asked_for_its_health_alone_is_not_used(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    rows: Rows,
    attempt: Callable[..., Attempt],
    target: Target,
    path: str,
    method: str,
    trusted: bool,
) -> None:
    link = target.links["store-west"].model_validate(
        {"kind": "store", "region": "west", "upstream": "http://127.0.0.1:6333"}
    )
    plan = make_plan(of=target.model_copy(update={"links": target.links | {"store-west": link}}), faults=[STORE])
    asked = rows(plan)
    tries = [attempt(row, method="POST", path="/v1/chat") for row in asked]
    tries += [attempt(row, link="store-west", nonce="", path=path, method=method) for row in asked[::5]]
    traffic = table([one for at_s in (1.5, 3.5) for one in passed("store-west", at_s=at_s)], Traffic, 0.0)
    assert judged(plan, attempts=tries, traffic=traffic).verdict == ("pass" if trusted else "invalid")


def test_a_fault_on_links_that_an_earlier_one_may_have_turned_the_service_away_from_is_told_and_no_more(
    make_plan: MakePlan, judged: Callable[..., Result], target: Target
) -> None:
    lost = {"kind": "regional_loss", "region": "west", "spare": {"kind": "store"}, "for": "1s"}
    plan = make_plan(faults=[lost, LATE | {"on": {"link": "provider-west"}, "at": "fault + 1s"}])
    before = passed("provider-west", *OTHERS)
    traffic = [*before, *passed("provider-west", at_s=3.5)]
    result = judged(plan, traffic=table(traffic, Traffic, 0.0))
    said = "latency 100 ms on link provider-west broke provider-west, where nothing was sent meanwhile"
    assert (result.verdict, said in result.reason) == ("pass", True)


@pytest.mark.parametrize(
    ("change", "trusted"),
    [
        ({"method": "GET", "path": "/v1/models", "nonce": ""}, False),
        ({"method": "HEAD", "path": "/", "nonce": ""}, False),
        # A question by GET, a WebSocket, and what carries no nonce but asks.
        ({"method": "GET", "path": "/v1/ask"}, True),
        ({"method": "GET", "path": "/v1/realtime", "nonce": "", "status": 101}, True),
        ({"method": "POST", "path": "/v1/embeddings", "nonce": ""}, True),
    ],
)
def test_a_provider_that_is_only_looked_at_is_not_used(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    rows: Rows,
    attempt: Callable[..., Attempt],
    change: dict[str, Any],
    trusted: bool,
) -> None:
    plan = make_plan(faults=[LATE | {"on": {"link": "provider-west"}}])
    asked = rows(plan)
    tries = [attempt(row, method="POST", path="/v1/chat") for row in asked]
    tries += [attempt(row, link="provider-west", **change) for row in asked[::5]]
    traffic = table([one for at_s in (1.5, 3.5) for one in passed(*BOTH, at_s=at_s)], Traffic, 0.0)
    result = judged(plan, attempts=tries, traffic=traffic)
    assert result.verdict == ("pass" if trusted else "invalid")
    said = f"nothing had been asked on provider-west but {change['method']} {change['path']} before anything was broken"
    assert (said in result.reason) is not trusted


@pytest.mark.parametrize(
    ("fault", "asked", "trusted"),
    [
        ({"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}, "provider-west", True),
        ({"kind": "latency", "on": {"region": "west", "kind": "provider"}, "base": "100ms"}, "provider-east", False),
        # Nobody can tell whether its store was asked.
        (LOSS, "provider-east", True),
    ],
)
def test_of_a_run_before_traffic_was_recorded_what_was_seen_of_attempts_has_to_do(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    rows: Rows,
    attempt: Callable[..., Attempt],
    fault: dict[str, Any],
    asked: str,
    trusted: bool,
) -> None:
    plan = make_plan(faults=[fault])
    result = judged(plan, attempts=[attempt(row, link=asked) for row in rows(plan)])
    assert result.verdict == ("pass" if trusted else "invalid")
    assert trusted or "broke what is not used: nothing had passed on provider-west" in result.reason


@pytest.mark.parametrize(
    ("kind", "late_s", "said"),
    [
        (Injecting, 0.9, ""),
        (Injecting, 1.1, "latency 100 ms on kind provider was begun 1.1 s late, at 4.1 s: the harness was stopped"),
        (Reverting, 0.9, ""),
        (
            Reverting,
            5.2,
            "latency 100 ms on kind provider was ended 5.2 s late, at 10.2 s: the harness was stopped",
        ),
        (Reverting, -1.0, ""),
    ],
)
def test_a_fault_that_was_begun_or_ended_late_is_another_one_than_was_planned(
    make_plan: MakePlan, judged: Callable[..., Result], events: Events, kind: type[Event], late_s: float, said: str
) -> None:
    plan = make_plan()
    moved = [
        msgspec.structs.replace(event, at_s=event.at_s + late_s) if isinstance(event, kind) else event
        for event in events(plan)
    ]
    result = judged(plan, history=moved)
    assert result.verdict == ("invalid" if said else "pass")
    assert said in result.reason[:1].lower() + result.reason[1:]


@pytest.mark.parametrize("kind", [Injecting, Reverting])
@pytest.mark.parametrize(("late_s", "trusted"), [(0.4, True), (0.6, False)])
def test_of_a_short_fault_half_of_its_time_is_late(
    make_plan: MakePlan, judged: Callable[..., Result], events: Events, kind: type[Event], late_s: float, trusted: bool
) -> None:
    plan = make_plan(faults=[LATE | {"for": "1s"}])
    moved = [
        msgspec.structs.replace(event, at_s=event.at_s + late_s) if isinstance(event, kind) else event
        for event in events(plan)
    ]
    result = judged(plan, history=moved)
    assert (result.verdict, " 0.6 s late, at " in result.reason) == (("pass", False) if trusted else ("invalid", True))


ORDERLY = {"first_byte_s": 2.02, "first_token_s": 2.05, "end_s": 2.1}


@pytest.mark.parametrize(
    ("instants", "n"),
    [
        ({}, 0),
        ({"sent_s": 1.998}, 0),  # a sleep may end a hair before it is due to
        ({"first_byte_s": None, "first_token_s": None, "end_s": None, "outcome": "unfinished"}, 0),
        ({"end_s": 1.9, "first_token_s": None, "first_byte_s": None}, 1),
        ({"sent_s": 1.5}, 1),
        ({"first_token_s": 1.5}, 1),
        ({"first_byte_s": 2.2}, 1),
    ],
)
def test_times_that_cannot_be_are_measured_nowhere_and_counted(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, instants: dict[str, Any], n: int
) -> None:
    plan = make_plan()
    asked = rows(plan, lambda index, _: ORDERLY | instants if index == 20 else {})
    result = judged(plan, ["latency_ms"], requests=asked)
    assert (result.quality.impossible, result.verdict) == (n, "invalid" if n else "pass")
    assert ("1 row with times that cannot be" in result.reason) == bool(n)
    # Of an answer that never came it is known how long it was waited for.
    assert result.metrics["latency_ms"].by.phase["baseline"].n == (19 if n else 20)


@pytest.mark.parametrize(("end_s", "n"), [(None, 1), (2.0 + 3600, 1), (2.0 + 4.1, 0)])
def test_an_answer_that_was_whole_had_an_end_and_its_client_was_there(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, end_s: float | None, n: int
) -> None:
    asked = rows(make_plan(), lambda index, _: {"end_s": end_s} if index == 20 else {})
    result = judged(requests=asked)
    assert (result.quality.impossible, result.verdict) == (n, "invalid" if n else "pass")


def test_attempts_and_arrivals_with_times_that_cannot_be_are_counted_too(
    judged: Callable[..., Result], rows: Rows, attempt: Callable[..., Attempt], make_plan: MakePlan
) -> None:
    asked = rows(make_plan())
    tries = [attempt(row) for row in asked]
    tries[3] = attempt(asked[3], start_s=2.0, end_s=1.0)
    result = judged(requests=asked, attempts=tries, arrivals=[Arrival("provider-east", 2.0, forwarded_s=1.0)])
    assert (result.verdict, result.quality.impossible) == ("invalid", 2)


def test_a_fault_that_could_not_be_put_back_is_not_told_as_gone(
    make_plan: MakePlan, judged: Callable[..., Result], events: Events
) -> None:
    plan = make_plan()
    stuck = [Reverted(5.0, "latency-1", "no answer") if isinstance(e, Reverted) else e for e in events(plan)]
    result = judged(plan, ["recovery_time_s"], history=stuck)
    assert result.verdict == "invalid"
    assert result.reason == "latency-1 could not be put back: no answer."
    assert result.faults[0].reverted_at_s is None
    assert result.metrics["recovery_time_s"].value is None


# What stands in the result


def test_a_fault_is_told_with_its_instants_and_what_it_touched(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan()
    asked = rows(plan)
    open_then = [
        attempt(asked[0], start_s=2.0, end_s=2.99),  # over before it began
        attempt(asked[1], start_s=2.0, end_s=3.0),
        attempt(asked[2], start_s=4.0, end_s=None),
        attempt(asked[3], start_s=5.0, end_s=6.0),
        attempt(asked[4], start_s=5.02, end_s=6.0),  # begun when it was gone
    ]
    fault = judged(plan, requests=asked, attempts=open_then).faults[0]
    assert (fault.asked_at_s, fault.injected_at_s, fault.confirmed_at_s, fault.reverted_at_s) == (3.0, 3.0, 3.1, 5.01)
    assert (fault.id, fault.kind, fault.links) == ("latency-1", "latency", ["provider-east", "provider-west"])
    assert fault.attempts_affected == 3


@pytest.mark.parametrize(
    ("fault", "touched"),
    [
        ({"kind": "bandwidth", "kilobytes_per_s": 1}, 2),
        ({"kind": "slices", "max_bytes": 10}, 2),
        ({"kind": "cut", "after_bytes": 10}, 2),
        ({"kind": "slow_close", "delay": "1s"}, 2),
        ({"kind": "capacity", "to": 0.5}, 2),
        ({"kind": "blackhole"}, 2),
        # Which attempts came on those connections is not known.
        ({"kind": "cut", "after_bytes": 10, "share": 0.5}, None),
        ({"kind": "blackhole", "share": 0.5}, None),
        # The edge has written down whom it hit.
        ({"kind": "hang_up"}, 0),
        ({"kind": "bad_answer", "flaw": "empty", "share": 0.5}, 0),
    ],
    ids=lambda each: each["kind"] if isinstance(each, dict) else "",
)
def test_what_is_done_to_connections_touches_the_attempts_on_them(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    rows: Rows,
    attempt: Callable[..., Attempt],
    fault: dict[str, Any],
    touched: int | None,
) -> None:
    plan = make_plan(faults=[fault | {"on": {"link": "provider-east"}}])
    asked = rows(plan)
    tries = [attempt(asked[0], start_s=2.0, end_s=2.9), *(attempt(row, start_s=4.0, end_s=4.5) for row in asked[1:3])]
    tries.append(attempt(asked[3], link="provider-west", start_s=4.0, end_s=4.5))
    (found,) = judged(plan, requests=asked, attempts=tries).faults
    assert found.attempts_affected == touched


def test_what_the_edge_answered_is_what_a_limit_touched(make_plan: MakePlan, judged: Callable[..., Result]) -> None:
    plan = make_plan(faults=[{"kind": "rate_limit", "on": {"kind": "provider"}, "requests_per_min": 60}])
    arrivals = [Arrival("provider-east", 3.5, fault="rate_limit-1"), Arrival("provider-east", 3.6)]
    assert judged(plan, arrivals=arrivals).faults[0].attempts_affected == 1
    # What another fault did something to as well, after it, was touched all the same.
    both = Arrival("provider-east", 3.7, fault="other", hit_by="rate_limit-1 other")
    assert judged(plan, arrivals=[*arrivals, both]).faults[0].attempts_affected == 2


@pytest.mark.parametrize(
    "fault",
    [{"kind": "regional_loss", "region": "east", "mode": "refuse"}, {"kind": "cache_divergence", "region": "west", "publish_after": "1s"}],
)  # fmt: skip
def test_where_nothing_can_be_seen_nothing_is_counted(
    make_plan: MakePlan, judged: Callable[..., Result], fault: dict[str, Any]
) -> None:
    assert judged(make_plan(faults=[fault])).faults[0].attempts_affected is None


def test_the_quality_counts_what_each_end_saw(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    asked = rows(make_plan())
    tries = [attempt(row) for row in asked] + [Attempt("provider-east", 3.0, "n-stranger")] * 10
    arrivals = [Arrival("provider-east", 1.0, forwarded_s=1.1, redials=1), Arrival("provider-east", 2.0)]
    quality = judged(requests=asked, attempts=tries, arrivals=arrivals, accepted={"provider-east": 2}).quality
    assert (quality.attempts, quality.arrivals, quality.forwarded, quality.redials, quality.accepted) == (
        80,
        2,
        1,
        1,
        2,
    )
    assert quality.join_ratio == pytest.approx(70 / 80)
    assert quality.send_lag_ms.p50 == pytest.approx(1.0)


@pytest.mark.parametrize(("sent_s", "share"), [(None, 1.0), (8.9, 70 / 71)])
def test_of_an_attempt_that_was_still_being_said_when_the_run_ended_nobody_asks_whose_it_was(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    rows: Rows,
    attempt: Callable[..., Attempt],
    sent_s: float | None,
    share: float,
) -> None:
    asked = rows(make_plan())
    tries = [attempt(row) for row in asked] + [Attempt("provider-east", 8.9, sent_s=sent_s)]
    assert judged(requests=asked, attempts=tries).quality.join_ratio == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize(("counted", "told"), [(2, False), (3, True), (1, True)])
def test_what_the_edge_passed_on_to_simulated_providers_is_held_against_what_they_counted(
    judged: Callable[..., Result], counted: int, told: bool
) -> None:
    passed_on = [Arrival("provider-east", 1.0 + i, forwarded_s=1.1 + i) for i in range(2)]
    # What went to a real provider, and what never went anywhere, none of them can have counted.
    elsewhere = [Arrival("provider-west", 1.0, forwarded_s=1.1), Arrival("provider-east", 3.0)]
    result = judged(arrivals=[*passed_on, *elsewhere], accepted={"provider-east": counted})
    note = f"the edge wrote 2 attempts to the simulated providers, and they counted {counted}"
    assert result.quality.notes == ([note] if told else [])


@pytest.mark.parametrize(("method", "path", "trusted"), [("GET", "/v1/models", True), ("POST", "/v1/ask", False)])
def test_a_service_that_looks_whether_its_provider_is_there_has_not_lost_a_nonce(
    make_plan: MakePlan,
    judged: Callable[..., Result],
    rows: Rows,
    attempt: Callable[..., Attempt],
    method: str,
    path: str,
    trusted: bool,
) -> None:
    plan = make_plan(expect=["retry_amplification <= 3 in fault"])
    asked = rows(plan)
    tries = [msgspec.structs.replace(attempt(row), method="POST", path="/v1/ask") for row in asked]
    tries += [
        Attempt("provider-east", 1.0 + second, sent_s=1.0 + second, method=method, path=path) for second in range(5)
    ]
    result = judged(plan, requests=asked, attempts=tries)
    assert result.verdict == ("pass" if trusted else "invalid")
    assert trusted or "only 93 % of attempts could be joined to a request" in result.reason.lower()
    assert result.quality.join_ratio == pytest.approx(70 / 75, abs=1e-6)


@pytest.mark.parametrize(
    ("link", "method", "told"),
    [("provider-west", "POST", True), ("provider-west", "GET", False), ("provider-east", "POST", True)],
)
def test_what_was_sent_without_the_nonce_is_told_under_a_pass_but_for_looks_whether_a_provider_is_there(
    judged: Callable[..., Result],
    make_plan: MakePlan,
    rows: Rows,
    attempt: Callable[..., Attempt],
    link: str,
    method: str,
    told: bool,
) -> None:
    plan = make_plan(expect=["retry_amplification <= 3 in fault"])
    asked = rows(plan)
    lost = [Attempt(link, row.due_s + 0.02, sent_s=row.due_s + 0.02, method=method, path="/search") for row in asked]
    result = judged(plan, requests=asked, attempts=[*map(attempt, asked), *lost])
    note = f"70 attempts on {link}, such as POST /search, carried no nonce, so retries of those are not counted"
    assert result.verdict == "pass"
    assert [said.partition(":")[0] for said in result.quality.notes] == ([note] if told else [])
    assert ("carried no nonce" in result.reason) == told


@pytest.mark.parametrize("reason", ["aborted", "interrupted"])
@pytest.mark.parametrize("path", ["/v1/ask", "/search"])
@pytest.mark.parametrize(
    ("outcome", "end_s", "told"), [("unfinished", None, 0), ("client_left", 5.25, 0), ("client_left", 4.0, 1)]
)
def test_what_the_end_of_a_run_cut_off_before_its_nonce_is_none_that_carried_none(
    judged: Callable[..., Result],
    make_plan: MakePlan,
    rows: Rows,
    attempt: Callable[..., Attempt],
    events: Events,
    reason: Any,
    path: str,
    outcome: Any,
    end_s: float | None,
    told: int,
) -> None:
    made = make_plan()
    asked = [row for row in rows(made) if row.due_s < 5]
    tries = [msgspec.structs.replace(attempt(row), method="POST", path="/v1/ask") for row in asked]
    cut = Attempt("provider-east", 3.9, end_s=end_s, outcome=outcome, method="POST", path=path)
    ended = [*events(made)[:-1], Ended(5.4, reason, "enough", decided_s=5.2)]
    result = judged(made, requests=asked, attempts=[*tries, cut], history=ended)
    assert len([said for said in result.quality.notes if "carried no nonce" in said]) == told * (path == "/search")
    assert (result.quality.join_ratio == 1.0) == (not told)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_redirects_past_a_link_and_providers_that_were_not_reached_are_told_under_any_verdict(
    judged: Callable[..., Result], make_plan: MakePlan, rows: Rows, ratio: float
) -> None:
    plan = make_plan(expect=[f"good_ratio >= {ratio} in fault"])
    asked = rows(plan, lambda i, due_s: {"outcome": "error"} if i == 35 else {})
    refused = "api.example:443: the name api.example could not be resolved (Name or service not known)"
    odd = [Arrival("provider-east", 4.0, astray="https://cdn.example/x"), Arrival("provider-east", 4.0, detail=refused)]
    result = judged(plan, requests=asked, arrivals=odd)
    assert result.verdict == ("pass" if ratio < 1 else "fail")
    assert f"1 attempt on provider-east did not reach the provider: {refused}" in result.reason
    passed = "1 redirect on provider-east, such as to https://cdn.example/x, led past the link"
    assert [note for note in result.quality.notes if passed in note]
    assert (passed in result.reason) == (result.verdict == "pass")
    # What a fault answered was not meant to reach anybody, and what passed is not told.
    usual = [Arrival("provider-east", 4.0), Arrival("provider-east", 4.0, detail=refused, fault="f")]
    assert judged(plan, requests=asked, arrivals=usual).quality.notes == []


@pytest.mark.parametrize(("limit", "verdict"), [(1.5, "fail"), (2.5, "pass")])
def test_attempts_that_follow_a_redirect_are_told_beside_the_amplification_that_they_make(
    judged: Callable[..., Result],
    make_plan: MakePlan,
    rows: Rows,
    attempt: Callable[..., Attempt],
    limit: float,
    verdict: str,
) -> None:
    plan = make_plan(expect=[f"retry_amplification <= {limit} in fault"])
    asked = rows(plan)
    sent_on = [attempt(row, method="POST", path="/v1/chat", status=307) for row in asked]
    result = judged(plan, requests=asked, attempts=[*sent_on, *map(attempt, asked)])
    told = "70 attempts on provider-east, such as POST /v1/chat, were answered by a redirect (307)"
    assert result.verdict == verdict
    assert told in result.reason
    assert [note for note in result.quality.notes if told in note]
    # A 304 sends nobody anywhere.
    unchanged = [attempt(row, method="GET", path="/v1/models", status=304) for row in asked]
    assert judged(plan, requests=asked, attempts=unchanged).quality.notes == []


@pytest.mark.parametrize(
    ("fault", "start_s", "end_s", "told"),
    [
        ("rate_limit", 2.0, None, True),
        ("rate_limit", 2.0, 4.0, True),
        ("rate_limit", 2.0, 2.5, False),  # over before it began
        ("rate_limit", 4.0, None, False),  # its opening was answered as any
        ("latency", 2.0, None, False),  # which reaches what is said, too
    ],
)
def test_websockets_that_a_fault_of_an_edge_did_not_touch_are_told(
    judged: Callable[..., Result],
    make_plan: MakePlan,
    rows: Rows,
    attempt: Callable[..., Attempt],
    fault: str,
    start_s: float,
    end_s: float | None,
    told: bool,
) -> None:
    own = {"requests_per_min": 60} if fault == "rate_limit" else {"base": "100ms"}
    plan = make_plan(faults=[{"kind": fault, "on": {"kind": "provider"}, **own}])
    asked = rows(plan)
    opened = Attempt("provider-east", start_s, nonce=asked[0].nonce, method="GET", status=101, end_s=end_s)
    result = judged(plan, requests=asked, attempts=[*map(attempt, asked), opened])
    note = "1 WebSocket on provider-east, provider-west had been opened before rate_limit"
    assert any(note in said for said in result.quality.notes) == told


def test_phases_are_told_with_their_requests(make_plan: MakePlan, judged: Callable[..., Result]) -> None:
    phases = judged().phases
    assert [(p.name, p.start_s, p.end_s, p.requests, p.good_ratio) for p in phases] == [
        ("warmup", 0, 1, 10, 1), ("baseline", 1, 3, 20, 1), ("fault", 3, 5, 20, 1), ("recovery", 5, 7, 20, 1),
    ]  # fmt: skip
    assert phases[1].latency_ms.p50 == pytest.approx(100)


# The same evidence, the same bytes


def test_judging_twice_gives_the_same_bytes(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows) -> None:
    plan = make_plan()
    asked = rows(plan, lambda i, due_s: {"outcome": "error"} if i % 7 == 0 and due_s >= 3 else {})
    one, other = (verdict.judge(make_evidence(plan, requests=list(order))) for order in (asked, reversed(asked)))
    assert one.to_json() == other.to_json()
    assert Result.model_validate_json(one.to_json()) == one


def test_without_its_numbers_a_run_comes_to_the_same(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(make_plan(expect=["good_ratio <= 0.5 in fault"]))
    whole = verdict.judge(evidence)
    assert len(whole.metrics) > 30
    assert concluded(evidence) == whole.model_copy(update={"metrics": {}})
    some = ["latency_ms", "good_ratio"]
    assert verdict.judge(evidence, some).metrics == {name: whole.metrics[name] for name in some}


LOST: dict[str, dict[str, Any]] = {
    "all": {"requests": [], "attempts": [], "history": []},
    "requests": {"requests": []},
    "attempts": {"attempts": []},
    "history": {"history": []},
    "answers": {"requests": [Request(index, 0, index / 10) for index in range(70)]},
    "ends": {"attempts": [Attempt("provider-east", 2.0 + index / 10) for index in range(50)]},
    "all but one": {"requests": [Request(0, 0, 0.0)], "attempts": [Attempt("provider-east", 3.0)]},
    "order": {"arrivals": [Arrival("provider-east", 5.0 - index / 10, forwarded_s=1.0) for index in range(50)]},
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("faults", [True, False])
def test_every_number_is_told_or_told_to_be_none_whatever_is_lost(
    make_plan: MakePlan, make_evidence: MakeEvidence, lost: str, faults: bool
) -> None:
    keys = {} if faults else {"faults": []}
    made = make_plan(phases=(1, 2, 2, 2), **keys)
    result = verdict.judge(make_evidence(made, **LOST[lost]))
    assert len(result.metrics) > 30
    assert Result.model_validate_json(result.to_json()) == result


def test_a_history_read_from_its_lines_is_judged_as_the_one_that_was_written(
    make_plan: MakePlan, make_evidence: MakeEvidence, events: Events
) -> None:
    plan = make_plan()
    written = events(plan)
    read = list(history.decode(b"".join(map(history.encode, written))))
    assert (
        verdict.judge(make_evidence(plan, history=read)).to_json()
        == verdict.judge(make_evidence(plan, history=written)).to_json()
    )


# Runs that ended before there was much to judge


@pytest.mark.parametrize("ended", [name for name in ENDED if name != "completed"])
@pytest.mark.parametrize("left", ["nothing", "half"])
def test_a_run_that_was_cut_short_can_be_judged_whatever_it_left(
    make_plan: MakePlan, judged: Callable[..., Result], rows: Rows, ended: str, left: str
) -> None:
    plan = make_plan()
    asked = [] if left == "nothing" else rows(plan)[:40]
    begun: list[Event] = [] if left == "nothing" else [Injecting(3.0, "latency-1"), Injected(3.0, "latency-1")]
    result = judged(plan, requests=asked, attempts=[], history=[*begun, *ENDED[ended]])
    assert result.verdict == SAYS.get(ended, ended)
    assert result.to_json()
    assert result.faults[0].evidence == "the run ended before anybody could look"


def test_a_completed_run_without_a_single_request_is_invalid(judged: Callable[..., Result]) -> None:
    assert judged(requests=[], attempts=[]).verdict == "invalid"


def test_a_limit_on_a_latency_that_nobody_lived_to_see_is_broken_and_the_reason_says_why(
    judged: Callable[..., Result], make_plan: MakePlan, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 30, 2), expect=["latency_ms.p95 <= 2500 in fault"])
    gone = lambda i, due_s: {"outcome": "timed_out", "end_s": due_s + 4} if i % 5 < 3 and due_s >= 3 else {}  # noqa: E731
    result = judged(plan, requests=rows(plan, gone))
    assert result.verdict == "fail"
    assert "latency_ms.p95 in fault was more than 4000, 180 of 300 requests got no complete answer" in result.reason
    # What stands in the table of phases is of complete answers, and says so.
    assert [round(phase.latency_ms.p95 or 0) for phase in result.phases] == [100, 100, 100, 100]


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("recovery_time_s <= 8", True),
        ("good_ratio >= 0.9 in baseline", True),
        ("good_ratio >= 0.1 in fault", False),
        ("good_ratio >= 0.1", False),
    ],
)
def test_under_a_pass_stands_what_got_much_worse_and_was_not_asked_about(
    judged: Callable[..., Result], make_plan: MakePlan, rows: Rows, expect: str, told: bool
) -> None:
    plan = make_plan(phases=(1, 12, 22, 20), expect=[expect])
    most = lambda i, due_s: {"outcome": "error", "status": 503} if i % 4 and 13 <= due_s < 35 else {}  # noqa: E731
    result = judged(plan, requests=rows(plan, most))
    assert result.verdict == "pass", result.reason
    said = "good_ratio in fault was 0.25 (baseline 1.00)"
    assert (said in result.unasked, f"not asked about: {said}" in result.reason) == (told, told)
    well = judged(plan, requests=rows(plan))
    assert (well.unasked, "not asked about" in well.reason) == ([], False)


@pytest.mark.parametrize(
    ("nameless_from_s", "fewer", "verdict"),
    [(13, 4, "inconclusive"), (13, 1, "inconclusive"), (0, 1, "pass"), (99, 1, "pass")],
    ids=["all", "some", "always some", "none"],
)
@pytest.mark.parametrize("expected", ["monotonic_violations <= 0", "staleness_s.p95 <= 3"])
def test_answers_that_no_longer_name_their_snapshot_step_back_or_not_nobody_knows(
    judged: Callable[..., Result],
    make_plan: MakePlan,
    rows: Rows,
    events: Events,
    expected: str,
    nameless_from_s: float,
    fewer: int,
    verdict: str,
) -> None:
    plan = make_plan(phases=(1, 12, 22, 20), expect=[f"{expected} in fault"])

    def named(index: int, due_s: float) -> dict[str, Any]:
        none = due_s > nameless_from_s and index % 4 < fewer and (nameless_from_s or index % 2)
        return {"seen_version": 1, "snapshot_version": None if none else 1}

    published = sorted([*events(plan), history.Published(4.0, 3.99, 1)], key=lambda event: event.at_s)
    result = judged(plan, requests=rows(plan, named), history=published)
    assert result.verdict == verdict, result.reason
    assert ("answers did not name their snapshot, and 0 of 120 in the baseline" in result.reason) == (verdict != "pass")


def test_what_got_much_worse_is_told_in_numbers_that_show_it(
    judged: Callable[..., Result], make_plan: MakePlan, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 12, 22, 20), expect=["recovery_time_s <= 8"], slo={"good": 0.99, "over": "30d"})
    most = lambda i, due_s: {"outcome": "error", "status": 503} if i % 4 and 13 <= due_s < 35 else {}  # noqa: E731
    told = judged(plan, requests=rows(plan, most)).unasked
    assert "error_budget_spent in fault was 0.000637 (baseline 0)" in told
    assert "good_ratio in fault was 0.25 (baseline 1.00)" in told


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        (["good_ratio{region=west} >= 0.9 in fault"], ["good_ratio{region=east} in fault was 0.00 (baseline 1.00)"]),
        (["good_ratio{entry=west} >= 0.9"], ["good_ratio{entry=east} in fault was 0.00 (baseline 1.00)"]),
        (["good_ratio{region=west} >= 0.9 in fault", "good_ratio{region=east} >= 0 in recovery"],
         ["good_ratio{region=east} in fault was 0.00 (baseline 1.00)"]),
        (["good_ratio{region=west} >= 0.9 in fault", "good_ratio{region=east} <= 0.5 in fault"], []),
        (["good_ratio{region=west} >= 0.9 in fault", "good_ratio >= 0.4 in fault"], []),
    ],
)  # fmt: skip
def test_who_asks_about_one_region_is_told_of_the_other(
    judged: Callable[..., Result], make_plan: MakePlan, rows: Rows, expect: list[str], told: list[str]
) -> None:
    plan = make_plan(phases=(1, 12, 22, 20), expect=expect)
    east = lambda i, due_s: {"outcome": "error", "status": 503} if i % 2 == 0 and 13 <= due_s < 35 else {}  # noqa: E731
    result = judged(plan, requests=rows(plan, east))
    assert result.verdict == "pass", result.reason
    assert [said for said in result.unasked if "good_ratio" in said] == told


@pytest.mark.parametrize(
    ("expect", "told"),
    [("latency_ms.p50 <= 200 in fault", True), ("latency_ms.p95 <= 4000 in fault", False), ("latency_ms.p95_complete <= 4000", False)],
)  # fmt: skip
def test_who_asks_about_the_median_is_told_of_the_slowest(
    judged: Callable[..., Result], make_plan: MakePlan, rows: Rows, expect: str, told: bool
) -> None:
    plan = make_plan(phases=(1, 42, 22, 20), expect=[expect])
    slow = lambda i, due_s: {"end_s": due_s + 3} if i % 5 == 0 and 43 <= due_s < 65 else {}  # noqa: E731
    result = judged(plan, requests=rows(plan, slow))
    assert result.verdict == "pass", result.reason
    assert ("latency_ms.p95 in fault was 3000 (baseline 100)" in result.unasked) == told
