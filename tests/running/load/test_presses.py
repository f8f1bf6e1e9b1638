"""The load child, really run, with clients who ask again: each press is one exchange, and all of one request have one row."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import pytest

from harness.judging.scoring.audit import Audit, audit
from harness.planning.pressing import Pressing
from harness.protocols.nonce import Nonces, NonceSearch, press
from harness.record.presses import read
from harness.record.rows import Request
from harness.running.load import Limits, PlannedQuestion

UNSERVED = ("error", "timed_out", "stalled", "truncated", "empty", "malformed", "reset", "refused")
PATIENT = Pressing(
    again_max=2, patience_s=20.0, upon=UNSERVED, wait_s=0.05, factor=2.0, wait_s_max=None, jitter=0.5, seed=1
)
IMPATIENT = Pressing(
    again_max=1, patience_s=0.4, upon=UNSERVED, wait_s=0.05, factor=1.0, wait_s_max=None, jitter=0.0, seed=1
)
HAIR_S = 0.005  # a sleep may end a hair before it is due to
BEHAVIOURS = ["busy_once", "busy_twice", "hangs_up_once", "status_500", "whole"]


@pytest.fixture(scope="module")
def ran(bench):
    """A server, and what of it each of two loads heard and wrote down: one of patient clients, and one of impatient ones."""
    with bench.serving() as server, bench.serving() as silent:
        limits = Limits(stall_s=60.0, deadline_s=60.0)
        patient = bench.plan([server.url], BEHAVIOURS, limits=limits, drain_s=60.0, total_s=0.6, pressing=PATIENT)
        impatient = bench.plan(
            [silent.url], ["silent_once"], limits=limits, drain_s=60.0, total_s=0.1, pressing=IMPATIENT
        )
        children = [bench.start(patient), bench.start(impatient)]
        for child in children:
            child.begin()
        for child in children:
            assert child.wait() == 0, child.log.read_text()
        yield (children[0].rows(), server.heard), (children[1].rows(), silent.heard)


@pytest.fixture(scope="module")
def patient(ran):
    return ran[0]


@pytest.mark.parametrize(
    ("behaviour", "given_up", "outcome", "status"),
    [
        ("busy_once", ["error 503"], "complete", 200),
        ("busy_twice", ["error 503", "error 503"], "complete", 200),
        ("hangs_up_once", ["reset 0"], "complete", 200),
        ("status_500", ["error 500", "error 500"], "error", 500),
        ("whole", [], "complete", 200),  # the twin: who is served asks once
    ],
)
def test_who_is_not_served_asks_again_as_often_as_said_and_the_row_tells_what_each_press_came_to(
    patient, behaviour, given_up, outcome, status
):
    rows, _ = patient
    mine = [row for row in rows if row.question == behaviour]
    assert len(mine) >= 5
    for row in mine:
        assert [f"{one.outcome} {one.status}" for one in read(row.given_up)] == given_up
        assert (row.presses, row.outcome, row.status) == (len(given_up) + 1, outcome, status)


def test_every_press_was_heard_once_under_a_mark_of_its_own_and_joins_to_the_one_row(patient):
    rows, heard = patient
    presses = defaultdict(list)
    for one in heard:
        presses[one.nonce].append(press(one.mark))
    assert presses == {row.nonce: list(range(row.presses)) for row in rows}
    assert len(heard) == sum(row.presses for row in rows) > len(rows)


def test_what_passes_on_the_wire_tells_the_press_to_whoever_reads_it_there(patient):
    rows, heard = patient
    known = {row.nonce: row for row in rows}
    for one in heard:
        search = NonceSearch(Nonces("run-7"))
        for name, value in one.headers.items():
            if name == "traceparent":
                search.header(name.encode(), value.encode())
        assert (search.found, search.press) == (one.nonce, press(one.mark))
        assert search.found in known


def test_requests_are_counted_as_ever_and_each_has_one_row(patient):
    rows, _ = patient
    assert audit((row.index for row in rows), 60) == Audit()
    assert not [row for row in rows if row.outcome == "not_sent"]


def test_a_row_counts_from_the_first_press_and_tells_of_the_last(patient):
    rows, _ = patient
    again = [row for row in rows if row.presses > 1]
    for row in again:
        given_up = read(row.given_up)
        assert row.due_s + given_up[0].sent_s == pytest.approx(row.sent_s, abs=1e-4)
        instants = [at_s for one in given_up for at_s in (one.sent_s, one.end_s)]
        instants += [row.last_sent_s - row.due_s, row.end_s - row.due_s]
        assert instants == sorted(instants)
        for before, sent_s in enumerate([*(one.sent_s for one in given_up[1:]), row.last_sent_s - row.due_s]):
            # No press comes sooner than its wait allows; how much later is the machine's.
            assert sent_s >= given_up[before].end_s + 0.5 * PATIENT.wait_s * 2**before - HAIR_S
    assert all(row.last_sent_s is None for row in rows if row.presses == 1)


def test_a_press_that_takes_too_long_is_given_up_and_its_connection_closed(ran):
    rows, heard = ran[1]
    assert len(rows) == 10
    for row in rows:
        (first,) = read(row.given_up)
        assert (first.outcome, row.presses) == ("timed_out", 2)
        assert first.end_s >= IMPATIENT.patience_s - HAIR_S
    # The last press is waited for, however slow the machine is.
    assert {row.outcome for row in rows} == {"complete"}
    assert len(heard) == 20


def test_a_row_of_a_client_that_asks_once_says_no_more_than_it_did():
    once = Request(index=0, worker=0, due_s=1.0)
    assert (once.presses, once.given_up, once.last_sent_s) == (1, "", None)


def test_each_turn_of_a_conversation_is_one_request_however_often_it_is_asked_for(bench) -> None:
    questions = (
        PlannedQuestion("busy", "busy_once a", turns=("busy_once b", "busy_twice c")),
        PlannedQuestion("whole", "whole a", turns=("whole b",)),
    )
    limits = Limits(stall_s=60.0, deadline_s=60.0)
    with bench.serving() as server:
        of = bench.plan(
            [server.url], [], limits=limits, drain_s=60.0, rate_per_s=20.0, turn_gap_s=0.3, pressing=PATIENT
        )
        child = bench.start(msgspec.structs.replace(of, questions=questions))
        child.begin()
        assert child.wait() == 0, child.log.read_text()
        rows, hits = child.rows(), Counter(heard.nonce for heard in server.heard)
    assert {row.nonce: row.presses for row in rows} == hits
    assert sum(hits.values()) > len(rows)
    assert len({(row.conversation, row.turn) for row in rows}) == len(rows)
    assert {row.outcome for row in rows} == {"complete"}
    turns = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.sent_s):
        turns[row.conversation].append((row.turn, row.question))
    assert any(question == "busy#3" for of in turns.values() for _, question in of)
    assert all([turn for turn, _ in of] == list(range(len(of))) for of in turns.values())
