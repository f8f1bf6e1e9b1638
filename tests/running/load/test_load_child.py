"""The load child, really run: conversations, entries, limits, workers, and being stopped or killed."""

from __future__ import annotations

import signal
import time
from array import array
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from harness.judging.scoring.audit import Audit, audit
from harness.planning.recorded import Recorded
from harness.planning.schedule import conversation_count
from harness.record.instrument import PERIOD_S, read
from harness.running.load import LOCUSTFILE, Limits, ResolvedAsk, ready

JSON_ASK = ResolvedAsk(
    "json",
    "/ask",
    body={"question": "{question}", "conversation": "{conversation}", "seen_version": "{seen_version}"},
    answer_pointer="/answer",
    snapshot_version_pointer="/snapshot/version",
)


@pytest.fixture(scope="module")
def slow_starters(bench):
    """Children that take longest to start; all others depend on them, so that they start in the meantime."""
    port = str(bench.free_port())
    argv = [bench.python, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--skip-log-setup", "--processes", "2"]
    argv += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    with bench.serving() as server:
        workers = bench.start(bench.plan([server.url], ["whole"], turn_gap_s=0.11), argv=argv)
        yield workers, bench.start(bench.plan([server.url], ["whole"], ask=ResolvedAsk("jsno")))


@pytest.fixture(scope="module")
def talk(bench, slow_starters):
    """Conversations with a target whose every answer stands on a newer snapshot."""
    with bench.serving() as server:
        changes = {"ask": JSON_ASK, "rate_per_s": 80.0, "turn_gap_s": 0.25, "total_s": 1.2}
        child = bench.start(bench.plan([server.url, server.url], ["versioned", "versioned too"], **changes))
        child.begin()
        assert child.wait() == 0, child.log.read_text()
        yield child, server


def test_it_tells_how_late_it_runs_itself(talk):
    child, _ = talk
    told = read(Path(child.plan.instrument_path), 0.0)
    assert {sample.process for sample in told} == {"load"}
    assert all(sum(sample.counts) == pytest.approx(sample.span_s / PERIOD_S, abs=2) for sample in told)


def test_a_conversation_says_which_version_it_has_seen_and_is_believed(talk):
    child, server = talk
    rows = {row.nonce: row for row in child.rows()}
    for heard in server.heard:
        row = rows[heard.headers["x-request-id"]]
        assert heard.body["seen_version"] == row.seen_version
        assert heard.body["conversation"] == row.conversation
        assert heard.version == row.snapshot_version


def test_a_client_that_is_not_told_to_ask_again_asks_once_under_its_nonce(talk):
    child, server = talk
    rows = {row.nonce: row for row in child.rows()}
    assert sorted(heard.mark for heard in server.heard) == sorted(rows)
    assert {(row.presses, row.given_up, row.last_sent_s) for row in rows.values()} == {(1, "", None)}


def test_the_version_seen_is_the_newest_of_the_turns_that_had_ended(talk):
    conversations = defaultdict(list)
    for row in talk[0].rows():
        conversations[row.conversation].append(row)
    assert len(conversations) == conversation_count(80.0, 0.25, 1) == 20
    for rows in conversations.values():
        for row in rows:
            before = [other.snapshot_version for other in rows if other.end_s <= row.sent_s]
            assert row.seen_version == max(before, default=None)


def test_a_conversation_moves_to_the_other_entry_with_every_turn(talk):
    child, _ = talk
    entries = defaultdict(dict)
    for row in child.rows():
        entries[row.conversation][row.turn] = row.entry
    for turns in entries.values():
        assert all(turns[turn] != turns[turn + 1] for turn in range(len(turns) - 1))
    assert sum(row.entry == "entry-0" for row in child.rows()) == child.plan.schedule.requests / 2


def test_connections_are_used_again(talk):
    """However slow the machine: an entry gets no more of them than requests were under way there at once."""
    child, server = talk
    needed = sum(_at_once([row for row in child.rows() if row.entry == entry]) for entry in ("entry-0", "entry-1"))
    assert server.connections <= needed
    assert server.connections < len(server.heard)


def _at_once(rows):
    """The most that were under way at once; one that ended less than 20 ms before may still hold its connection."""
    return max(sum(other.sent_s <= row.sent_s <= other.end_s + 0.02 for other in rows) for row in rows)


def test_a_question_of_several_turns_brings_its_answers_along(bench):
    with bench.serving() as server:
        recorded = Recorded(array("d", [0.0, 0.05, 1.2, 1.25]).tobytes(), array("q", [0, 1, 0, 1]).tobytes())
        plan = bench.plan([server.url], ["whole"])
        asked = msgspec.structs.replace(plan.questions[0], turns=("whole and then?",), system="whole it is")
        child = bench.start(msgspec.structs.replace(plan, schedule=recorded, questions=(asked,)))
        child.begin()
        assert child.wait() == 0, child.log.read_text()
    rows = sorted(child.rows(), key=lambda row: row.index)
    assert [(row.question, row.turn, row.outcome) for row in rows] == [
        ("whole", 0, "complete"),
        ("whole", 0, "complete"),
        ("whole#2", 1, "complete"),
        ("whole#2", 1, "complete"),
    ]
    assert rows[0].conversation == rows[2].conversation != rows[1].conversation
    said = {heard.nonce: [message["content"] for message in heard.body["messages"]] for heard in server.heard}
    assert said[rows[0].nonce] == ["whole it is", f"whole [{rows[0].nonce}]"]
    assert said[rows[2].nonce] == ["whole it is", "whole", "all at once", f"whole and then? [{rows[2].nonce}]"]


@pytest.fixture(scope="module")
def entries(bench, new_authority):
    """One load on entries each of which fails in its own way before an answer can come."""
    with ExitStack() as stack:
        good = stack.enter_context(bench.serving())
        urls = {
            "refused": f"http://127.0.0.1:{bench.free_port()}",
            "silent": stack.enter_context(bench.full_backlog()),
            "nowhere": "http://no-such-host.invalid",
            "hangs": good.url,
        }
        ours, context = new_authority("127.0.0.1")
        _, untrusted = new_authority("127.0.0.1")
        urls["tls"] = stack.enter_context(bench.serving(context)).url
        urls["untrusted"] = stack.enter_context(bench.serving(untrusted)).url
        limits = Limits(connect_s=1.5, stall_s=20.0, deadline_s=20.0)
        plan = bench.plan(list(urls.values()), ["hangs", "answers"], total_s=0.6, limits=limits, drain_s=2.0)
        child = bench.start(plan, {"SSL_CERT_FILE": str(ours)})
        child.begin()
        assert child.wait() == 0, child.log.read_text()
        names = dict(zip(plan.entries, urls, strict=True))
        rows = defaultdict(list)
        for row in child.rows():
            rows[names[row.entry]].append(row)
        yield rows


@pytest.mark.parametrize(
    ("entry", "outcome", "detail"),
    [
        ("refused", "refused", "[Errno 111]"),
        ("silent", "timed_out", "connect_timeout: no connection within 1.5 s"),
        ("nowhere", "refused", "unreachable: "),
        ("untrusted", "refused", "unreachable: "),
    ],
)
def test_an_entry_that_cannot_be_reached_says_how(entries, entry, outcome, detail):
    assert {row.outcome for row in entries[entry]} == {outcome}
    assert all(row.detail.startswith(detail) and row.status == 0 for row in entries[entry])
    # It was tried: nobody but the entry is to blame.
    assert all(row.sent_s is not None for row in entries[entry])


def test_an_entry_can_be_asked_over_tls(entries):
    assert {row.outcome for row in entries["tls"] if row.question == "answers"} == {"complete"}


def test_what_is_open_when_the_load_has_drained_is_unfinished(entries):
    outcomes = {(row.question, row.outcome) for row in entries["hangs"]}
    assert outcomes == {("hangs", "unfinished"), ("answers", "complete")}
    assert all(row.end_s is None and row.sent_s for row in entries["hangs"] if row.outcome == "unfinished")


def test_what_cannot_be_sent_in_time_or_is_one_too_many_has_a_row_that_says_so(bench):
    with bench.serving() as server:
        limits = Limits(stall_s=20.0, deadline_s=20.0)
        plan = bench.plan(
            [server.url], ["hangs"], in_flight_max=5, limits=limits, total_s=1.5, drain_s=0.1, late_s_max=0.3
        )
        child = bench.start(plan)
        bench.until(child.is_ready)
        child.begin(time.monotonic() - 0.6)  # as if it had been stopped for a while
        assert child.wait() == 0
    rows = sorted(child.rows(), key=lambda row: row.index)
    assert audit((row.index for row in rows), 150) == Audit()
    assert {(row.outcome, row.detail) for row in rows} == {
        ("not_sent", "late"),
        ("unfinished", ""),
        ("not_sent", "as many requests as allowed were open"),
    }
    assert rows[0].detail == "late"
    assert sum(row.outcome == "unfinished" for row in rows) == 5 == len(server.heard)
    assert all(row.sent_s is None for row in rows if row.outcome == "not_sent")


def test_sigterm_writes_a_row_for_each_open_request_and_sends_no_more(bench):
    with bench.serving() as server:
        limits = Limits(stall_s=30.0, deadline_s=30.0)
        child = bench.start(bench.plan([server.url], ["hangs", "whole"], limits=limits, total_s=60.0, drain_s=30.0))
        child.begin()
        bench.until(lambda: len(server.heard) >= 30)
        child.process.send_signal(signal.SIGTERM)
        assert child.wait() == 0, child.log.read_text()
        rows = child.rows()
        assert {heard.headers["x-request-id"] for heard in server.heard} <= {row.nonce for row in rows}
    assert {(row.question, row.outcome) for row in rows} >= {("hangs", "unfinished"), ("whole", "complete")}
    assert all(row.end_s is None for row in rows if row.outcome == "unfinished")
    assert len(rows) < 1000


_ENDED_AT_THE_TWENTIETH_ROW = """
import os, signal
from pathlib import Path
from harness.record.rowfile import RowFile
from harness.running.load.__main__ import main

add, seen = RowFile.add, []

def added(self, row):
    seen.append(row)
    if len(seen) == 20:
        os.kill(os.getpid(), signal.SIGTERM)
    add(self, row)

RowFile.add = added
main(Path("plan.json").resolve())
"""


def test_sigterm_that_comes_while_a_row_is_written_loses_neither_the_row_nor_the_signal(bench):
    with bench.serving() as server:
        argv = [bench.python, "-P", "-c", _ENDED_AT_THE_TWENTIETH_ROW]
        child = bench.start(bench.plan([server.url], ["whole"], total_s=60.0, drain_s=30.0), argv=argv)
        child.begin()
        assert child.wait() == 0, child.log.read_text()
    numbers = sorted(row.index for row in child.rows())
    assert 20 <= len(numbers) < 1000
    assert numbers == list(range(len(numbers)))


def test_a_killed_child_loses_no_request_that_had_ended(bench):
    with bench.serving() as server:
        plan = bench.plan([server.url], ["versioned"], ask=JSON_ASK, turn_gap_s=0.1, rate_per_s=200.0, total_s=60.0)
        child = bench.start(plan)
        child.begin()
        # A version that the child sent back is one whose request it had seen the end of.
        bench.until(lambda: len({heard.body["seen_version"] for heard in server.heard}) > 20)
        child.process.kill()
        child.process.wait(30)
        written = {row.snapshot_version for row in child.rows()}
        ended = {heard.body["seen_version"] for heard in server.heard} - {None}
    assert len(ended) >= 20
    assert ended <= written


def test_workers_share_the_load_without_a_gap_and_keep_each_conversation_on_one_of_them(slow_starters):
    child, _ = slow_starters
    child.begin()
    assert child.wait() == 0, child.log.read_text()
    rows = child.rows()
    assert audit((row.index for row in rows), child.plan.schedule.requests) == Audit()
    assert sum(row.sent_s is not None for row in rows) == 100
    assert {row.worker for row in rows} == {0, 1}
    assert all(row.index % 2 == row.worker for row in rows)
    assert len({(row.conversation, row.worker) for row in rows}) == conversation_count(100.0, 0.11, 2) == 12


def test_a_child_that_cannot_begin_ends_and_says_why_without_having_been_ready(slow_starters):
    _, child = slow_starters
    assert child.wait() == 1
    assert ready(child.plan) is None
    assert "unknown ask protocol 'jsno'; did you mean 'json'?" in child.log.read_text()
