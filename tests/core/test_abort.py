"""A run that goes worse than its scenario allows is ended, with everything put back; one that goes as badly as allowed is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from concluded import concluded
from pydantic import ValidationError
from simulated_world import Fragile, Memory, SimWorld

from harness import conduct
from harness.judging.evidence import Evidence
from harness.judging.following import followed, price_list, refused
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.reading.abort import AbortCondition, Limits, parse
from harness.reading.scenario import Scenario
from harness.reading.target import Price
from harness.record.history import Ended, Reverted
from harness.record.rowfile import RowFile
from harness.record.rows import Arrival, Attempt, Request, Sent
from harness.running import loop
from harness.running.guard import Guard
from harness.running.ports import AbortedError
from harness.running.world.interruptions import Interruptions
from harness.running.world.watch import Guarded

MakePlan = Callable[..., Plan]
MakeScenario = Callable[..., Scenario]
WELL = "'{}' would end a run that goes well; write {}"
LOSS = {"kind": "regional_loss", "region": "east"}
# Ten a second for twenty seconds.
DUE_S = [index / 10 for index in range(200)]


def test_a_condition_is_a_metric_a_limit_and_a_time() -> None:
    assert parse("good_ratio < 0.5 for 10s") == AbortCondition("good_ratio", None, "<", 0.5, 10)
    assert parse("latency_ms.p95>20000 for 1.5 min").span_s == 90
    assert str(parse("  latency_ms.p99 >= 5000  for 15s ")) == "latency_ms.p99 >= 5000 for 15s"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "good_ratio < 0.5",
            "is no condition on which to abort; write metric[.part] < NUMBER for DURATION (or >), such as",
        ),
        ("good_ratio under 0.5 for 10s", "is no condition on which to abort"),
        ("good_ratio < 0.5 for 10", "'10' is not a duration"),
        ("good_ratio < 0.5 for 0s", "is about no time"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_would_be_right(
    make_scenario: MakeScenario, written: str, told: str
) -> None:
    with pytest.raises(ValidationError) as found:
        make_scenario(abort=[written])
    assert told in str(found.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("good_ration < 0.5 for 10s", ["'good_ration' is no metric; did you mean 'good_ratio'?"]),
        ("recovery_time_s > 5 for 10s", ["'recovery_time_s' cannot be followed while a run goes on; known: good_ratio, latency_ms"]),
        ("latency_ms > 5000 for 10s", ["say which part of latency_ms: latency_ms.p50, latency_ms.p90, latency_ms.p95, latency_ms.p99"]),
        ("good_ratio.p95 < 0.5 for 10s", ["good_ratio has no parts; leave out .p95"]),
        ("good_ratio > 0.5 for 10s", ["good_ratio is better higher, so " + WELL.format("good_ratio > 0.5 for 10s", "<")]),
        ("latency_ms.p95 < 500 for 10s", ["latency_ms is better lower, so " + WELL.format("latency_ms.p95 < 500 for 10s", ">")]),
        ("good_ratio < 0 for 10s", ["good_ratio is never < 0, so this ends no run"]),
        ("good_ratio <= 1 for 10s", ["good_ratio is always <= 1, so this ends every run"]),
        ("good_ratio <= 0 for 10s", []),
        ("latency_ms.p95 >= 0 for 10s", ["latency_ms is always >= 0, so this ends every run"]),
        ("good_ratio < 50 for 10s", ["good_ratio is at least 0 and at most 1, so 50 is never reached"]),
        ("good_ratio < 0.5 for 10s", []),
        ("latency_ms.p99 >= 5000 for 10s", []),
    ],
)  # fmt: skip
def test_a_condition_that_could_never_be_met_is_refused_too(written: str, told: list[str]) -> None:
    assert list(refused(parse(written))) == told


@pytest.fixture
def guard(make_plan: MakePlan) -> Callable[..., Guard]:
    """Holds ten requests a second, which are good when they are answered within 4 s, against conditions."""

    def made(*conditions: str, due_s: Sequence[float] = DUE_S) -> Guard:
        return Guard(followed(make_plan(abort=list(conditions))), due_s, 4.0)

    return made


MakeGuard = Callable[..., Guard]


def rows(first: int, last: int, took_s: float = 0.5, **keys: Any) -> list[Request]:
    return [
        Request(i, 0, DUE_S[i], end_s=DUE_S[i] + took_s, **({"outcome": "complete"} | keys)) for i in range(first, last)
    ]


def aborts(one: Guard, now_s: float) -> str:
    try:
        one.check(now_s)
    except AbortedError as error:
        return str(error)
    return ""


# Of what is due until 10 s, all is known at 14.5 s.
KNOWN_S = 14.5


def test_a_ratio_that_is_too_low_over_all_of_the_time_ends_the_run_and_says_by_how_much(guard: MakeGuard) -> None:
    one = guard("good_ratio < 0.5 for 10s")
    one.hear(rows(0, 40) + rows(40, 100, outcome="error"))
    assert aborts(one, KNOWN_S) == (
        "good_ratio was 0.4 over 10 s, up to 4.5 s before; the scenario aborts at good_ratio < 0.5 for 10s"
    )


def test_of_a_load_that_nobody_planned_the_requests_count_that_have_ended(make_plan: MakePlan) -> None:
    one = Guard(followed(make_plan(abort=["good_ratio < 0.5 for 10s"])), None, 4.0, Limits(requests=100))
    later = [
        msgspec.structs.replace(row, due_s=row.due_s + 7, end_s=row.end_s + 7)
        for row in rows(0, 40) + rows(40, 100, outcome="error")
    ]
    # Their rows are on a clock that stood at 7 s when the run's began, and come in the order in which they end.
    one.hear(reversed(later), 7.0)
    assert aborts(one, KNOWN_S).startswith("good_ratio was 0.4 over 10 s")
    with pytest.raises(AbortedError, match="max_requests, 100, were sent"):
        one.check_limits(KNOWN_S)


def test_of_such_a_load_nothing_is_said_of_what_nobody_asked(make_plan: MakePlan) -> None:
    one = Guard(followed(make_plan(abort=["good_ratio < 0.5 for 10s"])), None, 4.0, Limits(requests=101))
    assert aborts(one, KNOWN_S) == ""
    one.hear(rows(0, 100))
    one.check(KNOWN_S)
    one.check_limits(KNOWN_S)


def waiting(plan: Plan, users: int, *, begin: int, gone_s: float = 5.0) -> Guard:
    """A closed load of *users* whose *begin* requests a second are answered at once until *gone_s*, when all begin one that hangs."""
    one = Guard(followed(plan), None, 4.0, users=users)
    answered = [
        Request(n, 0, due_s=7 + n / begin, end_s=7.2 + n / begin, outcome="complete")
        for n in range(int(gone_s * begin))
    ]
    one.hear_begun((Sent(row.index, row.due_s) for row in answered), 7.0)
    one.hear(answered, 7.0)
    one.hear_begun((Sent(len(answered) + n, 7 + gone_s + n / 10) for n in range(users)), 7.0)
    return one


@pytest.mark.parametrize("users", [1, 3, 20])
@pytest.mark.parametrize(
    ("condition", "told"),
    [("good_ratio < 0.5 for 5s", "good_ratio was 0"), ("latency_ms.p95 > 6000 for 5s", "latency_ms.p95 was ")],
)
def test_users_who_all_hang_end_the_run_although_none_of_their_requests_does(
    make_plan: MakePlan, users: int, condition: str, told: str
) -> None:
    one = waiting(make_plan(abort=[condition]), users, begin=1)
    assert aborts(one, 9.0) == ""
    assert any(aborts(one, 9.0 + later_s / 2).startswith(told) for later_s in range(30))
    # However long nothing ends, and nothing else begins.
    assert aborts(one, 60.0).startswith(told)


def test_of_users_who_all_think_long_and_are_answered_nothing_is_said(make_plan: MakePlan) -> None:
    one = waiting(make_plan(abort=["good_ratio < 0.5 for 5s"]), 3, begin=1)
    one.hear(
        [Request(5 + n, 0, due_s=12 + n / 10, end_s=13 + n / 10, outcome="complete") for n in range(3)],
        7.0,
    )
    assert not any(aborts(one, float(now_s)) for now_s in range(5, 60))
    two_of_three = waiting(make_plan(abort=["good_ratio < 0.5 for 5s"]), 3, begin=1)
    two_of_three.hear([Request(5, 0, due_s=12.0, end_s=13.0, outcome="complete")], 7.0)
    assert aborts(two_of_three, 30.0) == ""


def test_a_worker_that_has_sent_its_part_of_what_users_may_send_ends_the_run_though_others_have_some_left() -> None:
    one = Guard((), None, 4.0, Limits(requests=120), workers=2)
    one.hear_begun(Sent(index, 1.0) for index in (*range(117), 117))
    one.check_limits(2.0)
    one.hear_begun([Sent(118, 2.0)])
    with pytest.raises(AbortedError, match=r"^max_requests, 120: one of 2 workers has sent its part, and the scenario"):
        one.check_limits(2.0)
    one.hear_begun([Sent(119, 2.0)])
    with pytest.raises(AbortedError, match=r"^max_requests, 120, were sent, and the scenario"):
        one.check_limits(2.0)


def test_of_one_user_a_single_late_answer_ends_no_run(make_plan: MakePlan) -> None:
    one = Guard(followed(make_plan(abort=["good_ratio < 0.9 for 5s"])), None, 4.0, users=1)
    one.hear_begun((Sent(n, n * 2.9) for n in range(10)), 0.0)
    one.hear([Request(n, 0, due_s=n * 2.9, end_s=n * 2.9 + 2.8, outcome="complete") for n in range(9)], 0.0)
    assert aborts(one, 30.6) == ""
    assert aborts(one, 60.0).startswith("good_ratio was 0")


def test_a_planned_load_that_falls_is_not_ended_for_what_hung_before_the_time_of_the_condition(
    make_plan: MakePlan,
) -> None:
    due_s = [*(n / 20 for n in range(200)), *(10 + n * 3.3 for n in range(10))]
    one = Guard(followed(make_plan(abort=["good_ratio < 0.5 for 10s"])), due_s, 4.0)
    one.hear(Request(n, 0, at_s, end_s=at_s + 0.2, outcome="complete") for n, at_s in enumerate(due_s) if n % 40)
    assert not any(aborts(one, at_s / 2) for at_s in range(80))


def test_whatever_may_end_a_run_it_has_a_guard(make_plan: MakePlan) -> None:
    assert conduct._guard(make_plan(abort=["good_ratio < 0.5 for 5s"])) is not None
    assert conduct._guard(make_plan()) is None


def test_what_can_be_no_slower_than_the_deadline_is_known_by_then(make_plan: MakePlan) -> None:
    """Nobody waits for 20 s to know of clients who have all given up after 4 s."""
    plan = make_plan(abort=["latency_ms.p95 > 20000 for 5s"])
    one = Guard(followed(plan), DUE_S, 4.0)
    one.hear(rows(0, 60) + [Request(i, 0, DUE_S[i], end_s=DUE_S[i] + 4, outcome="timed_out") for i in range(60, 110)])
    assert aborts(one, 15.4).startswith("latency_ms.p95 was endless over 5 s, up to 4.5 s before")


def test_one_that_is_just_allowed_does_not(guard: MakeGuard) -> None:
    one = guard("good_ratio < 0.5 for 10s")
    one.hear(rows(0, 50) + rows(50, 100, outcome="error"))
    assert not aborts(one, KNOWN_S)


def test_what_was_bad_for_less_than_the_time_does_not(guard: MakeGuard) -> None:
    one = guard("good_ratio < 0.5 for 10s")
    one.hear(rows(0, 60) + rows(60, 120, outcome="error"))
    assert not aborts(one, KNOWN_S)
    assert aborts(one, KNOWN_S + 2)


def test_what_no_condition_is_about_any_more_is_forgotten_and_changes_nothing(make_plan: MakePlan) -> None:
    due_s = [index / 10 for index in range(36_000)]  # an hour
    one = Guard(followed(make_plan(abort=["good_ratio < 0.5 for 10s"])), due_s, 4.0)
    for index, at_s in enumerate(due_s):
        good = at_s < 3_000 or at_s >= 3_580
        one.hear([Request(index, 0, at_s, end_s=at_s + 0.5, outcome="complete" if good else "error")])
        if index % 300 == 0 and at_s < 3_000:
            assert not aborts(one, at_s)
    assert "good_ratio was 0" in aborts(one, 3_060.0)
    assert len(one._ended) < 8_000
    one.hear([Request(0, 0, 0.0, end_s=3_060.0)])  # which comes much too late
    assert 0 not in one._ended


def test_of_a_load_that_nobody_planned_those_who_wait_are_not_forgotten(make_plan: MakePlan) -> None:
    limits = Limits(requests=36_040)
    one = Guard(followed(make_plan(abort=["good_ratio < 0.5 for 10s"])), None, 4.0, limits, users=50)
    one.hear_begun(Sent(index, 10.0) for index in range(20))  # and are answered never
    for index in range(20, 36_020):  # ten a second, for an hour
        at_s = index / 10
        one.hear_begun([Sent(index, at_s)])
        one.hear([Request(index, 0, at_s, end_s=at_s + 0.5, outcome="complete")])
        if index % 100 == 0:
            assert not aborts(one, at_s)
    assert len(one._due_s) == len(one._index) < 3_000
    assert len(one._ended) < 3_000 > len(one._known)
    one.check_limits(3_602.0)
    one.hear_begun(Sent(index, 3_602.0) for index in range(36_020, 36_040))
    with pytest.raises(AbortedError, match="max_requests, 36040, were sent"):
        one.check_limits(3_602.0)
    assert "good_ratio was 0 " in aborts(one, 3_700.0)  # of the forty that wait


def test_nothing_is_said_before_so_much_of_the_run_is_known_nor_of_a_handful_of_requests(guard: MakeGuard) -> None:
    one = guard("good_ratio < 0.5 for 10s")
    one.hear(rows(0, 100, outcome="error"))
    assert not aborts(one, KNOWN_S - 0.1)
    assert aborts(one, KNOWN_S)
    assert not aborts(guard("good_ratio < 0.5 for 10s", due_s=[0.0, 3.0, 6.0, 9.0]), 20.0)


def test_what_has_no_answer_when_it_should_have_one_is_bad_so_that_a_black_hole_is_seen(guard: MakeGuard) -> None:
    one = guard("good_ratio < 0.5 for 10s")
    one.hear(rows(0, 100))
    assert not aborts(one, KNOWN_S + 5)
    assert aborts(one, KNOWN_S + 5.2)


@pytest.mark.parametrize("ended", ["complete", "error"])
def test_a_quantile_counts_what_failed_as_endless(guard: MakeGuard, ended: str) -> None:
    one = guard("latency_ms.p95 > 2000 for 10s")
    one.hear(rows(0, 94) + rows(94, 100, took_s=2.5, outcome=ended))
    assert aborts(one, 12.5).startswith(f"latency_ms.p95 was {'2500' if ended == 'complete' else 'endless'} over 10 s")


def test_a_quantile_counts_what_is_open_as_long_as_it_has_waited(guard: MakeGuard) -> None:
    one = guard("latency_ms.p95 > 2000 for 10s")
    one.hear(rows(0, 96))
    assert not aborts(one, 12.5)  # the slowest five would be one too many
    one = guard("latency_ms.p95 > 2000 for 10s")
    one.hear(rows(0, 94))
    assert aborts(one, 12.5)


def test_each_condition_is_looked_at(guard: MakeGuard) -> None:
    one = guard("good_ratio < 0.1 for 10s", "latency_ms.p50 > 300 for 5s")
    one.hear(rows(0, 100))
    assert "latency_ms.p50" in aborts(one, 8.0)


# Whole runs


def simulated(plan: Plan) -> tuple[SimWorld, Evidence]:
    sim = SimWorld(plan, Fragile, 1)
    return sim, sim.evidence(loop.run(plan, sim.world, Memory()))


def test_a_run_that_is_aborted_has_its_faults_put_back_first_and_says_why(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 4, 30, 10), faults=[LOSS], abort=["good_ratio < 0.8 for 5s"], good={"within": "2s"})
    sim, evidence = simulated(plan)
    ended, reverted = evidence.history[-1], evidence.history[-2]
    assert isinstance(ended, Ended)
    assert isinstance(reverted, Reverted)
    assert ended.reason == "aborted"
    assert 7 < ended.at_s < 20
    assert sim.injector.in_force == {}
    assert sim.network.laid == []
    assert sim.clients.ended
    result = concluded(evidence)
    assert (result.verdict, result.exit_status) == ("aborted", 5)
    assert "good_ratio was 0." in result.reason
    assert "the scenario aborts at good_ratio < 0.8 for 5s" in result.reason


def test_a_run_that_goes_no_worse_than_it_may_goes_on_to_its_end(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 4, 30, 10), faults=[LOSS], abort=["good_ratio < 0.1 for 5s"], good={"within": "2s"})
    _, evidence = simulated(plan)
    assert evidence.ended is not None
    assert evidence.ended.reason == "completed"


# --- what a run may use up


TEN_A_SECOND = [index / 10 for index in range(200)]


def allowed(**limits: Any) -> Guard:
    return Guard([], TEN_A_SECOND, 4.0, Limits(**limits))


def used_up(one: Guard, now_s: float) -> str:
    try:
        one.check_limits(now_s)
    except AbortedError as aborted:
        return str(aborted)
    return ""


def test_the_load_goes_on_for_no_longer_than_it_may() -> None:
    assert not used_up(allowed(duration_s=5.0), 4.9)
    assert (
        used_up(allowed(duration_s=5.0), 5.0)
        == "the load has gone on for max_duration, 5 s, and the scenario allows no more"
    )


def test_a_run_ends_when_one_request_more_than_it_may_send_is_due() -> None:
    assert not used_up(allowed(requests=50), 4.9)
    assert used_up(allowed(requests=50), 5.0) == "max_requests, 50, were sent, and the scenario allows no more"
    assert not used_up(allowed(requests=200), 1_000.0)  # just as many as are planned


def test_attempts_are_counted_whoever_makes_them() -> None:
    one = allowed(attempts=30)
    one.hear_attempts(29)
    assert not used_up(one, 1.0)
    one.hear_attempts(2)
    assert (
        used_up(one, 1.0) == "31 attempts at providers were seen (max_attempts is 30), and the scenario allows no more"
    )


def test_what_attempts_cost_is_added_up() -> None:
    one = allowed(cost=5.0)
    one.hear_cost(4.5)
    assert not used_up(one, 1.0)
    one.hear_cost(0.75)
    assert used_up(one, 1.0) == "attempts at providers have cost 5.25 (max_cost is 5), and the scenario allows no more"


def test_an_attempt_costs_what_its_tokens_do_and_without_a_price_as_much_as_the_dearest(make_plan: MakePlan) -> None:
    prices = {"small": Price(**{"in": 1.0, "out": 2.0}), "large": Price(**{"in": 10.0, "out": 20.0})}
    cost = price_list(make_plan().target.model_copy(update={"prices": prices}))
    read = Arrival("east", 0.0, outcome="complete", tokens_in=100_000, tokens_out=50_000)
    costs = [cost(msgspec.structs.replace(read, model=model)) for model in ("small", "large", "unheard-of")]
    assert costs == pytest.approx([0.2, 2.0, 2.0])
    assert cost(msgspec.structs.replace(read, outcome="answered_by_fault")) == 0.0
    assert cost(msgspec.structs.replace(read, tokens_out=None)) == 0.0


def test_what_may_end_a_run_before_its_time_stands_in_its_outline(make_plan: MakePlan) -> None:
    url = "http://127.0.0.1:1/may-go-on"
    lines = list(
        outline(make_plan(abort=["good_ratio < 0.5 for 10s", {"max_duration": "5s"}, "cost > 5", {"url": url}]))
    )
    at = lines.index("is ended before its time where")
    told = [
        "good_ratio < 0.5 for 10s",
        "max_duration 5 s is reached",
        "max_cost 5 is reached",
        f"{url} answers other than 2xx",
    ]
    assert lines[at + 1 : at + 5] == [f"  {what}" for what in told]
    assert "is ended before its time where" not in list(outline(make_plan()))


def test_a_limit_of_cost_is_written_in_two_ways(make_plan: MakePlan) -> None:
    assert make_plan(abort=["cost > 5"]).limits == make_plan(abort=[{"max_cost": 5}]).limits == Limits(cost=5.0)


def test_of_several_limits_of_a_kind_the_least_holds(make_plan: MakePlan) -> None:
    plan = make_plan(
        abort=[{"max_requests": 9}, "good_ratio < 0.5 for 10s", {"max_requests": 7}, {"url": "http://127.0.0.1:1/"}]
    )
    assert plan.limits == Limits(requests=7, urls=("http://127.0.0.1:1/",))
    assert [str(one) for one in plan.aborts] == ["good_ratio < 0.5 for 10s"]
    assert plan.limits.counted
    assert not make_plan(abort=[{"url": "http://127.0.0.1:1/"}]).limits.counted


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, "says nothing; write one of max_duration, max_requests, max_attempts, max_cost, url"),
        ({"max_requests": 1, "max_duration": "5s"}, "says max_duration, max_requests; write one of"),
        ({"max_requests": 0}, "greater than or equal to 1"),
        ({"max_duration": 5}, "5 is not a duration"),
        ({"max_duration": "0s"}, "greater than 0"),
        ({"url": "127.0.0.1:80"}, "'127.0.0.1:80' cannot be asked; write http://host:port/path"),
        ({"url": "ftp://127.0.0.1/"}, "cannot be asked"),
        ({"url": "http://ann:secret@127.0.0.1/"}, "cannot be asked"),
        ({"url": "http://{port}/"}, "cannot be asked"),
        ({"max_money": 5}, "Extra inputs are not permitted"),
    ],
)
def test_a_limit_that_is_none_is_refused(make_scenario: MakeScenario, written: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as found:
        make_scenario(abort=[written])
    assert told in str(found.value)


def test_attempts_that_the_wire_wrote_down_are_what_a_run_is_aborted_on(tmp_path: Path) -> None:
    clock, file = Still(), RowFile(tmp_path / "attempts-0.rows")
    guarded = Guarded(clock, allowed(attempts=2), tmp_path, clock)
    file.add(Attempt("openai", 1000.0))
    guarded.check()
    file.add(Attempt("openai", 1000.0))
    clock.now_s = 1.0
    with pytest.raises(AbortedError, match="2 attempts at providers were seen"):
        guarded.check()
    guarded.close()
    file.close()


# --- somebody's order


def test_an_order_ends_a_run_once_and_is_told_and_not_while_things_are_put_back() -> None:
    told: list[str] = []
    signals = Interruptions(told.append)
    signals.heed()
    signals.obey(lambda: "stopped by ann@host: enough")
    with signals.held():
        signals.heed()
    with pytest.raises(AbortedError, match="stopped by ann@host: enough"):
        signals.heed()
    signals.heed()
    assert (told, signals.received, signals.ordered) == (["stopping: taking the faults back"], 0, True)


def test_when_it_was_decided_is_on_record_and_how_long_after_that_the_faults_were_gone(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 4, 30, 10), faults=[{**LOSS, "at": "fault"}])
    sim = SimWorld(plan, Fragile, 1)
    ordered = replace(sim.world, watch=Ordered(sim.world.clock, 8.0, "stopped by ann@host: enough"))
    evidence = sim.evidence(loop.run(plan, ordered, Memory()))
    ended = evidence.ended
    assert ended is not None
    assert (ended.reason, ended.detail) == ("aborted", "stopped by ann@host: enough")
    assert ended.decided_s is not None
    gone_s = [event.at_s for event in evidence.history if isinstance(event, Reverted)]
    assert 8.0 <= ended.decided_s <= min(gone_s) <= ended.at_s
    reason = concluded(evidence).reason
    assert re.match(
        r"The run was ended at 8\.\d s: stopped by ann@host: enough "
        r"\(the faults were gone \d\.\d\d s later, and the load \d\.\d\d s later\)",
        reason,
    )


def test_where_nothing_was_broken_that_is_what_is_said(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 4, 30, 10), faults=[{**LOSS, "at": "fault"}])
    sim = SimWorld(plan, Fragile, 1)
    ordered = replace(sim.world, watch=Ordered(sim.world.clock, 2.0, "enough"))
    evidence = sim.evidence(loop.run(plan, ordered, Memory()))
    assert "enough (no fault was in force, and the load" in concluded(evidence).reason


class Ordered:
    """A watch that hears, from *at_s* on, that the run has to end."""

    def __init__(self, clock: Any, at_s: float, why: str) -> None:
        self._clock, self._at_s, self._why = clock, at_s, why

    def check(self) -> None:
        if self._clock.now() >= self._at_s:
            raise AbortedError(self._why)


class Still:
    """A clock that stands where it is put, and a watch that sees nothing."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now(self) -> float:
        return self.now_s

    def sleep_until(self, at_s: float) -> None:
        self.now_s = at_s

    def check(self) -> None: ...


def test_the_rows_that_clients_write_are_what_a_run_is_aborted_on(make_plan: MakePlan, tmp_path: Path) -> None:
    plan = make_plan(phases=(1, 4, 30, 10), abort=["good_ratio < 0.5 for 5s"])
    clock, file = Still(), RowFile(tmp_path / "requests-0.rows")
    guard = Guard(followed(plan), list(plan.schedule.due_times()), plan.scenario.good.within)
    guarded = Guarded(clock, guard, tmp_path, clock)
    for now_s, outcome in ((10.0, "complete"), (20.0, "error")):
        due = [(i, at_s) for i, at_s in enumerate(plan.schedule.due_times()) if now_s - 10 <= at_s < now_s]
        for index, due_s in due:
            # Instants of a row file are on the machine's clock.
            file.add(Request(index, 0, 1000 + due_s, end_s=1000 + due_s + 0.1, outcome=outcome))
        clock.now_s = now_s
        if outcome == "complete":
            guarded.check()
        else:
            with pytest.raises(AbortedError, match="good_ratio was 0"):
                guarded.check()
    guarded.close()
    file.close()
