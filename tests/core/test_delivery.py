"""The share of attempts that a fault really hit stands beside the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded
from msgspec.structs import replace
from simulated_world import Memory, Plain, SimWorld

from harness.faults.effects import Drawn, Sight
from harness.interfaces.terminal import verdict_lines
from harness.judging.result import Fault, Result
from harness.planning.plan import Plan
from harness.protocols.nonce import nonce
from harness.record.history import Confirmed, Look
from harness.record.rows import Arrival
from harness.report import words
from harness.report.trust import checks
from harness.running import loop

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Any]

LIMIT = {"kind": "rate_limit", "on": {"link": "provider-east"}, "requests_per_min": 900}
EXPECT = ["good_ratio >= 0.01 in fault"]


def errors(share: float, status: int = 529, **keys: Any) -> dict[str, Any]:
    return {"kind": "http_error", "on": {"link": "provider-east"}, "status": status, "share": share, **keys}


def arrivals(*each: tuple[int, str], at_s: float = 3.5) -> list[Arrival]:
    """So many arrivals on the east's link that each fault answered; those of an empty name were passed on."""
    return [Arrival("provider-east", at_s, fault=fault) for n, fault in each for _ in range(n)]


@pytest.fixture
def judged(make_plan: MakePlan, make_evidence: MakeEvidence) -> Callable[..., Result]:
    def judge(rows: list[Arrival], *faults: dict[str, Any]) -> Result:
        return concluded(make_evidence(make_plan(faults=faults, expect=EXPECT), arrivals=rows))

    return judge


def shares(fault: Fault) -> tuple[float | None, float | None, int]:
    assert fault.share_delivered is not None
    return fault.share_asked, fault.share_delivered.value, fault.share_delivered.n


def test_the_delivered_share_is_counted_among_the_attempts_that_came_while_the_fault_was_in_force(
    judged: Callable[..., Result],
) -> None:
    around = [*arrivals((50, ""), at_s=2.0), *arrivals((50, ""), at_s=5.5), Arrival("provider-west", 3.5)]
    (fault,) = judged([*arrivals((25, "http_error-1"), (75, "")), *around], errors(0.25)).faults
    assert shares(fault) == (0.25, 0.25, 100)
    # What it answered a moment before its beginning was acknowledged came to it, too.
    (fault,) = judged([*arrivals((1, "http_error-1"), at_s=2.999)], errors(1)).faults
    assert shares(fault) == (1, 1, 1)


@pytest.mark.parametrize(
    ("counted", "shown", "trusted"),
    [
        ([Drawn(40, 9), Drawn(60, 14)], (0.25, 0.23, 100), True),
        ([Drawn(40, 30), Drawn(60, 31)], (0.25, 0.61, 100), False),
        ([Drawn(0, 0), None], (0.25, None, 0), True),
        ([None, None], None, True),  # a run of before it was counted
    ],
)
def test_of_a_share_of_connections_is_told_how_many_came_to_it_on_all_its_links(
    make_plan: MakePlan, make_evidence: MakeEvidence, counted: list[Drawn | None], shown: Any, trusted: bool
) -> None:
    slow = {"kind": "bandwidth", "on": {"kind": "provider"}, "kilobytes_per_s": 5, "share": 0.25}
    plan = make_plan(faults=[slow], expect=EXPECT)
    links = ("provider-east", "provider-west")
    # What an earlier look saw is in what a later one saw, and what is gone counts nothing.
    early = [Look(3.2, "bandwidth-1", Sight(link, answered=1, stands=True, drawn=Drawn(1, 1))) for link in links]
    looks = [
        Look(4.9, "bandwidth-1", Sight(link, answered=9, stands=True, drawn=drawn))
        for link, drawn in zip(links, counted, strict=True)
    ]
    made = make_evidence(plan)
    history = [event for event in made.history if not isinstance(event, Confirmed)]
    result = concluded(make_evidence(plan, history=[*history[:2], *(early if shown else ()), *looks, *history[2:]]))
    (fault,) = result.faults
    assert fault.share_of == ("connections" if shown else "attempts")
    assert (shares(fault) if shown else fault.share_delivered) == shown
    assert (result.verdict == "invalid") == (not trusted)
    if not trusted:
        assert "hit 61 % of 100 connections that came to it, and 25 % was asked" in result.reason


