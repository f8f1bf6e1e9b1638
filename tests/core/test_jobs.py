"""How long jobs wait, and which are lost or done twice, against tables worked out by hand; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from concluded import concluded

from harness.checks import target_problems
from harness.interval import UNMEASURED, Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.protocols import jobs
from harness.protocols.asking import ResolvedJob
from harness.reading import expectation
from harness.reading.expectation import Selection
from harness.reading.target import Target
from harness.reading.yaml import read
from harness.record.rows import Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
STATES = {"state": "/status", "waiting": ["queued"], "running": ["running"], "done": ["done"], "failed": ["failed"]}
JOB = {"id": "/id", "poll": "/jobs/{job}", "every": "100ms", **STATES}
IN_FAULT = Selection("fault")
SCENARIOS = Path(__file__).parents[2] / "scenarios"


def way(**job: Any) -> dict[str, Any]:
    return {"protocol": "json", "body": {"q": "{question}"}, "reply": {"answer": "/answer"}, "job": JOB | job}


@pytest.fixture
def told(
    make_plan: MakePlan, make_evidence: MakeEvidence, make_target: Callable[..., Target], rows: Rows, attempt: Try
) -> Told:
    """A run of jobs that wait 0.2 s and are done after 1 s, unless *of* says otherwise of those of the fault."""

    def evidence(
        of: Callable[[int, float], dict[str, Any]] = lambda index, due_s: {},
        tries: Callable[[Request], list[dict[str, Any]]] = lambda row: [{}],
        job: dict[str, Any] | None = None,
        seen: bool = True,
        since_s: float = 11,
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(of=make_target(ask=way(**(job or {}))), phases=(1, 10, 20, 10), **keys)

        def change(index: int, due_s: float) -> dict[str, Any]:
            well = {"sent_s": due_s, "accepted_s": due_s + 0.01, "end_s": due_s + 1.0, "first_token_s": due_s + 1.0}
            states = {"job": "done", "waiting_s": due_s + 0.1, "running_s": due_s + 0.2, "polls": 9}
            return well | states | (of(index, due_s) if since_s <= due_s < 31 else {})

        asked = rows(plan, change)
        made = [attempt(row, **one) for row in asked for one in (tries(row) if 11 <= row.due_s < 31 else [{}])]
        return make_evidence(plan, requests=asked, attempts=made if seen else [])

    return evidence


def measure(evidence: Evidence, metric: str, part: str, selection: Selection = IN_FAULT) -> Interval:
    return metrics[metric].measure(pick(evidence, selection), part)


def lost(index: int, due_s: float) -> dict[str, Any]:
    return {"outcome": "timed_out", "job": "running", "end_s": due_s + 4.0, "first_token_s": None}


def one_in(many: int, of: Callable[[int, float], dict[str, Any]]) -> Callable[[int, float], dict[str, Any]]:
    return lambda index, due_s: of(index, due_s) if index % many == 0 else {}


# jobs.lost


def test_jobs_that_all_come_to_something_are_not_lost(told: Told) -> None:
    assert measure(told(), "jobs", "lost") == Interval(0, 0, 0, 200)


@pytest.mark.parametrize("far", ["waiting", "running"])
@pytest.mark.parametrize("end", [{"outcome": "timed_out"}, {"outcome": "error", "status": 404}])
def test_what_was_accepted_and_came_to_nothing_is_lost_whoever_noticed_it(
    told: Told, far: str, end: dict[str, Any]
) -> None:
    evidence = told(one_in(4, lambda index, due_s: lost(index, due_s) | end | {"job": far}))
    assert measure(evidence, "jobs", "lost") == Interval(50, 50, 50, 200)
    assert measure(evidence, "jobs", "lost", Selection("baseline")).value == 0


@pytest.mark.parametrize(
    "end",
    [
        {"outcome": "error", "status": 503, "job": "", "accepted_s": None},  # refused
        {"outcome": "timed_out", "job": "", "accepted_s": None},  # nobody answered the submission
        {"outcome": "not_sent", "job": "", "accepted_s": None},
        {"outcome": "unfinished", "end_s": None},  # the run was over
        {"outcome": "error", "job": "failed"},
        {"outcome": "malformed", "job": "done"},
        {"outcome": "malformed", "job": "waiting"},  # in a state that the target file does not name
        {"outcome": "error", "status": 401, "job": "waiting"},  # nobody may ask about it
    ],
)
def test_what_was_refused_or_failed_or_cut_off_is_not_lost(told: Told, end: dict[str, Any]) -> None:
    assert measure(told(one_in(4, lambda index, due_s: lost(index, due_s) | end)), "jobs", "lost").value == 0


@pytest.mark.parametrize("outcome", ["error", "reset", "timed_out"])
def test_what_an_earlier_press_lost_stays_lost_where_the_last_one_was_not_accepted(told: Told, outcome: str) -> None:
    def again(index: int, due_s: float) -> dict[str, Any]:
        refused = {"outcome": outcome, "status": 503, "job": "running", "presses": 2, "last_sent_s": due_s + 3.0}
        return lost(index, due_s) | refused

    evidence = told(one_in(4, again))
    assert measure(evidence, "jobs", "lost") == Interval(50, 50, 50, 200)
    assert measure(evidence, "queue_time_ms", "p95").high == pytest.approx(200)  # from the press that was accepted


def test_a_run_of_a_service_that_loses_jobs_fails_and_its_twin_passes(told: Told) -> None:
    keys: dict[str, Any] = {"expect": ["jobs.lost <= 0 in fault"]}
    assert concluded(told(**keys)).verdict == "pass"
    broken = concluded(told(one_in(50, lost), **keys))
    assert broken.verdict == "fail"
    assert broken.findings[0].value == 4


# jobs.duplicated


def twice(row: Request, digest: str = "") -> list[dict[str, Any]]:
    again = {"start_s": row.due_s + 0.5, "end_s": row.due_s + 0.9}
    return [{}, again] if row.index % 10 == 0 else [{}]


def test_work_that_is_done_once_is_not_duplicated_however_often_it_was_tried(told: Told) -> None:
    assert measure(told(), "jobs", "duplicated") == Interval(0, 0, 0, 200)
    failed_first = told(tries=lambda row: [{"status": 503}, {"start_s": row.due_s + 0.2, "end_s": row.due_s + 0.9}])
    assert measure(failed_first, "jobs", "duplicated").value == 0


def test_each_job_counts_whose_work_was_done_twice(told: Told) -> None:
    assert measure(told(tries=twice), "jobs", "duplicated") == Interval(20, 20, 20, 200)


def test_it_counts_as_well_where_a_client_submitted_it_again(told: Told) -> None:
    def by_two_presses(row: Request) -> list[dict[str, Any]]:
        return [{}, {"start_s": row.due_s + 0.5, "end_s": row.due_s + 0.9, "press": 1}]

    assert measure(told(tries=by_two_presses), "jobs", "duplicated").value == 200


def test_a_result_that_was_sent_twice_is_a_job_that_was_done_twice(told: Told) -> None:
    hooked = {"id": None, "poll": None, "webhook": True}
    assert (
        measure(told(one_in(10, lambda index, due_s: {"deliveries": 2}), job=hooked), "jobs", "duplicated").value == 20
    )
    assert measure(told(lambda index, due_s: {"deliveries": 1}, job=hooked), "jobs", "duplicated").value == 0


def test_attempts_that_nobody_can_join_say_nothing_of_what_was_done_twice(told: Told) -> None:
    some = measure(told(tries=lambda row: [{"nonce": ""}]), "jobs", "duplicated", IN_FAULT)
    assert (some.value, some.low) == (0, 0)
    assert some.high > 0  # the baseline's are joined
    every = measure(told(tries=twice), "jobs", "duplicated")
    assert every == Interval(20, 20, 20, 200)


def test_where_no_attempt_was_seen_and_no_result_is_sent_here_nothing_is_known_of_what_was_done_twice(
    told: Told,
) -> None:
    assert measure(told(seen=False), "jobs", "duplicated") == UNMEASURED
    hooked = {"id": None, "poll": None, "webhook": True}
    sent = told(lambda index, due_s: {"deliveries": 1}, job=hooked, seen=False)
    assert measure(sent, "jobs", "duplicated") == Interval(0, 0, 0, 200)


# queue_time_ms


def test_a_job_waits_from_its_submission_until_it_is_seen_to_run_and_polls_leave_room(told: Told) -> None:
    found = measure(told(), "queue_time_ms", "p50")
    assert (found.low, found.value, found.high, found.n) == pytest.approx((100, 150, 200, 200))


def test_without_a_state_that_says_so_it_is_the_time_until_its_result(told: Told) -> None:
    evidence = told(job={"running": [], "waiting": ["queued", "running"]})
    found = measure(evidence, "queue_time_ms", "p50")
    assert (found.low, found.value, found.high) == pytest.approx((1000, 1000, 1000))
    assert metrics["queue_time_ms"].remark(pick(evidence, IN_FAULT), "p50").endswith("the time until its result counts")


def test_a_job_that_nobody_saw_begin_waited_longer_than_its_client(told: Told) -> None:
    never = {"job": "waiting", "running_s": None}
    evidence = told(one_in(2, lambda index, due_s: lost(index, due_s) | never))
    found = measure(evidence, "queue_time_ms", "p95")
    assert (found.value, found.high, found.censored) == (4000, inf, True)
    assert metrics["queue_time_ms"].remark(pick(evidence, IN_FAULT), "p95").startswith("100 of 200 jobs never began")


def test_what_was_refused_never_stood_in_a_queue(told: Told) -> None:
    refused = {"outcome": "error", "status": 503, "job": "", "accepted_s": None, "running_s": None, "waiting_s": None}
    found = measure(told(one_in(2, lambda index, due_s: refused)), "queue_time_ms", "p95")
    assert (found.n, found.censored) == (100, False)


def test_a_job_that_was_submitted_again_waits_from_then_on(told: Told) -> None:
    again = lambda index, due_s: {"last_sent_s": due_s + 0.05, "accepted_s": due_s + 0.06, "presses": 2}  # noqa: E731
    assert measure(told(again), "queue_time_ms", "p50").high == pytest.approx(150)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("part", ["p50", "p95"])
def test_the_interval_holds_the_quantile_of_the_true_waits_that_polls_can_only_bracket(
    told: Told, seed: int, part: str
) -> None:
    draws = np.random.default_rng(seed)
    true_s = {index: float(draws.exponential(0.3)) for index in range(1000)}

    def polled(index: int, due_s: float) -> dict[str, Any]:
        before = int(true_s[index] / 0.1)  # a poll every 0.1 s; one at 0 is the submission
        return {"waiting_s": due_s + 0.1 * before if before else None, "running_s": due_s + 0.1 * (before + 1)}

    evidence = told(lambda index, due_s: polled(index, due_s) | {"end_s": due_s + 9.0, "first_token_s": due_s + 9.0})
    sample = pick(evidence, IN_FAULT)
    truth_ms = 1000 * np.quantile([true_s[int(index)] for index in sample.column("index")], float(f"0.{part[1:]}"))
    found = metrics["queue_time_ms"].measure(sample, part)
    assert found.low <= truth_ms <= found.high
    assert found.high - found.low >= 100 - 1e-6  # a time between two polls is known no better than that


# What is said of jobs before a run


# queue_depth, queue_age_s


def most(evidence: Evidence, metric: str, selection: Selection = IN_FAULT) -> Interval:
    return metrics[metric].measure(pick(evidence, selection))


def stuck(index: int, due_s: float) -> dict[str, Any]:
    """Nothing that was submitted in the first two seconds of the fault is begun before 15."""
    return {"waiting_s": 14.95, "running_s": 15.0, "end_s": 16.0} if due_s < 13 else {}


def test_where_jobs_wait_for_two_gaps_two_wait_at_once_and_polls_leave_room(told: Told) -> None:
    depth = most(told(), "queue_depth")
    assert (depth.value, depth.n) == (2, 410), "those of the warm-up, too"
    assert depth.low in (1, 2), "one begins as another ends"
    assert depth.high in (2, 3)
    age = most(told(), "queue_age_s")
    assert (age.low, age.value, age.high) == (pytest.approx(0.1), pytest.approx(0.15), pytest.approx(0.2))


def test_what_is_stuck_stands_in_the_queue_at_once_and_grows_old_there(told: Told) -> None:
    depth, age = most(told(stuck), "queue_depth"), most(told(stuck), "queue_age_s")
    assert 20 <= depth.low <= depth.value <= depth.high <= 23
    assert (age.low, age.high) == (pytest.approx(3.95), pytest.approx(4.0))
    assert most(told(stuck), "queue_depth", Selection("recovery")).high <= 3
    assert most(told(stuck), "queue_depth", Selection("fault", (("entry", "west"),))).high in (11, 12)


def test_a_phase_has_in_its_queue_what_was_submitted_before_it(told: Told) -> None:
    late = told(lambda index, due_s: {"waiting_s": 33.8, "running_s": 33.9, "end_s": 34.0} if due_s > 30.85 else {})
    assert most(late, "queue_age_s", Selection("recovery")).high == pytest.approx(3.0)
    assert most(late, "queue_age_s").high == pytest.approx(0.2)


def test_a_job_that_never_begins_waits_as_long_as_its_client(told: Told) -> None:
    evidence = told(
        one_in(
            200,
            lambda index, due_s: lost(index, due_s) | {"waiting_s": due_s + 3, "running_s": None} | {"job": "waiting"},
        )
    )
    assert most(evidence, "queue_age_s").value == pytest.approx(4.0)


def test_what_was_submitted_in_the_warm_up_stands_in_the_queue_of_the_baseline(told: Told) -> None:
    cold = told(
        lambda index, due_s: {"waiting_s": 1.95, "running_s": 2.0, "end_s": 2.5} if due_s < 1 else {}, since_s=0
    )
    assert most(cold, "queue_depth", Selection("baseline")).low >= 10
    assert most(cold, "queue_age_s", Selection("baseline")).high == pytest.approx(2.0)


def test_a_job_that_its_service_has_lost_and_says_so_waits_no_longer(told: Told) -> None:
    gone = {"outcome": "error", "status": 404, "waiting_s": None, "running_s": None, "job": "waiting"}
    evidence = told(one_in(200, lambda index, due_s: lost(index, due_s) | gone | {"end_s": due_s + 1.0}))
    assert most(evidence, "queue_age_s").value == pytest.approx(1.0, abs=0.5)
    assert most(evidence, "queue_age_s").high == pytest.approx(1.0)


def test_where_no_state_tells_of_work_it_is_said_that_work_counts_as_waiting(told: Told) -> None:
    unsaid = told(job={"running": [], "waiting": ["queued", "running"]})
    for metric in ("queue_depth", "queue_age_s"):
        assert metrics[metric].remark(pick(unsaid, IN_FAULT)).endswith("so each counts until its result")
        assert metrics[metric].remark(pick(told(), IN_FAULT)) == ""


def test_limits_on_a_queue_are_held_and_broken_and_refused_where_there_is_none(told: Told, make_plan: MakePlan) -> None:
    expect = ["queue_depth <= 5 in fault", "queue_age_s <= 1 in fault"]
    assert [finding.verdict for finding in concluded(told(expect=expect)).findings] == ["pass", "pass"]
    assert [finding.verdict for finding in concluded(told(stuck, expect=expect)).findings] == ["fail", "fail"]
    plan = make_plan(expect=expect)
    for written in map(expectation.parse, expect):
        assert "answers at once" in str(metrics[written.metric].unsettled(plan, written))


def test_a_service_that_answers_at_once_has_no_jobs(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan()
    evidence = make_evidence(plan, requests=rows(plan))
    for metric, part in (("jobs", "lost"), ("queue_time_ms", "p95")):
        assert measure(evidence, metric, part) == UNMEASURED
        why = metrics[metric].unsettled(plan, expectation.parse(f"{metric}.{part} <= 5"))
        assert why == "target 'two-regions' answers at once: it has no jobs (ask.job)"


def test_the_plan_says_how_a_job_is_followed(make_plan: MakePlan, make_target: Callable[..., Target]) -> None:
    said = list(outline(make_plan(of=make_target(ask=way(deadline="3s")))))
    assert any(
        line.endswith("each of which is a job, asked about every 0.1 s at /jobs/{job}, for 3 s at most")
        for line in said
    )


TARGET = """\
schema: harness.target/1
name: t
entries: [{url: "http://127.0.0.1:7"}]
ask:
  protocol: json
  path: /jobs
  body: {q: "{question}"}
  reply: {answer: /answer}
