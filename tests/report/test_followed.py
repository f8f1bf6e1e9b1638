"""One request followed whole: each try stands where it was, what lay between is named, and the grading says what was asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.judging.choosing import RequestFilter, UnknownFaultError, choose, hit
from harness.judging.trace import Followed, Traced
from harness.judging.tracing import followed
from harness.record.columns import Table
from harness.record.effects import Effects
from harness.report.followed import between, facts
from harness.report.lookup import trace_lines

WRITTEN = Path(__file__).parents[1] / "compatibility" / "trace.json"


@pytest.fixture(scope="module")
def calm(tell, story):
    """Two tries each, the second when the first has ended for half a second, and none of it is ever bad."""
    return tell(story(rate=2, tries=lambda due_s, entry: 2))


def changed(made, place: int = 0, *, attempts: dict | None = None, arrivals: dict | None = None, **request: object):
    """The request at *place* with other values in its row, and in the rows of its attempts and arrivals."""
    evidence = made.evidence
    nonce = evidence.requests["nonce"][place]
    tables = {}
    for name, values in (("request", request), ("attempt", attempts or {}), ("arrival", arrivals or {})):
        frame = getattr(evidence, f"{name}s").copy()
        for column, value in values.items():
            frame[column] = frame[column].astype(object) if isinstance(value, str) else frame[column]
            many = int((frame["nonce"] == nonce).sum())
            frame.loc[frame["nonce"] == nonce, column] = value if np.ndim(value) else [value] * many
        tables[f"{name}_table"] = Table.of(frame)
    return replace(evidence, **tables, _made={})


def of(evidence, made, place: int = 0) -> Followed:
    return followed(made.result, evidence, place)


def said(found: Followed, name: str) -> str:
    return dict(facts(found)).get(name, "")


def test_what_lay_between_is_named_and_told_with_the_wait_that_was_stated(calm) -> None:
    due_s = calm.evidence.requests["due_s"][0]
    evidence = changed(
        calm,
        sent_s=due_s,
        end_s=due_s + 2.0,
        attempts={"start_s": [due_s + 0.01, due_s + 1.2], "end_s": [due_s + 0.5, due_s + 1.9], "retry_after_ms": 600.0},
    )
    gaps = of(evidence, calm).gaps
    assert [(gap.where, round(gap.start_ms), round(gap.end_ms), gap.after_try, gap.stated_wait_ms) for gap in gaps] == [
        ("before the first try", 0, 10, None, None),
        ("between tries", 500, 1200, 1, 600.0),
        ("after the last try", 1900, 2000, 2, None),
    ]
    assert between(gaps[1]) == "700 ms of waiting after try 1, where the answer stated a wait of 600 ms"


def test_nothing_lies_between_tries_that_overlap_and_none_after_the_client_had_its_answer(calm) -> None:
    due_s = calm.evidence.requests["due_s"][0]
    evidence = changed(
        calm,
        sent_s=due_s,
        end_s=due_s + 1.0,
        attempts={"start_s": [due_s, due_s + 0.3], "end_s": [due_s + 0.9, due_s + 3.0]},
    )
    found = of(evidence, calm)
    assert found.gaps == []
    assert [one.after_client_ms for one in found.attempts] == [None, pytest.approx(2000)]
    assert not any(one.begun_after_client for one in found.attempts)
    late = changed(
        calm, end_s=due_s + 0.2, attempts={"start_s": [due_s, due_s + 0.3], "end_s": [due_s + 0.1, due_s + 0.4]}
    )
    assert [one.begun_after_client for one in of(late, calm).attempts] == [False, True]
    assert any("begun when its client had gone" in line for line in trace_lines(whole(of(late, calm))))


def test_a_try_says_which_fault_hit_it_what_it_cost_and_by_whom_it_was_answered(calm) -> None:
    told = {"hit_by": "rate_limit-1 slow-2", "fault": "slow-2", "status": 429, "tokens_in": 30.0, "tokens_out": 4.0}
    found = of(changed(calm, arrivals=told | {"model": "gpt-x", "messages_sha256": "ab" * 32}), calm)
    assert [one.arrival.hit_by for one in found.attempts if one.arrival] == [["rate_limit-1", "slow-2"]] * 2
    assert (found.answer.tokens_in, found.answer.tokens_out) == (60, 8)
    text = "\n".join(trace_lines(whole(found)))
    for part in ("hit by rate_limit-1, slow-2", "model gpt-x", "30 tokens in, 4 out", "messages abababababab"):
        assert part in " ".join(text.split())
    assert "hit by" not in "\n".join(trace_lines(whole(of(calm.evidence, calm))))


def test_of_several_tries_of_which_some_arrived_each_arrival_is_of_the_one_that_was_over_with_it(calm) -> None:
    due_s = calm.evidence.requests["due_s"][0]
    nonce = calm.evidence.requests["nonce"][0]
    tries = {"start_s": [due_s, due_s + 1.0], "end_s": [due_s + 0.5, due_s + 1.5], "status": [0, 200]}
    made = changed(
        calm, end_s=due_s + 2, attempts=tries, arrivals={"start_s": due_s + 1.1, "end_s": due_s + 1.495, "status": 200}
    )
    rows = made.arrivals
    one = rows.drop(rows.index[rows["nonce"] == nonce][0])
    found = of(replace(made, arrival_table=Table.of(one), _made={}), calm)
    assert [(tried.arrived, tried.arrival is not None) for tried in found.attempts] == [(False, False), (True, True)]
    assert "never arrived" in "\n".join(trace_lines(whole(found)))
    late = one.assign(end_s=due_s + 1.9)
    held_up = of(replace(made, arrival_table=Table.of(late), _made={}), calm)
    assert [tried.arrived for tried in held_up.attempts] == [None, None]
    assert len(held_up.arrivals) == 1


def test_the_tools_that_a_request_used_are_told_with_those_that_failed(calm) -> None:
    told = {"tools_offered": "search pay", "tools_called": ["search pay", ""], "tool_results": ["", "!search pay"]}
    found = of(changed(calm, arrivals=told), calm)
    second = found.attempts[1].arrival
    assert second is not None
    assert (second.tool_results, second.tools_failed) == (["search", "pay"], ["search"])
    assert said(found, "Tools") == "called search, pay; results of search, pay; search failed"
    text = " ".join("\n".join(trace_lines(whole(found))).split())
    for part in ("2 tools offered", "called search, pay", "brought results of search (failed), pay"):
        assert part in text
    assert said(of(calm.evidence, calm), "Tools") == ""


def test_the_result_of_a_tool_that_was_brought_again_in_a_try_again_is_told_once_and_in_another_turn_anew(calm) -> None:
    told = {"tools_called": ["search", ""], "tool_results": ["search", "search"]}
    again = changed(calm, arrivals=told | {"messages_sha256": "ab" * 32})
    assert said(of(again, calm), "Tools") == "called search; results of search"
    anew = changed(calm, arrivals=told | {"messages_sha256": ["ab" * 32, "cd" * 32]})
    assert said(of(anew, calm), "Tools") == "called search; results of search, search"


def test_a_job_tells_how_long_it_queued_and_how_long_it_was_worked_on(calm) -> None:
    due_s = calm.evidence.requests["due_s"][0]
    row = {
        "job": "done",
        "accepted_s": due_s + 0.1,
        "waiting_s": due_s + 0.4,
        "running_s": due_s + 0.6,
        "end_s": due_s + 2.0,
    }
    job = of(changed(calm, **row, polls=5), calm).job
    assert job is not None
    assert (job.queued_least_ms, job.queued_most_ms) == (pytest.approx(300), pytest.approx(500))
    assert (job.worked_least_ms, job.worked_most_ms) == (pytest.approx(1400), pytest.approx(1600))
    assert of(calm.evidence, calm).job is None


def naming(evidence, **places: object):
    """*evidence* of a target whose answers name what they stand on at *places*."""
    plan = evidence.plan
    ask = plan.target.ask.model_copy(update={"reply": plan.target.ask.reply.model_copy(update=places)})
    return replace(evidence, plan=replace(plan, target=plan.target.model_copy(update={"ask": ask})), _made={})


def test_what_an_answer_stands_on_is_told_where_the_target_file_says_where_that_is_named(calm) -> None:
    row = {"prompt_version": "p-7", "sources": "a\nb", "context_sha256": "c0ffee" * 10, "context_chars": 1200}
    named = naming(changed(calm, **row), prompt_version="/p", sources="/s", context="/c")
    found = of(named, calm)
    assert (said(found, "Prompt version"), said(found, "Sources")) == ("p-7", "a, b")
    assert said(found, "Context") == "1,200 characters, c0ffeec0ffee"
    kept = of(naming(changed(calm, **row, context="Refunds: 30 days"), context="/c"), calm)
    assert said(kept, "Context").endswith("c0ffeec0ffee: Refunds: 30 days")
    assert (kept.answer.sources, said(kept, "Sources")) == (None, "")
    silent = of(naming(calm.evidence, prompt_version="/p", sources="/s", context="/c"), calm)
    assert {said(silent, name) for name in ("Prompt version", "Sources", "Context")} == {"not named by the answer"}


def test_of_what_nobody_read_it_is_not_said_that_it_named_nothing(calm) -> None:
    evidence = naming(calm.evidence, prompt_version="/p", sources="/s", context="/c")
    load = evidence.plan.scenario.load.model_copy(update={"locustfile": "users.py"})
    scenario = evidence.plan.scenario.model_copy(update={"load": load})
    found = of(replace(evidence, plan=replace(evidence.plan, scenario=scenario), _made={}), calm)
    assert {said(found, name) for name in ("Prompt version", "Sources", "Context")} == {""}


def test_side_effects_are_told_where_the_service_says_them_for_each_request(calm) -> None:
    nonce = calm.evidence.requests["nonce"][0]
    done = replace(calm.evidence, effects=Effects(3, {nonce: 2}), _made={})
    assert (of(done, calm).effects, of(done, calm, 1).effects) == (2, 0)
    assert said(of(done, calm), "Side effects") == "done 2 times"
    assert of(replace(calm.evidence, effects=Effects(3), _made={}), calm).effects is None


def test_the_grading_says_what_was_asked_of_the_answer_and_which_of_it_was_not_there(tell, story) -> None:
    made = tell(story(rate=2))
    assert said(of(made.evidence, made), "Graded") == "good: a complete answer, within 4 s"
    late = changed(made, latency_ms=4500.0, good=False, end_s=made.evidence.requests["due_s"][0] + 4.5)
    assert said(of(late, made), "Graded") == "late: a complete answer, not within 4 s"
    lost = changed(made, outcome="timed_out", good=False)
    assert said(of(lost, made), "Graded") == "timed out: not a complete answer"
    plan = made.evidence.plan
    answers = {"answers": {"matches": "xyzzy", "agrees": True}}
    good = type(plan.scenario.good).model_validate({"within": "4s", **answers})
    asking = replace(plan, scenario=plan.scenario.model_copy(update={"good": good}))
    wrong = replace(late, plan=asking, _made={})
    assert said(of(wrong, made), "Graded").endswith("not matches xyzzy, agrees")


def test_the_worst_is_one_without_a_good_answer_for_which_its_client_waited_longest(failing) -> None:
    evidence, rows = failing.evidence, failing.evidence.requests
    (place,) = choose(evidence, RequestFilter(worst=True))
    waited = rows["end_s"] - rows["due_s"]
    assert not rows["good"][place]
    assert waited[place] == pytest.approx(waited[~rows["good"].astype(bool)].max(), abs=0.001)
    assert len(choose(evidence, RequestFilter(not_good=True))) == int((~rows["good"].astype(bool)).sum())
    (best,) = choose(evidence, RequestFilter("good", worst=True))
    assert rows["good"][best]


def test_who_a_fault_hit_is_told_by_the_links_that_it_lay_on_while_it_was_in_force(failing) -> None:
    evidence = failing.evidence
    rows = evidence.requests[hit(evidence, "regional_loss")]
    assert set(rows["entry"]) == {"east"}
    assert rows["due_s"].between(9, 31).all()
    assert np.array_equal(hit(evidence, "regional_loss"), hit(evidence, "regional_loss-1"))
    with pytest.raises(UnknownFaultError, match="did you mean 'regional_loss'"):
        hit(evidence, "regional_los")
    found = followed(failing.result, evidence, int(rows.index[len(rows) // 2]))
    assert [fault.id for fault in found.faults] == ["regional_loss-1"]
    assert all("regional_loss-1" in one.in_force for one in found.attempts if one.start_ms / 1000 + found.due_s < 29)


def test_a_trace_that_the_first_version_wrote_is_read_as_it_was(calm) -> None:
    stored = Traced.model_validate(json.loads(WRITTEN.read_text()))
    assert (stored.matching, len(stored.requests), len(stored.requests[0].attempts)) == (1, 1, 2)
    assert trace_lines(stored)[0] == f"{stored.requests[0].nonce}: request 0, due at 0.01 s in the warm-up"


def whole(found: Followed) -> Traced:
    return Traced(run="r", scenario="s", target="t", matching=1, requests=[found])
