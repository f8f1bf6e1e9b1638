"""Who serves, who still asks what is broken, and when it serves again: against tables worked out by hand, each with its twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging import serving
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.plan import Plan
from harness.protocols.sketch import sketch
from harness.reading.expectation import Selection
from harness.record.rows import Arrival, Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Told = Callable[..., Evidence]
LOSS = {"kind": "regional_loss", "region": "east"}
EAST, WEST = "provider-east", "provider-west"
PHASES = (1, 10, 20, 20)
FAULT_S, GONE_S = 11, 31


@pytest.fixture
def told(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows) -> Told:
    """A run in which each request becomes the attempts that *of* says."""

    def evidence(
        of: Callable[[Request], list[Attempt]],
        change: Callable[[int, float], dict[str, Any]] = lambda index, due_s: {},
        strays: list[Attempt] | None = None,
        arrivals: Callable[[Request], list[Arrival]] = lambda row: [],
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(**({"phases": PHASES, "faults": [LOSS]} | keys))
        asked = rows(plan, change)
        tries = [one for row in asked for one in of(row)] + (strays or [])
        seen = [one for row in asked for one in arrivals(row)]
        return make_evidence(plan, requests=asked, attempts=tries, arrivals=seen)

    return evidence


def of(metric: str, evidence: Evidence, phase: str | None = "fault", **labels: str) -> Interval:
    return metrics[metric].measure(pick(evidence, Selection(phase, tuple(labels.items()))))


# Who served it


def test_the_last_link_that_gave_a_whole_answer_in_time_served_it(told: Told, attempt: Try) -> None:
    def tried(row: Request) -> Iterator[Attempt]:
        match row.index % 5:
            case 0:
                yield attempt(row, link=WEST)
            case 1:
                yield attempt(row, status=503)
                yield attempt(row, link=WEST, start_s=row.due_s + 0.05)
            case 2:
                yield attempt(row, outcome="truncated")
            case 3:
                yield attempt(row)
                yield attempt(row, link=WEST, end_s=row.due_s + 3)
            case _:
                pass

    evidence = told(lambda row: list(tried(row)))
    served = serving.servers(evidence)
    assert [*served[:5]] == [WEST, WEST, "", EAST, ""]


def test_of_two_presses_of_a_client_the_later_one_was_served_however_late_the_answer_to_the_other_came(
    told: Told, attempt: Try
) -> None:
    def tried(row: Request, press: int) -> list[Attempt]:
        given_up = attempt(row, end_s=row.due_s + 0.099)
        return [given_up, attempt(row, link=WEST, start_s=row.due_s + 0.05, press=press)]

    assert set(serving.servers(told(lambda row: tried(row, 1)))) == {WEST}
    # Of one press it is the one that ended last.
    assert set(serving.servers(told(lambda row: tried(row, 0)))) == {EAST}
    # A service may give a client the answer that it has begun for its press before.
    assert set(serving.servers(told(lambda row: tried(row, 1)[:1]))) == {EAST}


def test_a_request_that_has_no_answer_was_served_by_nobody(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [attempt(row)], lambda index, due_s: {"outcome": ("complete", "timed_out")[index % 2]})
    assert [*serving.servers(evidence)[:2]] == [EAST, ""]


def test_of_two_that_answered_the_one_served_it_whose_words_the_client_got(told: Told, attempt: Try) -> None:
    def both(row: Request) -> list[Attempt]:
        return [attempt(row, end_s=row.due_s + 0.08), attempt(row, link=WEST, end_s=row.due_s + 0.09)]

    def said(row: Request) -> list[Arrival]:
        texts = {EAST: row.answer, WEST: "Something else." if row.index % 2 else row.answer}
        return [Arrival(link, row.due_s, row.nonce, sketch=sketch(text)) for link, text in texts.items()]

    served = serving.servers(told(both, arrivals=said))
    # Where both said the same, the last.
    assert [*served[:2]] == [WEST, EAST]


# fallback_ratio


def by_entry(attempt: Try, row: Request, **keys: Any) -> list[Attempt]:
    """An attempt on the link of the region of its entry."""
    return [attempt(row, link=f"provider-{row.entry}", **keys)]


def lost(row: Request) -> bool:
    return FAULT_S <= row.due_s < GONE_S and row.entry == "east"


def test_what_another_link_serves_than_usually_is_a_fallback_also_where_it_was_asked_first(
    told: Told, attempt: Try
) -> None:
    evidence = told(lambda row: [attempt(row, link=WEST)] if lost(row) else by_entry(attempt, row))
    assert of("fallback_ratio", evidence).value == 0.5
    assert of("fallback_ratio", evidence, entry="east").value == 1
    assert of("fallback_ratio", evidence, entry="west").value == 0
    assert of("fallback_ratio", evidence, "baseline").value == 0
    assert of("fallback_ratio", evidence, "baseline").high < 0.05


def test_what_another_link_serves_than_was_tried_first_is_a_fallback_although_both_serve_usually(
    told: Told, attempt: Try
) -> None:
    def balanced(row: Request) -> list[Attempt]:
        first = attempt(row, link=(EAST, WEST)[row.index // 2 % 2], status=503 if lost(row) else 200)
        other = {EAST: WEST, WEST: EAST}[first.link]
        return [first, attempt(row, link=other, start_s=row.due_s + 0.05)] if lost(row) else [first]

    evidence = told(balanced)
    assert of("fallback_ratio", evidence).value == 0.5
    assert of("fallback_ratio", evidence, "baseline").value == 0


def test_of_answers_that_nobody_was_seen_to_give_nothing_is_known(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: by_entry(attempt, row) if row.index % 4 < 2 else [])
    assert of("fallback_ratio", evidence).n == 100
    sample = pick(evidence, Selection("fault"))
    assert metrics["fallback_ratio"].remark(sample) == "of 100 of 200 answers it was not seen who gave them"
    assert of("fallback_ratio", told(lambda row: [])).value is None


def test_a_limit_on_fallbacks_is_held_and_broken(told: Told, attempt: Try) -> None:
    expect = ["fallback_ratio <= 0.2 in fault"]
    assert concluded(told(lambda row: by_entry(attempt, row), expect=expect)).findings[0].verdict == "pass"
    fallen = told(lambda row: [attempt(row, link=WEST)] if lost(row) else by_entry(attempt, row), expect=expect)
    assert concluded(fallen).findings[0].verdict == "fail"


# failback_time_s

OFTEN = {"rate_per_s": 40}


def away_until(attempt: Try, row: Request, back_s: float) -> list[Attempt]:
    away = row.entry == "east" and FAULT_S <= row.due_s < back_s
    return [attempt(row, link=WEST)] if away else by_entry(attempt, row)


@pytest.mark.parametrize("after_s", [0.0, 3.0, 8.0])
def test_failback_counts_from_the_end_of_the_fault_until_the_usual_link_serves_again(
    told: Told, attempt: Try, after_s: float
) -> None:
    found = of("failback_time_s", told(lambda row: away_until(attempt, row, GONE_S + after_s), load=OFTEN), None)
    assert found.value == pytest.approx(after_s, abs=0.4)
    assert found.low <= after_s + 0.05
    assert found.high >= after_s - 0.05
    assert not found.censored


def test_a_service_that_never_goes_back_is_told_by_how_long_was_watched(told: Told, attempt: Try) -> None:
    found = of("failback_time_s", told(lambda row: away_until(attempt, row, 99), load=OFTEN), None)
    assert found.censored
    assert found.value == pytest.approx(20, abs=0.3)


def test_a_usual_share_of_a_half_is_a_half_again(told: Told, attempt: Try) -> None:
    def shared(row: Request) -> list[Attempt]:
        away = FAULT_S <= row.due_s < GONE_S + 5
        return [attempt(row, link=WEST if away or row.index // 2 % 2 else EAST)]

    found = of("failback_time_s", told(shared, load=OFTEN), None)
    assert not found.censored
    assert found.value == pytest.approx(5, abs=1)


@pytest.mark.parametrize(("baseline_s", "verdict"), [(1, "inconclusive"), (10, "fail")])
def test_a_usual_share_that_a_short_baseline_hardly_shows_leaves_open_what_is_its_own_again(
    told: Told, attempt: Try, baseline_s: int, verdict: str
) -> None:
    def four_of_five(row: Request) -> list[Attempt]:
        away = row.entry == "east" and row.due_s >= FAULT_S and (row.due_s < GONE_S or row.index // 2 % 5 == 0)
        return [attempt(row, link=WEST)] if away else by_entry(attempt, row)

    before = (FAULT_S - baseline_s, baseline_s, *PHASES[2:])
    evidence = told(four_of_five, phases=before, expect=["failback_time_s <= 5"], load=OFTEN)
    assert concluded(evidence).findings[0].verdict == verdict


def test_where_what_is_broken_serves_nothing_usually_there_is_nothing_to_go_back_to(told: Told, attempt: Try) -> None:
    evidence = told(lambda row: [attempt(row, link=WEST)])
    assert of("failback_time_s", evidence, None).value is None
    assert metrics["failback_time_s"].remark(pick(evidence)) == "no entry is usually served by what the fault lay on"


def test_a_limit_on_the_way_back_is_held_and_broken(told: Told, attempt: Try) -> None:
    expect = ["failback_time_s <= 5"]
    for after_s, verdict in ((1, "pass"), (9, "fail")):
        back_s = GONE_S + after_s
        evidence = told(lambda row, back_s=back_s: away_until(attempt, row, back_s), expect=expect, load=OFTEN)
        assert concluded(evidence).findings[0].verdict == verdict


# probes_per_s


@pytest.mark.parametrize("every", [1, 5, 20])
def test_what_is_still_asked_is_counted_by_the_second_once_there_was_time_to_notice(
    told: Told, attempt: Try, every: int
) -> None:
    def probing(row: Request) -> list[Attempt]:
        probes = row.due_s < FAULT_S + 3 or row.index % every == 0
        return [attempt(row, link=EAST if probes else WEST)]

    evidence = told(probing, good={"within": "4s"})
    found = of("probes_per_s", evidence, None)
    assert found.value == pytest.approx(10 / every, rel=0.1)
    assert found.low <= 10 / every <= found.high


def test_probes_that_are_made_for_nobody_count_and_what_is_asked_elsewhere_does_not(told: Told, attempt: Try) -> None:
    probes = [Attempt(EAST, 11.5 + second, method="GET", path="/health", status=0) for second in range(40)]
    evidence = told(
        lambda row: by_entry(attempt, row) if row.due_s < FAULT_S else [attempt(row, link=WEST)], strays=probes
    )
    assert of("probes_per_s", evidence, None).value == pytest.approx(1, abs=0.1)
    quiet = told(lambda row: by_entry(attempt, row) if row.due_s < FAULT_S else [attempt(row, link=WEST)])
    assert of("probes_per_s", quiet, None).value == 0
    assert 0 < of("probes_per_s", quiet, None).high < 0.5


def test_it_is_refused_where_nothing_could_be_seen(make_plan: MakePlan) -> None:
    def why(*faults: dict[str, Any], **keys: Any) -> str:
        plan = make_plan(phases=PHASES, faults=faults, expect=["probes_per_s <= 1"], **keys)
        return str(metrics["probes_per_s"].unsettled(plan, plan.expectations[0]))

    assert why(LOSS) == "None"
    assert "it would be unmeasured" in why(LOSS | {"mode": "refuse"})
    assert "nothing that could still be asked" in why({"kind": "latency", "on": {"kind": "store"}, "base": "1s"})
    assert "good.within" in why(LOSS | {"for": "3s"}, good={"within": "4s"})


def test_a_limit_on_probes_is_held_and_broken(told: Told, attempt: Try) -> None:
    expect = ["probes_per_s <= 2"]
    quiet = told(
        lambda row: by_entry(attempt, row) if row.due_s < FAULT_S else [attempt(row, link=WEST)], expect=expect
    )
    assert concluded(quiet).findings[0].verdict == "pass"
    assert concluded(told(lambda row: [attempt(row)], expect=expect)).findings[0].verdict == "fail"
