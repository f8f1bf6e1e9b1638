"""Single requests traced: the right ones are picked, each once and with its reason, and every instant stands where it was."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.record.columns import Table
from harness.report import traces
from harness.report.page import page
from harness.report.waterfall import ROWS_MOST, Bar, waterfall


def picked(made) -> dict[str, object]:
    """The request of each reason, by the reason's first words."""
    return {
        reason: made.evidence.requests.loc[one.row] for one in traces.chosen(made.evidence) for reason in one.reasons
    }


def of(found: dict[str, object], words: str):
    return next(row for reason, row in found.items() if words in reason)


def test_the_requests_that_an_engineer_would_pick_are_picked(failing) -> None:
    found, rows = picked(failing), failing.evidence.requests
    fault = rows[rows["phase"] == "fault"]
    assert of(found, "tried most often")["attempts"] == fault["attempts"].max() == 6
    assert of(found, "slowest good")["latency_ms"] == fault[fault["good"]]["latency_ms"].max()
    last = of(found, "no good answer")
    assert (last["phase"], last["good"]) == ("recovery", False)
    assert not (rows[rows["phase"] == "recovery"]["good"].eq(False) & rows["due_s"].gt(last["due_s"])).any()
    ordinary = of(found, "ordinary one")
    baseline = rows[rows["phase"] == "baseline"]["latency_ms"]
    assert abs(ordinary["latency_ms"] - baseline.median()) == (baseline - baseline.median()).abs().min()


def test_of_two_answers_that_disagreed_the_one_from_the_older_snapshot_is_traced(diverging, failing) -> None:
    side = of(picked(diverging), "disagreed")
    assert side["snapshot_version"] == 41
    assert side["sent_s"] > 18
    assert not [reason for reason in picked(failing) if "disagreed" in reason]


def test_where_the_recovery_went_well_the_failed_one_is_of_the_fault_and_where_all_went_well_there_is_none(
    passing, diverging
) -> None:
    assert of(picked(passing), "no good answer")["phase"] == "fault"
    assert not [reason for reason in picked(diverging) if "no good answer" in reason or "most often" in reason]


@pytest.mark.parametrize("kind", ["failing", "passing", "diverging", "cut_short", "refused", "attacked"])
def test_no_request_is_shown_twice_and_each_has_a_reason(kind: str, request) -> None:
    chosen = traces.chosen(request.getfixturevalue(kind).evidence)
    assert 1 <= len(chosen) <= 5
    assert len({one.row for one in chosen}) == len(chosen)
    assert all(one.reasons for one in chosen)


def test_a_request_that_is_picked_twice_says_both_reasons(tell, story) -> None:
    def slow_ms(due_s: float) -> float:
        return 2500.0 if 19.8 < due_s < 20.2 else 0.0

    alone = tell(story(rate=2, slow_ms=slow_ms, tries=lambda due_s, entry: 3 if slow_ms(due_s) else 1))
    first = traces.traces(alone.result, alone.evidence)[0]
    assert first.reasons.startswith(
        "Tried most often of those due in the fault: 3 attempts, and the slowest good answer"
    )


def test_a_trace_holds_each_try_and_arrival_of_its_request_and_no_other(failing) -> None:
    one = traces.chosen(failing.evidence)[0]
    row = failing.evidence.requests.loc[one.row]
    shown = traces.traces(failing.result, failing.evidence)[0]
    for seen_at, table in (("tap", failing.evidence.attempts), ("edge", failing.evidence.arrivals)):
        mine = sorted(1000 * (at_s - row["due_s"]) for at_s in table[table["nonce"] == row["nonce"]]["start_s"])
        assert [bar.start_ms for bar in shown.bars if bar.seen_at == seen_at] == pytest.approx(mine, abs=0.001)
    assert len([bar for bar in shown.bars if bar.seen_at == "tap"]) == row["attempts"] == 6
    assert ("Nonce", row["nonce"]) in shown.facts


def test_a_client_that_asked_again_has_a_bar_for_each_press_and_each_try_says_for_which(tell, story) -> None:
    made = tell(
        story(rate=2, retries=", retries: {max: 2, deadline: 4s}", presses=lambda _: 3, tries=lambda due_s, entry: 4)
    )
    shown = traces.traces(made.result, made.evidence)[0]
    clients = [
        (bar.name, bar.came_to, round(bar.start_ms), bar.end_ms) for bar in shown.bars if bar.seen_at == "client"
    ]
    assert [one[:3] for one in clients] == [
        ("client, press 1", "503, error", 2),
        ("client, press 2", "503, error", 102),
        ("client, press 3", "good", 200),
    ]
    assert [one[3] for one in clients[:2]] == pytest.approx([52, 152])
    tries = [bar.more for bar in shown.bars if bar.seen_at == "tap"]
    assert [("first try" in said, "its client asked again" in said, "press" in said) for said in tries] == [
        (True, False, False),
        (False, True, True),
        (False, True, True),
        (False, False, True),
    ]


