"""What a selection picks of a run, and how a time is told for each window in which a fault was in force."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from concluded import concluded

from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.metrics.recovery_and_failover import worst
from harness.judging.sample import pick, planned
from harness.planning.plan import Plan
from harness.reading import expectation
from harness.reading.expectation import Selection
from harness.record.history import Event, Injected
from harness.record.rows import Arrival, Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]

LATENCY = {"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}
LIMIT = {"kind": "rate_limit", "on": {"kind": "provider"}, "requests_per_min": 60}
FLAPS = [
    LATENCY | {"at": f"fault + {at_s}s", "for": "2s", "id": f"flap-{n}"} for n, at_s in enumerate((0, 6, 12, 18), 1)
]


def bad_between(start_s: float, end_s: float) -> Callable[[int, float], dict[str, Any]]:
    return lambda index, due_s: {"outcome": "error", "status": 503} if start_s <= due_s < end_s else {}


def measure(evidence: Evidence, written: str) -> Interval:
    asked = expectation.parse(written)
    return metrics[asked.metric].measure(pick(evidence, asked.selection), asked.part)


# Labels


def test_a_label_picks_the_requests_of_its_region_or_entry(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    east_fails = lambda i, due_s: bad_between(3, 11)(i, due_s) if i % 2 == 0 else {}  # noqa: E731
    evidence = make_evidence(plan, requests=rows(plan, east_fails))
    east, west = (measure(evidence, f"good_ratio{{region={region}}} >= 0 in fault") for region in ("east", "west"))
    assert (east.value, east.n, west.value, west.n) == (0, 40, 1, 40)
    assert measure(evidence, "good_ratio{entry=west} >= 0 in fault") == west
    assert measure(evidence, "good_ratio{entry=west,region=east} >= 0 in fault").value is None
    by = metrics["good_ratio"].document(evidence).by
    assert {name: found.value for name, found in by.region.items()} == pytest.approx({"east": 20 / 60, "west": 1})
    assert list(by.entry) == ["east", "west"]


def test_a_region_of_one_entry_and_that_entry_are_measured_once(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    evidence = make_evidence(plan, requests=rows(plan))
    asked: list[int] = []
    for labels in ((("region", "east"),), (("entry", "east"),), (("region", "west"),), ()):
        pick(evidence, Selection(labels=labels)).once("asked", lambda: asked.append(1))
    assert len(asked) == 3
    on_a_link = [pick(evidence, Selection(labels=(("region", "east"), ("link", link)))) for link in plan.target.links]
    for sample in on_a_link:
        sample.once("asked", lambda: asked.append(1))
    assert len(asked) == 3 + len(on_a_link)


def test_of_what_one_asks_for_several_times_running_only_the_last_is_kept(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    evidence, made = make_evidence(make_plan()), list[str]()
    for kind, what in (("large", "a"), ("large", "a"), ("large", "b"), ("other", "b"), ("large", "b"), ("large", "a")):
        evidence.lately(kind, what, lambda what=what: made.append(what))
    assert made == ["a", "b", "b", "a"]


def test_a_link_picks_attempts_and_leaves_all_requests(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    asked = rows(plan)
    tries = [attempt(row) for row in asked] + [attempt(row, link="provider-west") for row in asked[30:110:2]]
    evidence = make_evidence(plan, requests=asked, attempts=tries)
    found = measure(evidence, "retry_amplification{link=provider-west} <= 1 in fault")
    assert (found.value, found.n) == (0.5, 80)
    assert measure(evidence, "retry_amplification{link=provider-east} <= 1 in fault").value == 1
    assert measure(evidence, "retry_amplification{region=east,link=provider-west} <= 1 in fault").value == 1


PICKED = [
    Selection(),
    Selection("fault"),
    Selection("fault", among="exposed"),
    Selection(labels=(("region", "east"),)),
    Selection("recovery", (("entry", "west"), ("link", "provider-west"))),
    Selection("fault", (("layer", "failover"),)),
]


@pytest.mark.parametrize("selection", PICKED)
def test_columns_and_counts_are_of_the_requests_that_are_picked(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt], selection: Selection
) -> None:
    plan = make_plan(phases=(1, 2, 8, 4))
    asked = rows(plan)
    again = [attempt(row, link="provider-west", start_s=row.due_s + 0.05) for row in asked[30:140:3]]
    # A request that is there twice is told by its index both times.
    arrived = [Arrival(link="provider-west", nonce=row.nonce, start_s=row.due_s) for row in (*asked[::2], *asked[1::3])]
    arrived.append(Arrival(link="provider-west", nonce="", start_s=5.0))
    evidence = make_evidence(
        plan, requests=[*asked, asked[60]], attempts=[*map(attempt, asked), *again], arrivals=arrived
    )
    sample = pick(evidence, selection)
    assert 0 < len(sample.requests) < len(evidence.requests)
    for name in ("index", "due_s", "outcome"):
        assert sample.column(name).tolist() == sample.requests[name].tolist()
    joined = sample.attempts["request"].tolist()
    assert sample.tries().tolist() == [joined.count(index) for index in sample.requests["index"]]
    assert 0 < len(joined) < len(evidence.attempts)
    nonces = sample.arrivals["nonce"].tolist()
    assert sample.arrived().tolist() == [nonces.count(nonce) for nonce in sample.requests["nonce"]]
    assert 0 < len(nonces) < len(evidence.arrivals)


def test_no_metric_can_change_what_another_one_reads(make_plan: MakePlan, make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(make_plan())
    for name in ("good", "due_s", "outcome"):
        with pytest.raises(ValueError, match="read-only"):
            evidence.column("requests", name)[0] = evidence.column("requests", name)[1]
    mine = pick(evidence).column("good")
    mine[:] = False
    assert pick(evidence).column("good").all()


def test_half_the_entries_are_asked_half_of_what_is_planned(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 2, 8, 2))
    assert planned(plan, Selection("fault")) == 80
    assert planned(plan, Selection("fault", (("region", "east"),))) == 40


def test_all_that_is_due_in_a_fault_may_be_exposed(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 2, 8, 2), faults=[LATENCY | {"for": "5s"}])
    assert planned(plan, Selection("fault", among="exposed")) == 50
    assert planned(plan, Selection("recovery", among="exposed")) == 0


# Among the exposed


def test_the_exposed_lived_wholly_inside_the_faults_window(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    """A gateway that makes one attempt a second until it has made five; the fault of 6 s ends before most have ended."""
    plan = make_plan(phases=(1, 2, 6, 6), load={"deadline": "5s"})
    slow = lambda _, due_s: {"end_s": due_s + (5 if 3 <= due_s < 9 else 0.1), "outcome": "timed_out"}  # noqa: E731
    asked = rows(plan, slow)

    def tried(row: Request) -> list[Attempt]:
        n = sum(row.due_s + second < 9 for second in range(5)) if 3 <= row.due_s < 9 else 1
        return [attempt(row, start_s=row.due_s + second) for second in range(n)]

    evidence = make_evidence(plan, requests=asked, attempts=[one for row in asked for one in tried(row)])
    whole, exposed = (measure(evidence, f"retry_amplification <= 4 in fault{of}") for of in ("", " among exposed"))
    assert exposed.value == 5
    assert exposed.n == 11  # due from 3.0 to 4.0 s
    assert whole.value is not None
    assert whole.value < 4
    assert metrics["retry_amplification"].document(evidence).by.among["exposed"].value == 5


def test_the_exposed_are_picked_by_when_they_were_due_and_not_by_how_quick_they_were(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> None:
    """Every second request is answered at once, the others try five times in 5 s: three attempts a request, whenever it is due."""
    plan = make_plan(phases=(1, 2, 12, 6), load={"deadline": "6s"})
    hard = lambda row: row.index % 2 == 1  # noqa: E731
    asked = rows(plan, lambda index, due_s: {"end_s": due_s + (5 if index % 2 else 0.1)})
    tries = [
        attempt(row, start_s=row.due_s + second)
        for row in asked
        for second in range(5 if hard(row) and 3 <= row.due_s < 15 else 1)
        if row.due_s + second < 15
    ]
    evidence = make_evidence(plan, requests=asked, attempts=tries)
    assert measure(evidence, "retry_amplification <= 4 in fault among exposed").value == pytest.approx(3, abs=0.05)


def test_where_one_request_outlives_a_whole_fault_nothing_is_said_of_the_exposed(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 2, 4, 8), load={"deadline": "5s"})
    outlives = lambda index, due_s: {"end_s": due_s + 5, "outcome": "timed_out"} if index == 35 else {}  # noqa: E731
    evidence = make_evidence(plan, requests=rows(plan, outlives))
    found = measure(evidence, "retry_amplification <= 4 in fault among exposed")
    assert (found.value, found.n) == (None, 0)


def test_the_value_among_the_exposed_stands_beside_that_of_the_phase(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    evidence = make_evidence(make_plan(phases=(1, 2, 8, 2), expect=["retry_amplification <= 3 in fault"]))
    (finding,) = concluded(evidence).findings
    assert finding.among_exposed is not None
    assert (finding.among_exposed.value, finding.among) == (1, None)


def test_where_no_fault_is_in_force_nobody_is_exposed_and_that_is_said(make_plan: MakePlan) -> None:
    asked = expectation.parse("good_ratio >= 0.5 in recovery among exposed")
    why = metrics["good_ratio"].unsettled(make_plan(phases=(1, 2, 6, 9)), asked)
    assert why is not None
    assert why.startswith("nothing is exposed: no fault is in force in recovery")


def test_without_faults_as_many_are_planned_to_be_exposed(make_plan: MakePlan) -> None:
    asked = Selection(among="exposed")
    with_faults, without = make_plan(phases=(1, 2, 6, 2)), make_plan(phases=(1, 2, 6, 2), with_faults=False)
    assert planned(without, asked) == planned(with_faults, asked) == 60


def test_without_faults_the_exposed_are_those_that_would_have_been(
    make_plan: MakePlan, make_evidence: MakeEvidence
) -> None:
    evidence = make_evidence(make_plan(phases=(1, 2, 8, 2), with_faults=False))
    assert measure(evidence, "retry_amplification <= 3 among exposed").n == 80


# In flight


def test_requests_that_were_in_flight_when_a_fault_began_are_told_from_those_when_it_ended(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 10, 10, 10))

    def change(index: int, due_s: float) -> dict[str, Any]:
        """Each takes 2 s; those that are open as the fault begins at 11 s are reset, and those as it ends at 21 s get late answers."""
        if 9 <= due_s < 10.95:
            return {"outcome": "reset", "end_s": due_s + 2.05, "status": 0}
        return {"end_s": due_s + 2.05, "first_token_s": due_s + 2}

    evidence = make_evidence(plan, requests=rows(plan, change))
    begun, ended = (
        measure(evidence, f"good_ratio >= 0.5 among in_flight_at_{edge}") for edge in ("injection", "revert")
    )
    assert (begun.value, begun.n) == (0, 20)
    # One more was due while it was being put back.
    assert (ended.value, ended.n) == (1, 21)
    # They were due before it.
    assert measure(evidence, "good_ratio >= 0.5 in baseline among in_flight_at_injection").n == 20
    assert measure(evidence, "good_ratio >= 0.5 in fault among in_flight_at_injection").value is None


def test_one_that_never_ended_is_in_flight_until_its_deadline_and_one_that_was_not_sent_never(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 10, 10, 10))
    odd = {100: {"outcome": "unfinished"}, 60: {"outcome": "unfinished"}, 101: {"outcome": "not_sent"}}

    def change(index: int, due_s: float) -> dict[str, Any]:
        return {"end_s": None} | odd[index] if index in odd else {}

    evidence = make_evidence(plan, requests=rows(plan, change))
    # Due at 10 s, with a deadline of 4 s, and another at 6 s; the usual one takes 0.1 s.
    flying = pick(evidence, Selection(among="in_flight_at_injection")).column("index").tolist()
    assert 100 in flying
    assert 60 not in flying
    assert 101 not in flying


def test_in_a_phase_in_which_no_fault_can_meet_any_in_flight_a_limit_is_refused(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 10, 10, 10))
    for written, refused in (
        ("good_ratio >= 0.5 in fault among in_flight_at_injection", True),
        ("good_ratio >= 0.5 in baseline among in_flight_at_injection", False),
        ("good_ratio >= 0.5 in fault among in_flight_at_revert", False),
    ):
        why = metrics["good_ratio"].unsettled(plan, expectation.parse(written))
        assert (why is not None and "no request can be in flight" in why) == refused, written


# Windows


def test_each_fault_has_a_window_as_it_happened(
    make_plan: MakePlan, make_evidence: MakeEvidence, events: Callable[..., list[Event]]
) -> None:
    plan = make_plan(phases=(1, 2, 22, 8), faults=FLAPS[:2])
    evidence = make_evidence(plan)
    first, second = evidence.windows()
    assert (first.start_s, first.end_s, first.next_s, first.faults) == (3, 5.01, 9, ("flap-1",))
    assert (second.start_s, second.end_s, second.next_s) == (9, 11.01, inf)
    never = [event for event in events(plan) if event != Injected(9, "flap-2")]
    assert make_evidence(plan, history=never).windows() == ()
    assert measure(make_evidence(plan, history=never), "recovery_time_s <= 3 after flap-1").value is None


def test_a_failover_is_told_for_each_window_and_the_worst_counts_by_name(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    faults = [flap | {"for": "4s"} for flap in FLAPS]
    plan = make_plan(phases=(1, 12, 24, 20), faults=faults, expect=["failover_time_s <= 3"], load={"rate_per_s": 50})
    evidence = make_evidence(plan, requests=rows(plan, bad_between(31, 99)))
    by = metrics["failover_time_s"].document(evidence).by.window
    assert {name: found.value for name, found in by.items()} == pytest.approx(
        {"flap-1": 0, "flap-2": 0, "flap-3": 0, "flap-4": 4}, abs=0.05
    )
    result = concluded(evidence)
    (finding,) = result.findings
    assert (finding.verdict, finding.window) == ("fail", "flap-4")
    assert result.reason.startswith("failover_time_s (worst after flap-4) was more than 4")
    assert measure(evidence, "failover_time_s <= 1 after flap-2").value == 0
    assert concluded(make_evidence(plan)).findings[0].window is None  # nothing was bad in any


def test_a_fault_that_flaps_is_judged_window_by_window_as_so_many_faults_are(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    flapping = LATENCY | {"id": "flap", "flap": {"period": "6s", "duty": 2 / 3}}
    expect = ["failover_time_s <= 3", "failover_time_s <= 3 after flap"]
    plan = make_plan(phases=(1, 12, 24, 20), faults=[flapping], expect=expect, load={"rate_per_s": 50})
    evidence = make_evidence(plan, requests=rows(plan, bad_between(31, 99)))
    by = metrics["failover_time_s"].document(evidence).by.window
    assert {name: found.value for name, found in by.items()} == pytest.approx(
        {"flap.1": 0, "flap.2": 0, "flap.3": 0, "flap.4": 4}, abs=0.05
    )
    result = concluded(evidence)
    assert [(finding.verdict, finding.window) for finding in result.findings] == [("fail", "flap.4")] * 2
    assert [fault.id for fault in result.faults] == ["flap.1", "flap.2", "flap.3", "flap.4"]
    assert result.faults[1].summary == "latency 100 ms on kind provider (flap.2)"


def test_flaps_too_close_to_recover_between_are_one_trouble_that_ends_with_the_last(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(phases=(1, 12, 22, 30), faults=FLAPS, load={"rate_per_s": 20})
    evidence = make_evidence(plan, requests=rows(plan, bad_between(13, 35)))
    found = measure(evidence, "recovery_time_s <= 5")
    assert found.value == pytest.approx(2, abs=0.1)  # the last flap ended at 33 s
    assert list(metrics["recovery_time_s"].document(evidence).by.window) == [
        "flap-1, flap-2, flap-3, flap-4", "flap-1", "flap-2", "flap-3", "flap-4",
    ]  # fmt: skip
    # Between two flaps nobody could see it recover.
    after = measure(evidence, "recovery_time_s <= 5 after flap-1")
    assert (after.value, after.censored) == (pytest.approx(4, abs=0.1), True)


def test_troubles_far_apart_each_have_a_recovery_and_the_worst_counts(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    faults = [LATENCY | {"for": "2s", "id": "first"}, LATENCY | {"at": "fault + 30s", "for": "2s", "id": "second"}]
    plan = make_plan(phases=(1, 12, 32, 30), faults=faults, load={"rate_per_s": 20}, expect=["recovery_time_s <= 5"])
    slow_first = lambda i, due_s: bad_between(13, 19)(i, due_s) | bad_between(43, 46)(i, due_s)  # noqa: E731
    evidence = make_evidence(plan, requests=rows(plan, slow_first))
    assert measure(evidence, "recovery_time_s <= 5").value == pytest.approx(4, abs=0.1)
    assert measure(evidence, "recovery_time_s <= 5 after second").value == pytest.approx(1, abs=0.1)
    assert concluded(evidence).findings[0].window == "first"


def test_an_aftereffect_does_not_stop_the_clock_of_the_recovery(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    slow = LIMIT | {"at": "recovery", "for": "10s", "id": "herd", "aftereffect": True}
    plan = make_plan(phases=(1, 12, 5, 30), faults=[LATENCY, slow], load={"rate_per_s": 20})
    evidence = make_evidence(plan, requests=rows(plan, bad_between(13, 30)))
    assert measure(evidence, "recovery_time_s <= 5").value == pytest.approx(12, abs=0.1)
    assert [window.faults for window in evidence.windows()] == [("latency-1",)]
    # The twin: were it no aftereffect, it would be what the service recovers from, and nothing of it may be there then.
    assert measure(evidence, "recovery_time_s <= 5 after herd").value == pytest.approx(2, abs=0.1)


def test_the_worst_of_several_times_is_known_no_better_than_any_of_them() -> None:
    one, other = Interval(3, 2.5, 3.5, 10), Interval(2, 1, inf, 5)
    assert worst([one, other]) == Interval(3, 2.5, inf, 15)
    assert worst([one, Interval(None)]).value is None
    assert worst([]).value is None
