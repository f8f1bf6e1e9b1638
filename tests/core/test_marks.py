"""What answers say of themselves, degraded, cached or from which model, held against what was seen; each with its twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.plan import Plan
from harness.reading.expectation import Selection
from harness.reading.target import Target
from harness.record.rows import Arrival, Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
Says = Callable[[int], object]
EAST, WEST = "provider-east", "provider-west"
FAULT = 110
"""The first request of the fault; the hundred before it are of the baseline."""
REPLY = {"answer": "/answer", "degraded": "/partial", "cached": "X-Cache", "model": "/model"}


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, make_target: Callable[..., Target], rows: Rows) -> Told:
    """A run in which the requests of the fault are changed as *got* says, and become the attempts and arrivals that *of* says."""

    def evidence(
        of: Callable[[Request], list[Attempt]],
        got: Callable[[int], dict[str, Any]] = lambda index: {},
        arrivals: Callable[[Request], list[Arrival]] = lambda row: [],
        always: dict[str, Any] | None = None,
        reply: dict[str, str] = REPLY,
        says: Callable[[int], dict[str, Any]] = lambda index: {},
        **keys: Any,
    ) -> Evidence:
        target = make_target(ask={"protocol": "json", "reply": reply})
        plan = make_plan(of=target, phases=(1, 10, 20, 10), **keys)
        asked = rows(plan, lambda index, due_s: (always or {}) | says(index) | (got(index) if broken_at(due_s) else {}))
        tries = [one for row in asked for one in of(row)]
        seen = [one for row in asked for one in arrivals(row)]
        return make_evidence(plan, requests=asked, attempts=tries, arrivals=seen)

    return evidence


def in_fault(metric: str, evidence: Evidence, phase: str = "fault") -> Interval:
    return metrics[metric].measure(pick(evidence, Selection(phase)))


def broken(row: Request) -> bool:
    return broken_at(row.due_s)


def broken_at(due_s: float) -> bool:
    return 11 <= due_s < 31


# degraded_ratio


def test_degraded_are_good_answers_that_are_marked_or_come_from_a_fallback(told: Told, attempt: Try) -> None:
    def of(row: Request) -> list[Attempt]:
        return [attempt(row, link=WEST if broken(row) and row.index % 5 == 0 else EAST)]

    evidence = told(
        of, lambda index: {"degraded": index % 5 == 1, "outcome": "complete" if index % 5 != 2 else "error"}
    )
    assert in_fault("degraded_ratio", evidence).value == pytest.approx(0.4)
    assert in_fault("good_ratio", evidence).value == pytest.approx(0.8)
    assert in_fault("degraded_ratio", evidence, "baseline").value == 0


def test_an_answer_that_is_not_good_is_not_degraded(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [attempt(row)], lambda index: {"degraded": True, "outcome": "truncated"})
    assert in_fault("degraded_ratio", evidence).value == 0


def test_where_nothing_could_have_shown_it_nothing_was_measured(told: Told) -> None:
    plain = {"answer": "/answer"}
    assert in_fault("degraded_ratio", told(lambda row: [], reply=plain)).value is None
    assert in_fault("degraded_ratio", told(lambda row: [])).value == 0


def test_a_limit_on_degraded_answers_is_held_and_broken(told: Told, attempt: Try) -> None:
    expect = ["degraded_ratio <= 0.1 in fault"]
    assert concluded(told(lambda row: [attempt(row)], expect=expect)).findings[0].verdict == "pass"
    partial = told(lambda row: [attempt(row)], lambda index: {"degraded": True}, expect=expect)
    assert concluded(partial).findings[0].verdict == "fail"


def test_who_answers_nobody_has_not_kept_answers_from_being_degraded(told: Told, attempt: Try) -> None:
    expect = ["degraded_ratio <= 0.1 in fault"]
    (found,) = concluded(told(lambda row: [attempt(row)], lambda index: {"outcome": "error"}, expect=expect)).findings
    assert (found.verdict, found.remark) == (
        "inconclusive",
        "none of 200 requests got a good answer, and 100 of 100 in the baseline",
    )


# mislabelled_ratio


@pytest.mark.parametrize(
    ("named", "served", "wrong"),
    [
        ("small", "small", 0),
        ("small", "small-2026-01-01", 0),
        ("ours", "big", 0),  # as in the baseline
        ("ours", "small", 1),
        ("big", "small", 1),
        ("big", "bigger", 1),
        # Another model, and no other version of the one that is named.
        ("gpt-4o", "gpt-4o-mini", 1),
        ("gemini-2.5-flash-lite", "gemini-2.5-flash", 1),
        ("claude-sonnet-4", "claude-sonnet-4-5-20250929", 1),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-05-13", 1),
        ("deepseek-v3", "deepseek-v2", 1),
        ("deepseek-v3", "deepseek-v3-0324", 0),
        ("command-r-plus", "command-r-plus-08-2024", 0),
        ("gpt-4", "gpt-4-1106-preview", 0),
        ("mistral-large-latest", "mistral-large-2411", 0),
        ("gemini-2.5-flash", "gemini-2.5-flash-preview-05-20", 0),
        ("anthropic.claude-3-5-sonnet", "anthropic.claude-3-5-sonnet-20241022-v2:0", 0),
    ],
)
def test_an_answer_is_mislabelled_that_names_another_model_than_it_stands_for(
    told: Told, attempt: Try, named: str, served: str, wrong: int
) -> None:
    def arrivals(row: Request) -> list[Arrival]:
        return [Arrival(EAST, row.due_s, row.nonce, model=served if broken(row) else "big")]

    evidence = told(lambda row: [attempt(row)], lambda index: {"model": named}, arrivals, always={"model": "ours"})
    assert in_fault("mislabelled_ratio", evidence).value == wrong
    assert in_fault("mislabelled_ratio", evidence, "baseline").value == 0


def test_only_answers_count_of_which_both_models_are_known(told: Told, attempt: Try) -> None:
    def arrivals(row: Request) -> list[Arrival]:
        return [Arrival(EAST, row.due_s, row.nonce, model="big" if row.index % 4 else "")]

    evidence = told(lambda row: [attempt(row)], lambda index: {"model": "small" if index % 2 else ""}, arrivals)
    assert (in_fault("mislabelled_ratio", evidence).value, in_fault("mislabelled_ratio", evidence).n) == (1, 100)
    assert in_fault("mislabelled_ratio", told(lambda row: [attempt(row)])).value is None


# cache_hit_ratio


def test_answers_from_a_cache_are_those_that_are_marked(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [attempt(row)], lambda index: {"cached": index % 4 == 0})
    assert in_fault("cache_hit_ratio", evidence).value == 0.25
    assert in_fault("cache_hit_ratio", evidence, "baseline").value == 0


def test_without_a_mark_they_are_those_for_which_nothing_was_attempted(told: Told, attempt: Try) -> None:
    plain = {"answer": "/answer"}
    evidence = told(lambda row: [attempt(row)] if row.index % 4 else [], reply=plain)
    assert in_fault("cache_hit_ratio", evidence).value == 0.25
    assert in_fault("cache_hit_ratio", told(lambda row: [], reply=plain)).value is None
    cold = told(lambda row: [attempt(row)], lambda index: {"outcome": "error"}, reply=plain)
    assert in_fault("cache_hit_ratio", cold).value is None


# A mark that is not there any more


@pytest.mark.parametrize(
    ("metric", "mark", "said"),
    [
        ("degraded_ratio", "degraded", "good answers did not say whether they are partial"),
        ("cache_hit_ratio", "cached", "answers did not say whether they are from a cache"),
    ],
)
@pytest.mark.parametrize(
    ("usual", "now", "missing"),
    [
        # It always says whether it is so: throughout, and then in some answers or in none.
        (lambda _: True, lambda _: True, 0),
        (lambda _: True, lambda _: False, 200),
        (lambda _: True, lambda index: index % 20, 10),
        (lambda _: True, lambda index: index != 150, 0),
        # It never says that it is not.
        (lambda _: False, lambda _: False, 0),
        # One of two does, such as one entry of two.
        (lambda index: index % 2, lambda index: index % 2 or index % 50 == 0, 0),
        (lambda index: index % 2, lambda index: index % 2 and index % 10 != 1, 0),
        (lambda index: index % 2, lambda _: False, 200),
    ],
)
def test_who_says_no_more_whether_it_is_so_keeps_within_no_limit_on_it(
    told: Told, attempt: Try, metric: str, mark: str, said: str, usual: Says, now: Says, missing: int
) -> None:
    (found,) = concluded(
        told(
            lambda row: [attempt(row)],
            says=lambda index: {f"says_{mark}": bool((now if index >= FAULT else usual)(index))},
            expect=[f"{metric} <= 0.1 in fault"],
        )
    ).findings
    missed = sum(not usual(index) for index in range(FAULT - 100, FAULT))
    remark = f"{missing} of 200 {said}, and {missed} of 100 in the baseline" if missing else ""
    assert (found.verdict, found.remark) == ("inconclusive" if missing else "pass", remark)


@pytest.mark.parametrize(("metric", "mark"), [("degraded_ratio", "degraded"), ("cache_hit_ratio", "cached")])
def test_who_marks_only_what_is_so_and_does_so_seldomer_keeps_within_it(
    told: Told, attempt: Try, metric: str, mark: str
) -> None:
    """What is marked says so; that nothing else does is as it was."""

    def says(index: int) -> dict[str, Any]:
        so = index < FAULT and index % 5 == 0
        return {mark: so, f"says_{mark}": so}

    evidence = told(lambda row: [attempt(row)], says=says, expect=[f"{metric} <= 0.1 in fault"])
    (found,) = concluded(evidence).findings
    assert (found.verdict, found.remark) == ("pass", "")


def test_a_limit_is_broken_all_the_same_by_what_is_still_marked(told: Told, attempt: Try) -> None:
    def says(index: int) -> dict[str, Any]:
        return {"degraded": index >= FAULT and index % 2 == 0, "says_degraded": index < FAULT}

    evidence = told(lambda row: [attempt(row)], says=says, expect=["degraded_ratio <= 0.1 in fault"])
    assert concluded(evidence).findings[0].verdict == "fail"


# What cannot be known


def test_each_is_refused_where_it_could_not_be_known(make_plan: MakePlan, make_target: Callable[..., Target]) -> None:
    def why(metric: str, ask: dict[str, Any], **keys: Any) -> str:
        target = make_target(ask={"protocol": "json"} | ask)
        plan = make_plan(of=target, phases=(1, 10, 20, 10), expect=[f"{metric} <= 0.5 in fault"], **keys)
        return str(metrics[metric].unsettled(plan, plan.expectations[0]))

    plain = {"reply": {"answer": "/answer"}}
    refusing = {"faults": [{"kind": "regional_loss", "region": "east", "mode": "refuse"}]}
    assert "ask.reply.model" in why("mislabelled_ratio", plain)
    assert why("mislabelled_ratio", {"protocol": "openai-chat", "model": "m"}) == "None"
    assert "ask.reply.cached" in why("cache_hit_ratio", plain, **refusing)
    assert why("cache_hit_ratio", {"reply": REPLY}, **refusing) == "None"
    assert why("degraded_ratio", plain) == "None"
