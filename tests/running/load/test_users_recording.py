"""What is written of the requests of a locustfile's users, with a clock that stands where it is put, and without Locust."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.planning.schedule import Share
from harness.protocols.nonce import Nonces, NonceSearch, nonce
from harness.record.rows import ELSEWHERE, Request, Sent
from harness.running.load.users.__main__ import LastWords, refused
from harness.running.load.users.outcomes import CutError, elsewhere, outcome_of
from harness.running.load.users.plan import UsersPlan
from harness.running.load.users.recording import Recording, never_heard_of

PLAN = UsersPlan(
    run_id="run-7",
    locustfile="/load/users.py",
    users=2,
    spawn_rate=1.0,
    entries={"east": "http://127.0.0.1:1/api", "west": "http://127.0.0.1:2"},
    total_s=10.0,
    rows_dir="/rows",
    ready_path="/ready",
    start_path="/start",
)
EAST, WEST = "http://127.0.0.1:1/api/hello", "http://127.0.0.1:2/hello"


@dataclass
class Desk:
    """A recording, the rows that it wrote, and its clock."""

    now_s: float = 100.0
    plan: UsersPlan = PLAN
    rows: list[Request] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recording = Recording(self.plan, self, lambda: self.now_s, lambda: self.calls.append("full"))

    def add(self, row: Request) -> None:
        self.rows.append(row)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_request_is_due_when_it_was_asked_for_and_ends_when_locust_was_told(desk: Desk) -> None:
    asked = desk.recording.begins(WEST, user=1)
    desk.recording.answered(asked, 200, 100.2)
    desk.now_s = 100.5
    desk.recording.is_judged(asked, "/hello", 12, None)
    (row,) = desk.rows
    assert (row.due_s, row.sent_s, row.first_byte_s, row.end_s) == (100.0, 100.0, 100.2, 100.5)
    assert (row.outcome, row.status, row.bytes, row.question) == ("complete", 200, 12, "/hello")
    assert (row.index, row.entry, row.nonce, row.conversation, row.turn) == (0, "west", nonce("run-7", 0), "user-1", 0)


def test_that_a_request_has_begun_is_told_before_anybody_knows_what_becomes_of_it(desk: Desk) -> None:
    told: list[Sent] = []
    recording = Recording(PLAN, desk, lambda: desk.now_s, began=told.append)
    recording.begins(WEST, user=1)
    recording.begins(EAST, user=0, due_s=99.5)
    assert (told, desk.rows) == ([Sent(0, 100.0, "west", 1), Sent(1, 99.5, "east", 0)], [])


def test_of_several_workers_each_has_numbers_of_its_own_and_rows_on_the_clock_of_the_run(desk: Desk) -> None:
    told: list[Sent] = []
    plan = msgspec.structs.replace(PLAN, workers=3, requests_max=5)
    recording = Recording(plan, desk, lambda: desk.now_s, lambda: desk.calls.append("full"), told.append, Share(2, 3))
    recording.ahead_s = 90.0
    for user in (2, 5):
        recording.is_judged(recording.begins(WEST, user), "/hello", 0, None)
    assert [(row.index, row.worker, row.due_s, row.nonce) for row in desk.rows] == [
        (2, 2, 10.0, nonce("run-7", 2)),
        (5, 2, 10.0, nonce("run-7", 5)),
    ]
    assert told == [Sent(2, 10.0, "west", 2), Sent(5, 10.0, "west", 5)]
    # Of five requests 0, 1, 2, 3 and 4 the last worker has number 2 alone.
    assert desk.calls == ["full"]


def test_users_of_each_worker_ask_one_entry_after_the_other_and_each_begins_with_another() -> None:
    plan = msgspec.structs.replace(PLAN, workers=2)
    numbers = [[plan.user(nth, worker) for nth in range(4)] for worker in (0, 1)]
    assert sorted(numbers[0] + numbers[1]) == list(range(8))
    assert [[plan.host_of(user) for user in of] for of in numbers] == [
        ["east", "west", "east", "west"],
        ["west", "east", "west", "east"],
    ]
    assert [PLAN.host_of(PLAN.user(nth, 0)) for nth in range(3)] == ["east", "west", "east"]


def test_what_a_lost_worker_had_begun_has_a_row_that_says_so() -> None:
    row = never_heard_of(PLAN, 1, Sent(7, 3.5, "west", 3), "worker 1 was lost: it left")
    assert (row.index, row.worker, row.due_s, row.outcome, row.entry) == (7, 1, 3.5, "unfinished", "west")
    assert (row.conversation, row.nonce, row.detail) == ("user-3", nonce("run-7", 7), "worker 1 was lost: it left")


def test_a_request_of_a_schedule_is_due_when_that_says_so(desk: Desk) -> None:
    asked = desk.recording.begins(WEST, user=1, due_s=99.9)
    desk.recording.is_judged(asked, "/hello", 0, None)
    desk.recording.is_judged(desk.recording.begins(WEST, user=1), "/hello", 0, None)
    assert [(row.due_s, row.sent_s, row.on_schedule) for row in desk.rows] == [
        (99.9, 100.0, True),
        (100.0, 100.0, False),
    ]


def test_the_requests_of_a_user_are_turns_of_one_conversation(desk: Desk) -> None:
    for user in (0, 1, 0):
        desk.recording.is_judged(desk.recording.begins(EAST, user), "/hello", 0, None)
    assert [(row.conversation, row.turn) for row in desk.rows] == [("user-0", 0), ("user-1", 0), ("user-0", 1)]


def test_the_wire_finds_the_mark_and_what_the_locustfile_sets_itself_stays(desk: Desk) -> None:
    for taken in ({}, {"X-Request-ID": "mine"}, {"Traceparent": "theirs"}):
        asked = desk.recording.begins(EAST, 0)
        marks, search = desk.recording.marks(asked, taken), NonceSearch(Nonces("run-7"))
        assert {name.lower() for name in taken}.isdisjoint(marks)
        for name, text in marks.items():
            search.header(name.encode(), text.encode())
        assert search.found == asked.nonce


def test_the_header_that_the_target_file_names_carries_it_too() -> None:
    desk = Desk(plan=msgspec.structs.replace(PLAN, nonce_header="X-Correlation-Id"))
    asked = desk.recording.begins(EAST, 0)
    assert desk.recording.marks(asked, {})["X-Correlation-Id"] == asked.nonce


@pytest.mark.parametrize("url", ["http://127.0.0.1:3/hello", "https://127.0.0.1:2/hello", "http://shop.example/"])
def test_what_is_at_no_entry_is_not_sent(desk: Desk, url: str) -> None:
    asked = desk.recording.begins(url, 0)
    assert asked.entry == ""
    desk.recording.is_judged(asked, url, 0, elsewhere("http://shop.example"))
    (row,) = desk.rows
    assert (row.outcome, row.sent_s, row.detail) == ("not_sent", None, f"{ELSEWHERE}http://shop.example")


def test_of_a_stream_that_is_told_of_at_its_head_the_end_decides(desk: Desk) -> None:
    asked = desk.recording.begins(EAST, 0)
    desk.recording.answered(asked, 200, 100.1)
    desk.recording.streams(asked)
    desk.recording.is_judged(asked, "/stream", 0, None)
    assert desk.rows == []
    desk.recording.piece(asked, 4)
    desk.now_s = 103.0
    desk.recording.is_read(asked, CutError("closed"))
    (row,) = desk.rows
    assert (row.outcome, row.end_s, row.bytes, row.streamed) == ("truncated", 103.0, 4, True)


def test_a_stream_that_nobody_reads_is_over_when_it_is_dropped(desk: Desk) -> None:
    asked = desk.recording.begins(EAST, 0)
    desk.recording.answered(asked, 200, 100.1)
    desk.recording.streams(asked)
    desk.recording.is_judged(asked, "/stream", 0, None)
    desk.recording.is_read(asked)
    assert [row.outcome for row in desk.rows] == ["complete"]


def test_whatever_is_told_twice_has_one_row(desk: Desk) -> None:
    asked = desk.recording.begins(EAST, 0)
    for _ in range(2):
        desk.recording.is_judged(asked, "/hello", 0, None)
    desk.recording.broke_off(asked, ValueError("late"))
    assert len(desk.rows) == 1


def test_what_is_open_at_the_end_is_unfinished_and_what_begins_then_has_no_row(desk: Desk) -> None:
    asked = desk.recording.begins(EAST, 0)
    desk.recording.give_up()
    desk.recording.is_judged(asked, "/hello", 0, None)
    late = desk.recording.begins(EAST, 0)
    assert desk.recording.marks(late, {}) == {}
    desk.recording.is_judged(late, "/logout", 0, None)
    assert [(row.outcome, row.end_s, row.question) for row in desk.rows] == [("unfinished", None, "/api/hello")]


def test_a_client_of_the_locustfiles_own_has_a_row_and_no_mark(desk: Desk) -> None:
    desk.recording.told("call", 0.25, 3, None, user=1, host="http://127.0.0.1:2")
    (row,) = desk.rows
    assert (row.due_s, row.end_s, row.outcome, row.status) == (99.75, 100.0, "complete", 0)
    assert (row.question, row.nonce, row.entry) == ("call", "", "west")


def test_a_locustfile_can_mark_its_next_request_itself(desk: Desk) -> None:
    mark = desk.recording.nonce_of_next(1)
    assert desk.recording.nonce_of_next(1) == mark
    other = desk.recording.begins(EAST, user=0)
    desk.recording.told("call", 0.25, 3, None, user=1, host="http://127.0.0.1:2", whose=1)
    desk.recording.is_judged(other, "/hello", 0, None)
    assert [(row.question, row.nonce) for row in desk.rows] == [("call", mark), ("/hello", nonce("run-7", 1))]


def test_what_a_client_of_the_files_own_sends_has_the_mark_of_the_row_that_locust_is_told_of(desk: Desk) -> None:
    marks = desk.recording.sends("a greenlet", "127.0.0.1", 2, {"Traceparent": "theirs"})
    assert marks == {"x-request-id": nonce("run-7", 0)}
    assert desk.recording.sends("a greenlet", "127.0.0.1", 2, ()) == desk.recording.sends(
        "a greenlet", "127.0.0.1", 2, ()
    )
    other = desk.recording.begins(EAST, user=1, whose="a greenlet")
    desk.recording.is_judged(other, "/hello", 0, None)
    desk.recording.told("call", 0.25, 3, "busy", user=1, host="http://127.0.0.1:2", whose="a greenlet", status=503)
    told = [(row.question, row.nonce, row.status) for row in desk.rows]
    assert told == [("/hello", nonce("run-7", 1), 0), ("call", nonce("run-7", 0), 503)]
    assert desk.recording.sends("a greenlet", "127.0.0.1", 2, ())["x-request-id"] == nonce("run-7", 2)


def test_what_a_client_of_the_files_own_sends_elsewhere_or_when_the_load_is_over_has_no_mark(desk: Desk) -> None:
    assert desk.recording.sends("a greenlet", "127.0.0.1", 3, ()) == {}
    desk.recording.give_up()
    assert desk.recording.sends("a greenlet", "127.0.0.1", 2, ()) == {}
    assert desk.rows == []


def test_what_a_client_of_the_files_own_is_at_when_the_load_ends_is_unfinished(desk: Desk) -> None:
    desk.recording.sends("a greenlet", "127.0.0.1", 2, (), user=1)
    desk.now_s = 103.0
    desk.recording.give_up()
    (row,) = desk.rows
    assert (row.index, row.outcome, row.sent_s, row.entry) == (0, "unfinished", 100.0, "west")
    assert (row.conversation, row.nonce) == ("user-1", nonce("run-7", 0))


def test_a_mark_that_nobody_used_is_no_request_that_was_lost(desk: Desk) -> None:
    desk.recording.nonce_of_next(0)
    desk.recording.is_judged(desk.recording.begins(EAST, user=1), "/hello", 0, None)
    desk.recording.give_up()
    assert sorted((row.index, row.outcome) for row in desk.rows) == [(0, "not_sent"), (1, "complete")]


def test_the_load_is_full_when_as_many_have_begun_as_are_allowed() -> None:
    desk = Desk(plan=msgspec.structs.replace(PLAN, requests_max=2))
    desk.recording.begins(EAST, 0)
    assert desk.calls == []
    desk.recording.begins(EAST, 0)
    assert desk.calls == ["full"]


def test_why_a_locustfile_cannot_be_loaded_is_told_in_one_sentence(tmp_path: Path) -> None:
    words, file = LastWords(), str(tmp_path / "users.py")
    words.emit(logging.LogRecord("locust", logging.WARNING, "", 0, "few files may be open", (), None))
    assert refused(SystemExit(2), file, words.error) == (
        f"{file}: Locust ended with 2 before its users could begin; see load.log"
    )
    words.emit(logging.LogRecord("locust", logging.ERROR, "", 0, "No User class found!", (), None))
    assert refused(SystemExit(1), file, words.error) == f"{file}: No User class found!"
    assert (
        refused(SyntaxError("invalid", (file, 3, 1, "")), file, "")
        == f"{file}:3: SyntaxError: invalid (users.py, line 3)"
    )


def named(name: str, of: type[BaseException] = Exception) -> BaseException:
    """An exception as some library has it: it is known by its name."""
    error: BaseException = type(name, (of,), {})("said")
    return error


def _wrapped(error: Exception, cause: BaseException) -> Exception:
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("failure", "status", "outcome"),
    [
        (None, 200, "complete"),
        (None, 404, "complete"),  # the locustfile said that it is a success
        (ConnectionRefusedError(111, "refused"), 0, "refused"),
        (_wrapped(OSError("Max retries"), ConnectionRefusedError()), 0, "refused"),
        (ConnectionResetError(104, "reset"), 0, "reset"),
        (OSError("aborted", ConnectionResetError()), 0, "reset"),
        (named("ReadTimeout", OSError), 0, "stalled"),
        (named("IncompleteRead"), 200, "truncated"),
        (named("GreenletExit", BaseException), 0, "unfinished"),
        (named("CatchResponseError"), 200, "error"),
        (Exception("Service Unavailable"), 503, "error"),
        ("a text alone", 0, "error"),
    ],
)
def test_failures_are_told_in_our_words(failure: Any, status: int, outcome: str) -> None:
    assert outcome_of(failure, status)[0] == outcome