def test_a_fault_that_answered_is_named_and_what_it_kept_was_not_passed_on(tell, story) -> None:
    made = tell(story(rate=2, tries=lambda due_s, entry: 2))
    evidence = made.evidence
    faulted = evidence.arrivals.assign(
        outcome="answered_by_fault", status=429, fault="rate_limit-1", forwarded_s=float("nan")
    )
    shown = traces.traces(made.result, replace(evidence, arrival_table=Table.of(faulted), _made={}))[0]
    edge = [bar for bar in shown.bars if bar.seen_at == "edge"]
    assert {bar.came_to for bar in edge} == {"429 from the fault"}
    assert all("rate_limit-1" in bar.took and "not passed on" in bar.more and bar.mark_ms is None for bar in edge)
    assert all(bar.mark_ms is not None for bar in traces.traces(made.result, evidence)[0].bars if bar.seen_at == "edge")


def bar(**changes) -> Bar:
    values = {"seen_at": "client", "name": "client", "more": "", "came_to": "good", "took": "after 1 s"}
    return Bar(**(values | {"start_ms": 0.0, "first_ms": 500.0, "end_ms": 1000.0} | changes))


def drawn(*bars: Bar, faults: tuple = ()) -> str:
    return str(waterfall(bars, faults, title="T", about="A", key="k"))


def test_a_bar_stands_where_its_instants_are(failing) -> None:
    picture = drawn(bar(), bar(seen_at="tap", start_ms=250.0, first_ms=750.0))
    lefts = [float(x) for x in re.findall(r'<rect class="[^"]*attempts[^"]*" x="([\d.]+)%"', picture)]
    assert lefts == pytest.approx([250 / 10.2, 750 / 10.2], abs=0.01)


def test_the_fault_is_shaded_only_where_it_overlaps() -> None:
    assert 'class="fill-fault" x="0%" width="49.02%"' in drawn(bar(), faults=((-3000.0, 500.0),))
    assert "fill-fault" not in drawn(bar(), faults=((-3000.0, -1.0), (2000.0, 3000.0)))


def test_what_never_ended_goes_on_beyond_the_picture() -> None:
    arrow = "M-9,-6L1,0L-9,6Z"
    assert arrow in drawn(bar(), bar(seen_at="tap", end_ms=None))
    assert arrow not in drawn(bar(), bar(seen_at="tap"))


def test_work_that_outlives_the_client_is_seen_behind_a_line() -> None:
    assert "stroke-dasharray" in drawn(bar(), bar(seen_at="tap", end_ms=3000.0))
    assert "stroke-dasharray" not in drawn(bar(), bar(seen_at="tap"))


def test_a_request_with_very_many_tries_is_cut_and_says_so(tell, story) -> None:
    made = tell(story(rate=2, tries=lambda due_s, entry: 60 if 19.8 < due_s < 20.2 else 1))
    shown = traces.traces(made.result, made.evidence)[0]
    assert len(shown.bars) == ROWS_MOST + 1
    assert shown.notes == ("80 later tries and arrivals are not drawn.",)


def test_where_a_fault_hid_attempts_the_trace_says_that_some_may_be_missing(refused, failing) -> None:
    assert any(
        "hid attempts" in note for trace in traces.traces(refused.result, refused.evidence) for note in trace.notes
    )
    assert not any(trace.notes for trace in traces.traces(failing.result, failing.evidence))


def test_without_a_request_there_is_no_section(unheard, failing) -> None:
    heading = "Single requests from end to end"
    assert heading not in page(unheard.result, unheard.evidence)
    assert heading not in page(failing.result, None)
    assert heading in page(failing.result, failing.evidence)


def test_all_but_the_first_are_folded_away_and_each_has_its_table(failing) -> None:
    html = str(traces.section(failing.result, failing.evidence))
    n = len(traces.chosen(failing.evidence))
    assert html.count('<details class="trace">') == n - 1
    assert html.count('<table class="bins">') == n


def test_each_arrival_stands_under_the_try_that_it_is_of(failing) -> None:
    """In this run some of a request's tries are lost on the way: where nobody can tell which one arrived, no number is said."""
    for trace in traces.traces(failing.result, failing.evidence):
        names = [bar.name for bar in trace.bars]
        numbered = [name for name in names if re.match(r"try \d+ arrived at", name)]
        for name in numbered:
            number = name.split()[1]
            assert names.index(name) == 1 + next(i for i, n in enumerate(names) if n.startswith(f"try {number} at "))
        tried = sum(name.startswith("try") and " at " in name and "arrived" not in name for name in names)
        arrived = sum("arrived at" in name for name in names)
        assert arrived != tried or len(numbered) == arrived


def test_where_answers_disagreed_and_should_not_the_trace_of_one_is_open(diverging, failing) -> None:
    assert "disagreed" in traces.traces(diverging.result, diverging.evidence)[0].reasons
    assert "Tried most often" in traces.traces(failing.result, failing.evidence)[0].reasons
