"""What many runs say over time: where a number changed, at which commit, and what was last shown to hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from harness.judging.trend import trend
from harness.record.past import Named, OnLink, Past, PastFault, PastFinding, PastPhase, Unit

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LINKS = {"provider-east": "provider", "store-east": "store"}


def run(
    days: float,
    value: float | None = 1.6,
    *,
    verdict: str = "pass",
    kind: str = "latency",
    scenario: str = "slow",
    link: str = "provider-east",
) -> Past:
    """A run *days* ago, in which recovery took *value*."""
    wobble = None if value is None else value * (1 + 0.02 * (int(days * 7) % 5 - 2))
    finding = PastFinding(
        "recovery_time_s <= 5",
        "recovery_time_s",
        None,
        5.0,
        wobble,
        *((None, None) if wobble is None else (wobble - 0.05, wobble + 0.05)),
        verdict,
    )
    return Past(
        f"r-{days}",
        verdict,
        Named(scenario),
        Named("shop"),
        (NOW - timedelta(days=days)).isoformat(),
        findings=[finding],
        faults=[PastFault(kind, [link], True)],
        metrics={"recovery_time_s": Unit("s")},
        links=LINKS,
        commit=f"c{days:g}",
    )


def history(*of: Past) -> list[Past]:
    return sorted(of, key=lambda past: past.started_at)


def test_a_change_is_told_with_the_first_run_of_the_new_level() -> None:
    runs = history(*(run(days) for days in range(20, 8, -1)), *(run(days, 4.5) for days in range(8, 0, -1)))
    (line,) = trend(runs, now=NOW).lines
    (number,) = line.numbers
    (change,) = number.changed
    assert line.runs[number.points[change.at].run].commit == "c8"
    assert (change.before, change.after) == (pytest.approx(1.6, rel=0.05), pytest.approx(4.5, rel=0.05))


def test_where_nothing_changed_nothing_is_told() -> None:
    assert trend(history(*(run(days) for days in range(20, 0, -1))), now=NOW).lines[0].numbers[0].changed == ()


def test_runs_that_nobody_can_trust_and_numbers_that_were_not_measured_tell_nothing() -> None:
    runs = history(
        *(run(days) for days in range(20, 8, -1)),
        *(run(days, 9.0, verdict="invalid") for days in range(8, 1, -1)),
        run(1, None),
    )
    (number,) = trend(runs, now=NOW).lines[0].numbers
    assert number.changed == ()
    assert len(number.points) == 12


def cells(*runs: Past, stale: str = "30d") -> dict[tuple[str, str], str]:
    return {(cell.link, cell.kind): cell.state for cell in trend(history(*runs), now=NOW, stale=stale).coverage}


def test_what_held_lately_is_held_and_what_held_long_ago_is_stale() -> None:
    assert cells(run(3)) == {("provider-east", "latency"): "held"}
    assert cells(run(31)) == {("provider-east", "latency"): "stale"}
    assert cells(run(31), stale="5w") == {("provider-east", "latency"): "held"}


def test_what_the_newest_run_of_any_scenario_broke_is_broken_and_one_that_came_back_is_not() -> None:
    assert cells(run(3), run(2, verdict="fail")) == {("provider-east", "latency"): "broken"}
    assert cells(run(3, verdict="fail"), run(2)) == {("provider-east", "latency"): "held"}
    assert cells(run(3, verdict="fail"), run(2, scenario="other")) == {("provider-east", "latency"): "broken"}


def test_a_fault_that_was_not_seen_to_hold_or_a_run_that_expected_nothing_covers_nothing() -> None:
    unseen = run(1)
    unseen.faults[0] = PastFault("latency", ["provider-east"], False)
    unasked = run(2)
    unasked.findings.clear()
    assert cells(unseen, unasked, run(3, verdict="invalid")) == {}


@pytest.mark.parametrize(
    ("finding", "fault", "covered"),
    [
        ({}, {}, True),
        ({"phase": "fault"}, {}, True),
        ({"phase": "recovery"}, {}, True),
        ({"phase": "baseline"}, {}, False),  # nothing was broken then
        ({"phase": "quiet"}, {}, False),  # nor in a phase of another name before the fault
        ({"after": "slow"}, {}, True),
        ({"after": "slow"}, {"id": "slow.2"}, True),
        ({"after": "lost"}, {}, False),  # it is about another fault
        ({}, {"attempts_affected": 0}, False),  # it lay in wait, and met nobody
        ({}, {"attempts_affected": 0, "links": ["store-east"]}, True),  # whom it met there is not counted in attempts
    ],
)
def test_a_fault_is_covered_by_what_was_expected_of_it_where_it_met_somebody(
    finding: dict[str, Any], fault: dict[str, Any], covered: bool
) -> None:
    one = run(1)
    expected = msgspec.structs.replace(one.findings[0], **finding)
    broken = msgspec.structs.replace(
        one.faults[0], **{"id": "slow", "injected_at_s": 15.0, "attempts_affected": 9, **fault}
    )
    phases = [
        PastPhase("baseline", 10.0),
        PastPhase("quiet", 15.0),
        PastPhase("fault", 30.0),
        PastPhase("recovery", 50.0),
    ]
    past = msgspec.structs.replace(
        one, findings=[expected], faults=[broken], phases=phases, by_link=[OnLink("provider-east")]
    )
    assert bool(cells(past)) is covered


def test_a_link_that_the_target_has_no_longer_is_neither_stale_nor_broken() -> None:
    gone = run(40, verdict="fail", link="old-provider")
    assert cells(gone) == {}
    of_then = msgspec.structs.replace(gone, links={**LINKS, "old-provider": "provider"})
    assert cells(of_then) == {("old-provider", "latency"): "broken"}
    assert cells(of_then, run(2)) == {("provider-east", "latency"): "held"}
    # Of a run of before links were written down nothing is known but what it broke.
    assert cells(msgspec.structs.replace(gone, links={})) == {("old-provider", "latency"): "broken"}


def test_a_link_that_nothing_was_shown_to_hold_on_is_uncovered_and_the_conditions_name_what_is_missed() -> None:
    found = trend(
        history(run(40), run(3, kind="rate_limit"), run(2, kind="blackhole", scenario="gone", verdict="fail")), now=NOW
    )
    assert found.bare == (("shop", "store-east"),)
    assert found.missed([]) == []
    assert [line.partition(":")[0] for line in found.missed(["stale", "uncovered", "broken"])] == [
        "broken",
        "stale",
        "uncovered",
    ]
    assert "2026-10-17" in found.missed(["stale"])[0]
    assert trend(history(run(3), run(2, link="store-east")), now=NOW).missed(["stale", "uncovered", "broken"]) == []