def test_what_was_delivered_is_said_in_words(judged: Callable[..., Result]) -> None:
    (fault,) = judged(arrivals((25, "http_error-1"), (75, "")), errors(0.25)).faults
    assert words.delivered(fault) == "hit 25 % of 100 attempts that came to it, 18 % to 34 %; 25 % was asked"


@pytest.mark.parametrize(("hit", "trusted"), [(25, True), (39, True), (43, False), (9, False), (13, True)])
def test_a_share_far_from_what_was_asked_makes_the_run_invalid(
    judged: Callable[..., Result], hit: int, trusted: bool
) -> None:
    result = judged(arrivals((hit, "http_error-1"), (100 - hit, "")), errors(0.25))
    assert result.verdict == ("pass" if trusted else "invalid")
    assert trusted or f"hit {hit} % of 100 attempts that came to it, and 25 % was asked" in result.reason


def test_what_an_earlier_rule_answered_never_came_to_the_later_one(judged: Callable[..., Result]) -> None:
    rows = arrivals((100, "rate_limit-1"), (50, "http_error-2"), (50, ""))
    _, later = judged(rows, LIMIT, errors(0.5)).faults
    assert shares(later) == (0.5, 0.5, 100)
    first, _ = judged(arrivals((50, "http_error-1"), (25, "rate_limit-2"), (25, "")), errors(0.5), LIMIT).faults
    assert shares(first) == (0.5, 0.5, 100)


def test_a_fault_that_hits_all_or_asks_for_no_share_is_told_of_neither_more_nor_less(
    judged: Callable[..., Result],
) -> None:
    (fault,) = judged(arrivals((10, "http_error-1")), errors(1.0)).faults
    assert shares(fault) == (1.0, 1.0, 10)
    (limit,) = judged(arrivals((5, "rate_limit-1")), LIMIT).faults
    assert (limit.share_asked, limit.share_delivered, words.delivered(limit)) == (None, None, "")


def said(*each: tuple[int, str, str]) -> list[Arrival]:
    """So many arrivals on the east's link that came to some faults, and were hit by some."""
    return [
        Arrival("provider-east", 3.5, fault=hit.rpartition(" ")[2], came_to=came_to, hit_by=hit)
        for n, came_to, hit in each
        for _ in range(n)
    ]


def test_where_the_edge_wrote_down_what_came_to_a_fault_the_share_is_of_those(judged: Callable[..., Result]) -> None:
    rows = said((25, "http_error-1", "http_error-1"), (75, "http_error-1", ""), (200, "", ""))
    (fault,) = judged(rows, errors(0.25, on={"link": "provider-east", "model": "gpt-*"})).faults
    assert shares(fault) == (0.25, 0.25, 100)


def test_an_attempt_that_two_faults_hit_counts_for_both(judged: Callable[..., Result]) -> None:
    late = {"kind": "latency", "on": {"link": "provider-east"}, "base": "300ms", "share": 0.5}
    both = "latency-1 http_error-2"
    rows = said((25, both, both), (25, both, "latency-1"), (25, both, "http_error-2"), (25, both, ""))
    assert [shares(fault)[:2] for fault in judged(rows, late, errors(0.5)).faults] == [(0.5, 0.5), (0.5, 0.5)]


def test_a_share_that_climbs_is_held_against_what_it_was_when_attempts_came(judged: Callable[..., Result]) -> None:
    climbing = errors(0.5, ramp={"share": {"from": 0, "over": "2s"}})
    # Half a second after the fault began, an eighth is hit.
    (fault,) = judged(said((12, "http_error-1", "http_error-1"), (88, "http_error-1", "")), climbing).faults
    assert shares(fault) == (pytest.approx(0.125), 0.12, 100)
    assert judged(said((50, "http_error-1", "http_error-1"), (50, "http_error-1", "")), climbing).verdict == "invalid"


