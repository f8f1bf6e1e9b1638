"""A closed load, of the users of a locustfile: what is known of it beforehand and afterwards, and what spoils it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from harness.judging.closed import as_it_was, spoilt, waits
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import rate_per_s
from harness.judging.verdict import judge
from harness.planning.outline import outline
from harness.planning.plan import Plan, plan
from harness.reading import expectation
from harness.reading.expectation import Selection
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.columns import Table
from harness.record.instrument import Lateness, Machine, Measurement, Stray
from harness.record.rows import ELSEWHERE, Request
from harness.record.workers import Worker
from harness.report.headline import beside

MakeClosed = Callable[..., Plan]
AsRun = Callable[..., Evidence]


@pytest.fixture
def make_closed(target: Target) -> MakeClosed:
    """A plan of 20 s whose load are ten users; *expect* is expected of it."""

    def make(*expect: str, **load: Any) -> Plan:
        scenario = Scenario.model_validate(
            {
                "schema": "harness.scenario/1",
                "name": "own",
                "load": {"locustfile": "load/users.py", "users": 10, "deadline": "4s"} | load,
                "phases": {"warmup": "1s", "baseline": "5s", "fault": "5s", "recovery": "9s"},
                "faults": [{"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}],
                "expect": expect or ["good_ratio >= 0.5 in fault"],
            }
        )
        made, problems = plan(scenario, target, tuple(map(expectation.parse, scenario.expect)))
        assert problems == []
        return made

    return make


@pytest.fixture
def as_run(make_evidence: Callable[..., Evidence], rows: Callable[..., list[Request]], make_plan: Any) -> AsRun:
    """Evidence of a run of a closed plan in which ten requests came a second, each changed as is said of its index and instant."""

    def make(
        made: Plan,
        change: Callable[[int, float], dict[str, Any]] = lambda index, due_s: {},
        numbered: Callable[[int], dict[str, int]] = lambda index: {},
    ) -> Evidence:
        came = rows(
            make_plan(phases=(1, 5, 5, 9), load={"jitter": 0}), lambda *of: {"on_schedule": False} | change(*of)
        )
        found = make_evidence(made, requests=[msgspec.structs.replace(row, **numbered(row.index)) for row in came])
        return replace(found, plan=as_it_was(made, found.request_table))

    return make


def test_nobody_knows_beforehand_how_many_requests_come(make_closed: MakeClosed) -> None:
    made = make_closed()
    assert made.closed
    assert made.schedule.requests == 0
    assert list(made.schedule.due_times()) == []
    said = "\n".join(outline(made))
    assert "20 s, a closed load of 10 users of users.py, 10 more a second" in said
    assert "at most" not in said


def test_users_have_to_have_a_baseline_and_a_run_that_had_none_is_judged_all_the_same(
    make_closed: MakeClosed, as_run: AsRun
) -> None:
    made = make_closed()
    phases = {**made.scenario.phases, "baseline": 0.0}
    scenario = made.scenario.model_copy(update={"phases": phases})
    without, problems = plan(scenario, made.target, made.expectations)
    assert [(one.path, one.what) for one in problems] == [
        ("phases.baseline", "lasts no time, so nobody would know how the service does when nothing is broken")
    ]
    result = judge(as_run(without))
    assert (result.verdict, "othing was asked in the baseline" in result.reason) == ("invalid", True), result.reason


def test_an_expectation_is_not_refused_for_a_number_that_nobody_knows(make_closed: MakeClosed) -> None:
    made = make_closed("good_ratio >= 0.9 in fault", "recovery_time_s <= 1", "good_ratio >= 0.99 in fault")
    fits, soon, short = (metrics[one.metric].unsettled(made, one) for one in made.expectations)
    assert (fits, soon) == (None, None)
    assert short == (
        "all that its users may ask in that time can never settle it, even when all goes well; let it last 3.8 times as long"
    )


def test_it_is_known_afterwards_how_many_came_a_second(make_closed: MakeClosed, as_run: AsRun) -> None:
    made = as_run(make_closed()).plan
    assert made.schedule.requests == 200
    assert rate_per_s(made, Selection("baseline")) == 10
    assert rate_per_s(made, Selection("recovery")) == pytest.approx(10)


@pytest.mark.parametrize(("after_s", "counted"), [(-0.01, True), (0.0, False), (3.0, False)])
def test_what_users_ask_after_the_end_of_their_load_counts_in_no_phase(
    make_closed: MakeClosed, as_run: AsRun, after_s: float, counted: bool
) -> None:
    late = as_run(make_closed(), numbered=lambda index: {"due_s": 20 + after_s} if index >= 155 else {})
    assert rate_per_s(late.plan, Selection("recovery")) == pytest.approx(10 if counted else 5)
    phases = late.words("requests", "phase").counts()
    assert (phases["recovery"], phases.get("", 0)) == ((90, 0) if counted else (45, 45))


def test_an_open_load_stays_as_it_was_planned(make_plan: Callable[..., Plan], make_evidence: Any) -> None:
    made = make_plan()
    assert as_it_was(made, make_evidence(made).request_table) is made


def test_the_verdict_and_the_report_say_that_it_was_closed(make_closed: MakeClosed, as_run: AsRun) -> None:
    result = judge(as_run(make_closed()))
    assert result.verdict == "pass", result.reason
    assert "the load was closed (10 users of users.py): what is slow slowed its own load down" in result.reason
    assert "coordinated omission" in result.quality.closed
    assert beside(result) == "The load was closed (10 users of users.py): what is slow slowed its own load down."


def test_of_an_open_load_nobody_says_that_it_was_closed(make_plan: Any, make_evidence: Any) -> None:
    result = judge(make_evidence(make_plan()))
    assert "closed" not in result.reason + beside(result)
    assert result.quality.closed == ""


def test_users_who_have_a_schedule_make_an_open_load_that_can_fall_behind(
    make_closed: MakeClosed, as_run: AsRun
) -> None:
    result = judge(as_run(make_closed(), lambda *_: {"on_schedule": True}))
    assert "closed" not in result.reason + result.quality.closed
    late = judge(as_run(make_closed(), lambda _, due_s: {"on_schedule": True, "sent_s": due_s + 0.08}))
    assert late.reason.startswith("The load fell behind: 1 in 100 was sent 80 ms or more after it was due")


def test_where_some_have_one_it_is_said_how_much_of_the_load_is_closed(make_closed: MakeClosed, as_run: AsRun) -> None:
    result = judge(as_run(make_closed(), lambda index, _: {"on_schedule": index % 4 == 0}))
    assert "the load was closed (75 % of the requests of 10 users of users.py)" in result.reason


def test_what_nobody_can_know_of_it_is_no_number(make_closed: MakeClosed, as_run: AsRun) -> None:
    found = judge(as_run(make_closed())).metrics
    assert found["good_ratio"].value == 1
    unknown = [name for name in found if metrics[name].not_of_users]
    assert {"answer_consistency", "monotonic_violations", "ttft_ms", "leaks"} <= set(unknown)
    assert {found[name].value for name in unknown} == {None}


def test_a_request_that_has_no_row_is_told(make_closed: MakeClosed, as_run: AsRun) -> None:
    evidence = as_run(make_closed())
    lost = replace(evidence, request_table=Table.of(evidence.requests.drop(index=[50, 51])), _made={})
    result = judge(lost)
    assert result.verdict == "invalid"
    assert "ot each request that the users of the locustfile began is known of once: 2 lost" in result.reason


def _of_two(index: int) -> dict[str, int]:
    """As it is numbered where the first 120 are of worker 0, and all others of worker 1."""
    worker, nth = (0, index) if index < 120 else (1, index - 120)
    return {"worker": worker, "index": 2 * nth + worker}


def test_workers_that_give_users_numbers_of_their_own_lose_none_by_that(make_closed: MakeClosed, as_run: AsRun) -> None:
    evidence = as_run(make_closed(workers=2), numbered=_of_two)
    evidence = replace(evidence, workers=[Worker(0, "here", 7, 120), Worker(1, "here", 8, 80)])
    result = judge(evidence)
    assert (result.quality.offered, result.quality.missing, result.quality.unplanned) == (200, 0, 0)
    assert [doubt.kind for doubt in result.doubts] == []


def test_the_last_requests_of_a_worker_that_have_no_row_are_told(make_closed: MakeClosed, as_run: AsRun) -> None:
    evidence = as_run(make_closed(workers=2), numbered=_of_two)
    evidence = replace(evidence, workers=[Worker(0, "here", 7, 120), Worker(1, "here", 8, 83)])
    assert "is known of once: 3 lost" in judge(evidence).reason


def test_what_the_users_of_a_lost_worker_had_begun_is_told(make_closed: MakeClosed, as_run: AsRun) -> None:
    lost = Worker(1, "there", 8, 80, "was ended by SIGKILL", 19.0)
    unknown = {"outcome": "unfinished", "detail": lost.lost_words, "end_s": None}
    evidence = as_run(make_closed(workers=2), lambda index, _: unknown if index > 196 else {}, _of_two)
    result = judge(replace(evidence, workers=[Worker(0, "here", 7, 120), lost]))
    assert result.verdict == "invalid"
    said = "orker 1 (pid 8 on there), which was lost, had begun 80 requests of its users, and of 3 of them nobody knows what became of"
    assert said in result.reason


def test_that_workers_share_the_users_stands_in_the_outline(make_closed: MakeClosed) -> None:
    assert "2 workers share its users, as Locust gives them out" in list(outline(make_closed(workers=2)))


def test_what_a_lost_worker_left_open_is_not_said_to_have_come_on_a_schedule(
    make_closed: MakeClosed, as_run: AsRun
) -> None:
    lost = {"on_schedule": True, "outcome": "unfinished", "sent_s": None, "end_s": None, "status": 0}
    assert waits(as_run(make_closed(), lambda index, _: lost if index % 10 == 0 else {})) == 1.0
    known = {"on_schedule": True}
    assert waits(as_run(make_closed(), lambda index, _: known if index % 10 == 0 else {})) == pytest.approx(0.9)


def test_requests_for_somebody_else_spoil_it(make_closed: MakeClosed, as_run: AsRun) -> None:
    elsewhere = {"outcome": "not_sent", "detail": f"{ELSEWHERE}http://shop.example", "sent_s": None, "entry": ""}
    evidence = as_run(make_closed(), lambda index, _: elsewhere if index % 10 == 0 else {})
    (said,) = spoilt(evidence)
    assert said.startswith(
        "20 of 200 requests were for http://shop.example, which is no entry of the target, and were not sent"
    )
    assert judge(evidence).verdict == "invalid"


def test_connections_past_the_target_spoil_it_and_are_named(make_closed: MakeClosed, as_run: AsRun) -> None:
    strays = [Stray(1.0, "api.example:443", 1), Stray(2.0, "api.example:443", 4), Stray(2.0, "127.0.0.1:9", 1)]
    whole = as_run(make_closed())
    (said,) = spoilt(replace(whole, measurements=strays, _made={}))
    assert "wanted 6 connections to api.example:443 (5), 127.0.0.1:9 (1), past the target, and got none" in said
    assert judge(replace(whole, measurements=strays, _made={})).verdict == "invalid"
    assert list(spoilt(whole)) == []


def test_users_who_leave_before_the_end_spoil_it(make_closed: MakeClosed, as_run: AsRun, make_evidence: Any) -> None:
    made = make_closed()
    whole = as_run(made)
    early = replace(whole, request_table=whole.request_table.taken(whole.column("requests", "due_s") < 12), _made={})
    (said,) = spoilt(early)
    assert "the users asked nothing from 11.9 s on, 8 s before the end of the run" in said
    assert list(spoilt(whole)) == []


def test_users_who_wait_for_an_answer_have_not_left(make_closed: MakeClosed, as_run: AsRun) -> None:
    def hangs(index: int, due_s: float) -> dict[str, Any]:
        return {"outcome": "unfinished", "end_s": None, "status": 0} if due_s > 11 else {}

    whole = as_run(make_closed(), hangs)
    early = replace(whole, request_table=whole.request_table.taken(whole.column("requests", "due_s") < 12), _made={})
    assert list(spoilt(early)) == []


def test_users_who_ask_nothing_at_all_spoil_it(make_closed: MakeClosed, make_evidence: Any) -> None:
    (said,) = spoilt(make_evidence(make_closed(), requests=[]))
    assert "asked nothing in the whole run" in said


def test_what_users_did_wrong_is_told_before_what_is_missing_since(make_closed: MakeClosed, make_evidence: Any) -> None:
    result = judge(make_evidence(make_closed(), requests=[]))
    assert result.doubts[0].kind == "users"
    assert "asked nothing in the whole run" in result.doubts[0].said
    assert {doubt.kind for doubt in result.doubts[1:]} >= {"no_baseline"}


def instrument(load_until_s: float, alive_until_s: float, ran: float = 1.0) -> list[Measurement]:
    """A look a second at a process of users that told until *load_until_s* how late it ran, and was there until *alive_until_s*."""
    late = [Lateness(float(at_s), 1.0, "load", [50, *[0] * 12], 0.5) for at_s in range(int(load_until_s))]
    there = [Machine(float(at_s), 1.0, 2, threads={"load": (ran, 0.0)}) for at_s in range(int(alive_until_s))]
    return [*late, *there, *(Machine(float(at_s), 1.0, 2) for at_s in range(int(alive_until_s), 20))]


@pytest.mark.parametrize(("ran", "how"), [(0.98, "it computes"), (0.0, "it waits in what Locust cannot switch away")])
def test_a_task_that_never_yields_is_named(
    make_closed: MakeClosed, as_run: AsRun, make_evidence: Any, ran: float, how: str
) -> None:
    made = make_closed()
    whole = as_run(made)
    early = whole.request_table.taken(whole.column("requests", "due_s") < 12)
    measured = instrument(12, 20, ran)
    (said,) = spoilt(replace(whole, request_table=early, measurements=measured, _made={}))
    assert "never yielded: from 12.0 s on, to the end, nothing else of its process ran" in said
    assert how in said
    (said,) = spoilt(make_evidence(made, requests=[], measurements=instrument(0, 20, ran)))
    assert "never yielded: from 0.0 s on" in said


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ((20, 20), "asked nothing from"),
        ((12, 13), "asked nothing from"),
        ((18, 20), "asked nothing from"),
        ((0, 0), "asked nothing from"),
    ],
)
def test_users_who_left_are_not_said_to_have_kept_their_process(
    make_closed: MakeClosed, as_run: AsRun, measured: tuple[int, int], said: str
) -> None:
    whole = as_run(make_closed())
    early = whole.request_table.taken(whole.column("requests", "due_s") < 12)
    (told,) = spoilt(replace(whole, request_table=early, measurements=instrument(*measured), _made={}))
    assert said in told
    assert "yield" not in told


def test_clients_that_have_no_status_are_answered_all_the_same(make_closed: MakeClosed, as_run: AsRun) -> None:
    result = judge(as_run(make_closed(), lambda *_: {"status": 0}))
    assert "were answered" not in result.reason
