"""Tokens and what good answers cost, where questions go and whose keys are told, against tables worked out by hand; each with its twin."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.metrics.tokens_and_cost import mean_of_amounts, price_of
from harness.judging.sample import pick
from harness.planning.plan import Plan
from harness.reading.expectation import Selection
from harness.reading.questions import Question
from harness.reading.target import Target
from harness.record.rows import Arrival, Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
MakeTarget = Callable[..., Target]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
EAST, WEST = "provider-east", "provider-west"
PRICES = {"big": {"in": 2.0, "out": 10.0}, "big-mini": {"in": 1.0, "out": 2.0}, WEST: {"in": 0.0, "out": 0.0}}


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, make_target: MakeTarget, rows: Rows, attempt: Try) -> Told:
    """A run in which each request becomes the attempts and arrivals that *of* and *arrivals* say."""

    def evidence(
        arrivals: Callable[[Request], list[Arrival]] = lambda row: [],
        of: Callable[[Request], list[Attempt]] | None = None,
        change: Callable[[int, float], dict[str, Any]] = lambda index, due_s: {},
        target: dict[str, Any] | None = None,
        asked: dict[str, Question] | None = None,
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(of=make_target(**(target or {})), phases=(1, 10, 20, 10), **keys)
        requests = rows(plan, change)
        tries = [one for row in requests for one in (of(row) if of else [attempt(row)])]
        seen = [one for row in requests for one in arrivals(row)]
        return make_evidence(plan, requests=requests, attempts=tries, arrivals=seen, asked=asked or {})

    return evidence


def in_fault(metric: str, evidence: Evidence, part: str | None = None, **labels: str) -> Interval:
    return metrics[metric].measure(pick(evidence, Selection("fault", tuple(labels.items()))), part)


def broken(row: Request) -> bool:
    return 11 <= row.due_s < 31


def answered(row: Request, link: str = EAST, **keys: Any) -> Arrival:
    taken = {"status": 200, "outcome": "complete", "tokens_in": 1000, "tokens_out": 200, "tokens_from": "provider"}
    return Arrival(link, row.due_s, row.nonce, **(taken | {"model": "big-2026-01-01"} | keys))


# tokens


def test_the_tokens_of_all_attempts_are_counted_and_what_a_fault_answered_took_none(told: Told) -> None:
    def arrivals(row: Request) -> list[Arrival]:
        if not broken(row):
            return [answered(row)]
        return [
            answered(row),
            answered(row, WEST),
            answered(row, outcome="answered_by_fault"),
            Arrival(EAST, 0, row.nonce),
        ]

    evidence = told(arrivals)
    assert in_fault("tokens_per_request", evidence) == Interval(2400, 2400, 2400, 200)
    assert (
        in_fault("tokens_per_request", evidence, "in").value,
        in_fault("tokens_per_request", evidence, "out").value,
    ) == (2000, 400)
    assert in_fault("tokens_per_request", evidence, link=WEST).value == 1200
    assert metrics["tokens_per_request"].measure(pick(evidence, Selection("baseline"))).value == 1200


def test_answers_that_could_not_be_read_are_told_of_and_are_nothing_where_all_are(told: Told) -> None:
    unread = {"tokens_in": None, "tokens_out": None, "tokens_from": "unread"}
    evidence = told(lambda row: [answered(row, **(unread if row.index % 2 else {}))])
    told_of = metrics["tokens_per_request"].remark(pick(evidence, Selection("fault")))
    assert told_of == "of 100 answers the tokens could not be counted"
    assert in_fault("tokens_per_request", told(lambda row: [answered(row, **unread)])).value is None


def test_tokens_that_differ_have_an_interval_that_holds_their_mean(told: Told) -> None:
    found = in_fault(
        "tokens_per_request", told(lambda row: [answered(row, tokens_in=500 + 10 * (row.index * 37 % 101))])
    )
    assert found.value == pytest.approx(1200, rel=0.02)
    assert 1100 < found.low < found.value < found.high < 1350


def test_the_interval_of_a_mean_holds_the_true_one_in_nineteen_of_twenty_runs() -> None:
    held, widths = 0, []
    for seed in range(100):
        tokens = np.random.default_rng(seed).normal(1200, 300, 200).clip(0)
        found = mean_of_amounts(tokens, np.arange(200) / 10)
        held += found.low <= 1200 <= found.high
        widths.append(found.high - found.low)
    assert held >= 93
    # That of a normal mean is 83.
    assert np.median(widths) < 120


# cost_per_good


@pytest.mark.parametrize(
    ("link", "model", "price"),
    [
        (EAST, "big", 2.0),
        (EAST, "big-2026-01-01", 2.0),
        (EAST, "big-mini", 1.0),
        (EAST, "big-mini-2", 1.0),
        (WEST, "big", 0.0),
        (EAST, "bigger", None),
        (EAST, "", None),
    ],
)
def test_a_link_has_its_price_or_else_the_model_that_fits_best(
    make_target: MakeTarget, link: str, model: str, price: float | None
) -> None:
    found = price_of(make_target(prices=PRICES), link, model)
    assert (found.in_ if found else None) == price


def test_what_all_attempts_cost_is_shared_by_the_good_answers(told: Told) -> None:
    # 1000 in at 2 and 200 out at 10 a million: 0.004 an attempt, and two attempts in the fault, of whose answers half are good.
    def arrivals(row: Request) -> list[Arrival]:
        return [answered(row)] * (2 if broken(row) else 1)

    def change(index: int, due_s: float) -> dict[str, Any]:
        return {"outcome": "error"} if 11 <= due_s < 31 and index % 2 else {}

    evidence = told(arrivals, change=change, target={"prices": PRICES})
    found = in_fault("cost_per_good", evidence)
    assert found.value == pytest.approx(0.016)
    assert 0.012 < found.low < 0.016 < found.high < 0.022
    assert metrics["cost_per_good"].measure(pick(evidence, Selection("baseline"))).value == pytest.approx(0.004)


def test_without_a_good_answer_all_was_for_nothing(told: Told) -> None:
    none = told(
        lambda row: [answered(row)],
        change=lambda index, due_s: {"outcome": "error"},
        target={"prices": PRICES},
        expect=["cost_per_good <= 0.006 in fault"],
    )
    assert in_fault("cost_per_good", none).value == inf
    (finding,) = concluded(none).findings
    assert (finding.verdict, finding.censored, finding.high) == ("fail", True, None)
    assert finding.value == finding.low == pytest.approx(in_fault("cost_per_good", none).low)
    assert finding.remark == "no answer was good, so all of it was for nothing"


def test_what_has_no_price_is_told_of_and_without_prices_nothing_is_known(told: Told, make_plan: MakePlan) -> None:
    evidence = told(lambda row: [answered(row, model="other")], target={"prices": PRICES})
    assert metrics["cost_per_good"].remark(pick(evidence)) == "there is no price for other"
    assert in_fault("cost_per_good", told(lambda row: [answered(row)])).value is None
    plan = make_plan(expect=["cost_per_good <= 1"])
    assert "has no prices" in str(metrics["cost_per_good"].unsettled(plan, plan.expectations[0]))


def test_a_limit_on_cost_is_held_and_broken(told: Told) -> None:
    expect = ["cost_per_good <= 0.006 in fault", "tokens_per_request <= 1500 in fault"]
    held = told(lambda row: [answered(row)], target={"prices": PRICES}, expect=expect)
    assert [finding.verdict for finding in concluded(held).findings] == ["pass", "pass"]
    dear = told(lambda row: [answered(row)] * 3, target={"prices": PRICES}, expect=expect)
    assert [finding.verdict for finding in concluded(dear).findings] == ["fail", "fail"]


def test_a_limit_is_not_held_by_what_could_be_counted_where_much_could_not(told: Told) -> None:
    unread = {"tokens_in": None, "tokens_out": None, "tokens_from": "unread"}
    expect = ["tokens_per_request <= 9000 in fault", "cost_per_good <= 9 in fault", "tokens_per_request >= 1 in fault"]

    def verdicts(every: int, unknown: dict[str, Any]) -> list[str]:
        def arrivals(row: Request) -> list[Arrival]:
            return [answered(row, **(unknown if row.index % every == 0 else {}))]

        return [one.verdict for one in concluded(told(arrivals, target={"prices": PRICES}, expect=expect)).findings]

    assert verdicts(2, unread) == ["inconclusive", "inconclusive", "pass"]
    assert verdicts(2, {"model": "other"}) == ["pass", "inconclusive", "pass"]
    assert verdicts(200, unread) == verdicts(200, {"model": "other"}) == ["pass"] * 3


# residency_violations

ASKED = {f"q{n}": Question(id=f"q{n}", text=f"{n}?", region="east" if n < 2 else None) for n in range(5)}


def test_attempts_that_leave_the_region_of_their_question_are_counted(told: Told, attempt: Try) -> None:
    def strays(row: Request) -> list[Attempt]:
        return [attempt(row), *([attempt(row, link=WEST, start_s=row.due_s + 0.05)] if broken(row) else [])]

    evidence = told(of=strays, asked=ASKED)
    found = in_fault("residency_violations", evidence)
    assert found == Interval(80, 80, 80, 80)
    assert in_fault("residency_violations", evidence, link=EAST).value == 0
    assert metrics["residency_violations"].measure(pick(evidence, Selection("baseline"))).value == 0
    assert in_fault("residency_violations", evidence, "rate").high > 80


def test_where_nothing_has_to_stay_anywhere_nothing_was_measured(told: Told) -> None:
    free = {name: question.model_copy(update={"region": None}) for name, question in ASKED.items()}
    assert in_fault("residency_violations", told(asked=free)).value is None
    assert in_fault("residency_violations", told(asked=ASKED)).value == 0


def test_it_is_refused_where_no_link_is_in_a_region(make_plan: MakePlan, make_target: MakeTarget) -> None:
    expect, faults = ["residency_violations <= 0"], [{"kind": "latency", "on": {"kind": "provider"}, "base": "1s"}]
    nowhere = {"provider": {"kind": "provider", "upstream": {"simulated": {}}}}
    plan = make_plan(of=make_target(links=nowhere), expect=expect, faults=faults)
    assert "has a region" in str(metrics["residency_violations"].unsettled(plan, plan.expectations[0]))
    plan = make_plan(expect=expect, faults=faults)
    assert metrics["residency_violations"].unsettled(plan, plan.expectations[0]) is None


# credential_leaks


@pytest.mark.parametrize(
    ("keys", "leaks"),
    [
        # in the baseline on east and west, and in the fault on each
        ((EAST, WEST, EAST, WEST), 0),
        ((EAST, WEST, EAST, EAST), 100),
        (("?a", "?b", "?a", "?b"), 0),
        (("?a", "?b", "?a", "?a"), 100),
        (("?a", "?a", "?a", "?a"), 0),
        (("?a", "?b", "?a", "?c"), 0),  # a new key is nobody's
        (("?a", "", "?a", "?a"), 0),  # whose it is is not known
        (("", "", EAST, EAST), 100),
        (("", "", f"{EAST} {WEST}", f"{EAST} {WEST}"), 0),
    ],
)
def test_a_key_leaks_that_is_told_another_link_than_its_own(
    told: Told, attempt: Try, keys: tuple[str, str, str, str], leaks: int
) -> None:
    def of(row: Request) -> list[Attempt]:
        key = keys[2 * broken(row) + (row.entry == "west")]
        return [attempt(row, link=f"provider-{row.entry}", key_of=key)]

    evidence = told(of=of)
    found = in_fault("credential_leaks", evidence)
    assert (found.value, found.n) == (leaks, 200)
    assert in_fault("credential_leaks", evidence, "rate").value == leaks


def test_where_no_key_was_seen_nothing_was_measured_and_a_link_without_one_of_its_own_is_told_of(
    told: Told, attempt: Try
) -> None:
    assert in_fault("credential_leaks", told()).value is None

    def of(row: Request) -> list[Attempt]:
        return [attempt(row, link=WEST if broken(row) else EAST, key_of="?a")]

    evidence = told(of=of, expect=["credential_leaks <= 0 in fault"])
    told_of = metrics["credential_leaks"].remark(pick(evidence))
    assert told_of == f"which key is that of {WEST} is not known: name it (links.{WEST}.credential)"
    # It may be its own as well, so nobody passes by it, and nobody fails.
    found = in_fault("credential_leaks", evidence)
    assert (found.value, found.low, found.high) == (0, 0, 200)
    assert [finding.verdict for finding in concluded(evidence).findings] == ["inconclusive"]


def test_a_standby_that_is_asked_with_a_key_that_no_other_link_had_leaves_nothing_open(
    told: Told, attempt: Try
) -> None:
    def of(row: Request) -> list[Attempt]:
        return [attempt(row, link=WEST if broken(row) else EAST, key_of="?b" if broken(row) else "?a")]

    evidence = told(of=of, expect=["credential_leaks <= 0 in fault"])
    assert [finding.verdict for finding in concluded(evidence).findings] == ["pass"]


def test_limits_on_what_must_not_leave_are_held_and_broken(told: Told, attempt: Try) -> None:
    expect = ["residency_violations <= 0 in fault", "credential_leaks <= 0 in fault"]

    def of(row: Request, away: bool) -> list[Attempt]:
        return [attempt(row, key_of=EAST, link=WEST if away and broken(row) else EAST)]

    held = told(of=lambda row: of(row, away=False), asked=ASKED, expect=expect)
    assert [finding.verdict for finding in concluded(held).findings] == ["pass", "pass"]
    left = told(of=lambda row: of(row, away=True), asked=ASKED, expect=expect)
    assert [finding.verdict for finding in concluded(left).findings] == ["fail", "fail"]