def test_attempts_that_share_a_lot_are_not_held_against_one_of_each(judged: Callable[..., Result]) -> None:
    rows = said((60, "http_error-1", "http_error-1"), (40, "http_error-1", ""))
    for per, verdict_ in (("conversation", "pass"), ("attempt", "invalid")):
        marked = [replace(row, nonce="n-00000000aa") for row in rows]
        assert judged(marked, errors(0.25, per=per)).verdict == verdict_


@pytest.mark.parametrize(("joined", "verdict_"), [(100, "pass"), (99, "pass"), (90, "invalid")])
def test_a_fault_for_some_tries_of_a_request_needs_attempts_that_are_joined(
    judged: Callable[..., Result], joined: int, verdict_: str
) -> None:
    rows = said((100, "http_error-1", "http_error-1"))
    rows = [replace(row, nonce="n-00000000aa" if number < joined else "") for number, row in enumerate(rows)]
    result = judged(rows, errors(1, on={"link": "provider-east", "attempt": 1}))
    assert result.verdict == verdict_
    told = "can only be for attempts that are joined to a request, and 90 % of those on its links were"
    assert (told in result.reason) == (verdict_ == "invalid")
    # A fault for all of them needs no such thing.
    assert judged(rows, errors(1)).verdict == "pass"


CUT = {"kind": "cut_stream", "on": {"link": "provider-east"}, "after": 5, "share": 0.5}


def streams(whole: int, picked: int, hit: int) -> list[Arrival]:
    """Arrivals that came to the fault that cuts streams: those it left alone, those it was put on, those of the latter that it cut."""
    rows = [Arrival("provider-east", 3.5, came_to="cut_stream-1") for _ in range(whole + picked)]
    for row in rows[:picked]:
        row.picked = "cut_stream-1"
    for row in rows[:hit]:
        row.fault = row.hit_by = "cut_stream-1"
    return rows


def test_an_answer_that_gave_its_fault_nothing_to_do_makes_no_share_far_off(judged: Callable[..., Result]) -> None:
    result = judged(streams(50, 50, 3), CUT)
    (fault,) = result.faults
    assert result.verdict == "pass"
    assert shares(fault) == (0.5, 0.5, 100)
    assert fault.answers_acted_on is not None
    assert (fault.answers_acted_on.value, fault.answers_acted_on.n) == (0.06, 50)
    assert words.delivered(fault).endswith("; 50 % was asked; of 50 answers, 6 % had what it acts on")


def test_a_fault_that_was_put_on_another_share_of_answers_is_far_off(judged: Callable[..., Result]) -> None:
    """The twin: it is the lots that count."""
    result = judged(streams(90, 10, 10), CUT)
    assert result.verdict == "invalid"
    assert "hit 10 % of 100 attempts that came to it, and 50 % was asked" in result.reason


def test_where_no_attempt_came_nothing_is_said_of_the_share(judged: Callable[..., Result]) -> None:
    (fault,) = judged([], errors(0.25)).faults
    assert words.delivered(fault) == "no attempt came to it; 25 % was asked"


def test_the_delivered_share_stands_on_the_terminal_and_in_the_report(judged: Callable[..., Result]) -> None:
    result = judged(arrivals((25, "http_error-1"), (75, "")), errors(0.25))
    said = "hit 25 % of 100 attempts that came to it"
    assert any(said in str(line) for line in verdict_lines(result))
    assert any(said in check.detail for check in checks(result))


@pytest.mark.parametrize("share", [0.05, 0.25])
def test_behind_a_limit_a_share_comes_out_as_it_was_asked(make_plan: MakePlan, share: float) -> None:
    """Of all attempts, far fewer are hit: the limit answers half of them first."""
    plan = make_plan(faults=[LIMIT, errors(share)], phases=(1, 2, 20, 2), load={"rate_per_s": 60}, expect=EXPECT)
    sim = SimWorld(plan, Plain, 3)
    evidence = sim.evidence(loop.run(plan, sim.world, Memory()))
    asked, delivered, n = shares(concluded(evidence).faults[1])
    assert (asked, delivered) == (share, pytest.approx(share, abs=0.06))
    assert 200 < n < 0.7 * (evidence.arrivals["link"] == "provider-east").sum()


