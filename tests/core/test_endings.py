"""What the way in which a run ended says of it: the service that died of what was broken, and the one that fell silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from concluded import concluded

from harness.judging.result import Result
from harness.planning.plan import Plan
from harness.record.history import Ended, Event, Reverted, Reverting
from harness.record.rows import Request
from harness.report.headline import headline
from harness.report.junit import junit

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Any]
Rows = Callable[..., list[Request]]

DIED = "process 'target' was ended by SIGSEGV; its log ends:\nout of memory"
SILENT = {"status": 0, "outcome": "timed_out", "first_token_s": None}


def ended_at(at_s: float, events: list[Event], reason: str) -> list[Event]:
    """What there is of *events* of a run that ended at *at_s*; a fault in force is put back then."""
    before = [event for event in events[:-1] if event.at_s < at_s]
    ends = [event for event in events if isinstance(event, Reverting | Reverted) and event.at_s >= at_s]
    put_back = [type(event)(at_s - 0.01, event.fault) for event in ends if before]
    return [*before, *put_back, Ended(at_s, reason, DIED)]


@pytest.fixture
def died(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, events: Any) -> Callable[[float], Result]:
    """A run whose service ended at that time, with a fault from 3 to 5 s."""

    def judged(at_s: float, reason: str = "service_ended", expect: str = "good_ratio >= 0.2 in baseline") -> Result:
        plan = make_plan(expect=[expect])
        asked = [row for row in rows(plan) if row.due_s < at_s]
        return concluded(make_evidence(plan, requests=asked, history=ended_at(at_s, events(plan), reason)))

    return judged


@pytest.mark.parametrize(
    ("at_s", "where"),
    [
        (3.05, "at 3.0 s, in fault under latency 100 ms on kind provider, process 'target' was ended by SIGSEGV"),
        (4.0, "at 4.0 s, in fault under latency 100 ms on kind provider, process 'target' was ended by SIGSEGV"),
        (6.0, "at 6.0 s, in recovery, process 'target' was ended by SIGSEGV"),
        (7.2, "at 7.2 s, while the last answers were awaited, process 'target' was ended by SIGSEGV"),
    ],
)
def test_a_service_that_dies_of_what_is_broken_has_failed(
    died: Callable[[float], Result], at_s: float, where: str
) -> None:
    result = died(at_s)
    assert (result.verdict, result.exit_status) == ("fail", 1)
    assert result.reason == f"The service did not live through it: {where}; its log ends:\nout of memory."
    assert headline(result).startswith(f"The service did not live through it: {where}; its log ends: out of memory.")


@pytest.mark.parametrize("expect", ["good_ratio >= 0.2 in baseline", "ttft_ms.p50 <= 50 in recovery"])
def test_a_death_is_red_in_junit_whatever_was_found(died: Callable[..., Result], expect: str) -> None:
    result = died(4.0, expect=expect)
    assert 'failures="1"' in junit(result)
    assert '<failure type="fail" message="The service did not live through it: at 4.0 s, in fault' in junit(result)


def test_a_service_that_dies_before_anything_is_broken_is_a_crash(died: Callable[[float], Result]) -> None:
    result = died(2.5)
    assert (result.verdict, result.exit_status, result.service_ended) == ("crashed", 70, "")
    assert result.reason == "Process 'target' was ended by SIGSEGV; its log ends:\nout of memory."


def test_a_process_of_the_harness_that_dies_is_a_crash_always(died: Callable[..., Result]) -> None:
    result = died(4.0, "crashed")
    assert (result.verdict, result.service_ended) == ("crashed", "")


@pytest.mark.parametrize(
    ("silent_s", "said"),
    [
        (4.0, "0 of 30 requests that were due from 4.0 s on, to the end of the run, were answered"),
        (6.0, "0 of 10 requests that were due from 6.0 s on, to the end of the run, were answered"),
        (6.5, ""),  # half a second is a blip
        (None, ""),
    ],
)
def test_a_service_that_falls_silent_for_good_is_told_though_no_expectation_looks_there(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, silent_s: float | None, said: str
) -> None:
    plan = make_plan(expect=["good_ratio >= 0.5 in baseline"])
    asked = rows(plan, lambda _, due_s: SILENT if silent_s is not None and due_s >= silent_s else {})
    result = concluded(make_evidence(plan, requests=asked))
    assert result.verdict == "pass"
    assert [note for note in result.quality.notes if "were answered" in note] == ([said] if said else [])
    assert ("were answered" in result.reason) == bool(said)
    assert said in result.reason


def test_one_entry_that_falls_silent_for_good_is_told_by_name(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(expect=["good_ratio >= 0.5 in baseline"])
    asked = rows(plan, lambda index, due_s: SILENT if index % 2 and due_s >= 4 else {})
    result = concluded(make_evidence(plan, requests=asked))
    assert "at west 0 of 15 requests that were due from 4.1 s on, to the end of the run, were answered" in result.reason
    assert len([note for note in result.quality.notes if "were answered" in note]) == 1


def test_nothing_is_told_of_an_entry_without_a_name(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    """A run of before entries were written down has none, and that half of its requests stand apart is not known."""
    plan = make_plan(expect=["good_ratio >= 0.5 in baseline"])
    asked = rows(plan, lambda index, due_s: {"entry": ""} | (SILENT if index % 2 and due_s >= 4 else {}))
    asked = [msgspec.structs.replace(row, entry="east") if row.status else row for row in asked]
    result = concluded(make_evidence(plan, requests=asked))
    assert "were answered" not in result.reason + str(result.quality.notes)


def test_a_service_that_answers_with_errors_to_the_end_has_not_fallen_silent(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows
) -> None:
    plan = make_plan(expect=["good_ratio >= 0.5 in baseline"])
    asked = rows(plan, lambda _, due_s: {"status": 503, "outcome": "error"} if due_s >= 4 else {})
    result = concluded(make_evidence(plan, requests=asked))
    assert "were answered" not in result.reason + str(result.quality.notes)