"""


@pytest.mark.parametrize(
    ("job", "where", "what"),
    [
        ({"id": "/id"}, "id", "nothing says where to ask about it; write poll: /jobs/{job}, or id: Location"),
        ({"id": "/id", "poll": "/jobs"}, "poll", "'/jobs' does not say which job; write a path such as /jobs/{job}"),
        ({"id": "an id", "poll": "/jobs/{job}"}, "id", "write a JSON Pointer such as /id, or the name of a header such as Location"),
        ({"id": "Location", "done": ["a"]}, "done", "nothing says where a state stands; write state: a JSON Pointer such as /status"),
        ({"id": "Location", "state": "/s"}, "done", "no state says that a job is done; write done: [succeeded]"),
        ({"id": "Location", "state": "s", "done": ["a"]}, "state", "'s' is no JSON Pointer; write one such as /status"),
        ({"id": "Location", "state": "/s", "done": ["a"], "failed": ["a"]}, "failed", "'a' is among done, too"),
        ({"every": "1s"}, "id", "nothing says how its result comes; write id: and poll:, or webhook: true"),
        ({"webhook": True, "poll": "/jobs/{job}"}, "poll", "nothing is asked about; leave poll out"),
        ({"webhook": True}, "webhook", "nobody is told where to send the result; write {webhook} where that is read"),
        ({"id": "/id", "poll": "/jobs/{id}/{job}"}, "poll", "unknown placeholder {id}; known: job"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_job_is_told_at_its_key(job: dict[str, Any], where: str, what: str) -> None:
    text = TARGET + f"  job: {yaml.safe_dump(job, default_flow_style=True, width=1000)}"
    told = [str(problem) for problem in target_problems(read(text, Target, "t.yaml"), {})]
    assert any(f"ask.job.{where}" in one and what in one for one in told), told


def test_a_webhook_is_only_for_who_can_reach_it_and_waits_only_where_it_is_said_to() -> None:
    hooked = TARGET.replace('q: "{question}"', 'q: "{question}", to: "{webhook}"')

    def told(text: str) -> list[str]:
        return [str(one) for one in target_problems(read(text, Target, "t.yaml"), {})]

    well = hooked + "  job: {webhook: true}\n"
    assert not any("webhook" in one for one in told(well))
    assert any("{webhook} stands for nothing unless a result is waited for" in one for one in told(hooked))
    away = told(well.replace("127.0.0.1:7", "jobs.example"))
    assert any("entries[0].url: a webhook listens on 127.0.0.1, which jobs.example cannot reach" in one for one in away)


def test_a_job_is_submitted_and_polled_in_json() -> None:
    text = TARGET.replace("protocol: json", "protocol: openai-chat\n  model: m") + "  job: {id: Location}\n"
    told = [str(problem) for problem in target_problems(read(text, Target, "t.yaml"), {})]
    assert any("ask.job" in one and "write protocol: json" in one for one in told), told
    assert not any(
        "ask.job" in str(one) for one in target_problems(read(TARGET + "  job: {id: Location}\n", Target, "t.yaml"), {})
    )


def test_a_job_is_asked_about_as_clients_send_what_a_header_has() -> None:
    place = jobs.polled(ResolvedJob(id="Location"), "/jobs/caf\xe9 7?a=b%20c#d", "http://127.0.0.1:1", "/jobs")
    assert place == ("http://127.0.0.1:1", "/jobs/caf%E9%207?a=b%20c")


def test_clients_who_give_up_before_a_job_can_be_done_are_told_beforehand(tmp_path: Path) -> None:
    target = (SCENARIOS / "targets" / "jobs-resilient.yaml").read_text()

    def warned(of: str) -> list[str]:
        (tmp_path / "t.yaml").write_text(of)
        return [
            str(one)
            for one in prepare(SCENARIOS / "jobs" / "lost-jobs.yaml", tmp_path / "t.yaml", Asked(), None).warnings
        ]

    assert warned(target) == []
    (late,) = warned(target.replace("id: /id", "id: /id\n    deadline: 30s"))
    assert (
        "load.deadline: a job of jobs-resilient may take 30 s (ask.job.deadline), and clients give up after 12 s"
        in late
    )
    (seldom,) = warned(target.replace("every: 250ms", "every: 15s"))
    assert "is asked about every 15 s" in seldom
    sent = target.replace("id: /id\n    poll: /jobs/{job}\n    every: 250ms", "webhook: true\n    every: 15s")
    assert warned(sent.replace('key: "{key}"', 'key: "{key}", callback: "{webhook}"')) == []  # nothing is polled