@pytest.mark.parametrize(("east", "west", "off"), [(50, 0, "provider-east"), (28, 22, ""), (12, 45, "provider-west")])
def test_a_share_of_several_links_is_held_against_what_was_asked_on_each(
    judged: Callable[..., Result], east: int, west: int, off: str
) -> None:
    """A quarter of all of them together is not a quarter of each."""
    both = errors(0.25) | {"on": {"kind": "provider"}}
    rows = [
        Arrival(f"provider-{region}", 3.5, fault="http_error-1" if n < hit else "")
        for region, hit in (("east", east), ("west", west))
        for n in range(100)
    ]
    reason = judged(rows, both).reason
    assert ("attempts that came to it on " in reason, f"on {off}, and 25 % was asked" in reason) == (
        bool(off),
        bool(off),
    )


def test_a_share_of_conversations_comes_out_as_it_was_asked_and_all_turns_of_one_share_its_lot(
    make_plan: MakePlan,
) -> None:
    fault = errors(0.5, per="conversation")
    plan = make_plan(faults=[fault], phases=(1, 2, 8, 2), load={"rate_per_s": 20, "turn_gap": "4s"}, expect=EXPECT)
    sim = SimWorld(plan, Plain, 3)
    result = concluded(sim.evidence(loop.run(plan, sim.world, Memory())))
    assert shares(result.faults[0])[1] == pytest.approx(0.5, abs=0.2)
    assert not [doubt for doubt in result.doubts if doubt.kind == "other_share"]


def drawn_together(per: str, each: int, *lots: tuple[int, bool]) -> list[Arrival]:
    """*each* arrivals of so many connections, or conversations, that were hit or not."""
    rows, number = [], 0
    for n, hit in lots:
        for _ in range(n):
            number += 1
            # There are 40 conversations in all.
            mark = nonce("r", number % 40) if per == "conversation" else ""
            row = {
                "nonce": mark,
                "connection": number,
                "came_to": "http_error-1",
                "picked": "http_error-1" if hit else "",
            }
            rows += [Arrival("provider-east", 3.5, fault="http_error-1" if hit else "", **row) for _ in range(each)]
    return rows


@pytest.mark.parametrize("per", ["connection", "conversation"])
@pytest.mark.parametrize(("hit", "trusted"), [(10, True), (4, True), (30, False), (0, False)])
def test_what_is_drawn_together_is_held_against_the_share_as_one(
    make_plan: MakePlan, make_evidence: MakeEvidence, per: str, hit: int, trusted: bool
) -> None:
    fault, load = errors(0.25, per=per), {"rate_per_s": 10, "turn_gap": "4s"}
    plan = make_plan(faults=[fault], load=load, expect=EXPECT, phases=(1, 2, 10, 2))
    assert plan.schedule.conversations == 40
    result = concluded(make_evidence(plan, arrivals=drawn_together(per, 20, (hit, True), (40 - hit, False))))
    told = f"hit {hit / 40:.0%}".replace("%", " %") + f" of 40 {per}s that came to it, and 25 % was asked"
    assert (told in result.reason) is not trusted


def test_of_a_fault_that_comes_and_goes_often_no_more_runs_are_called_far_off(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    def judged(flap: dict[str, Any]) -> str:
        plan = make_plan(faults=[errors(0.25) | flap], expect=EXPECT, phases=(1, 2, 60, 2))
        name = "http_error-1.1" if flap else "http_error-1"
        rows = [Arrival("provider-east", 3.2, came_to=name, hit_by=name if n < 41 else "") for n in range(100)]
        return concluded(make_evidence(plan, arrivals=rows)).reason

    assert "hit 41 % of 100 attempts" in judged({})
    assert "hit 41 %" not in judged({"flap": {"period": "2s", "duty": 0.5}})
