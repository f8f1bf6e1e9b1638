"""Every way in which an answer can end, told apart by a load child that was really run."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from time import monotonic

import msgspec
import pytest

from harness.judging.scoring.audit import Audit, audit
from harness.protocols.asking import Asked, HttpRequest, ResolvedAsk
from harness.protocols.protocols import protocol
from harness.running.load.exchange import Answer, ask
from harness.running.load.job import put
from harness.running.load.plan import Limits

ENDINGS = {
    # behaviour: outcome, how the detail begins, status
    "answers": ("complete", "", 200),
    "whole": ("complete", "", 200),
    "from_a_cache": ("complete", "", 200),
    "early_hints": ("complete", "", 200),
    "bytewise": ("complete", "", 200),
    "to_the_close": ("complete", "", 200),
    "done_then_silence": ("complete", "", 200),
    "done_then_reset": ("complete", "", 200),
    "only_done": ("empty", "", 200),
    "no_body": ("empty", "", 200),
    "empty_text": ("empty", "", 200),
    "blanks": ("empty", "", 200),
    "streamed_blanks": ("empty", "", 200),
    "status_500": ("error", 'http 500: {"error": "out of order"}', 500),
    "status_302": ("error", "http 302: elsewhere", 302),
    "redirect": ("error", "http 307: a redirect to 'http://there/ask/', which is not followed", 307),
    "packed": ("complete", "", 200),
    "packed_otherwise": (
        "malformed",
        "no chat completion: JSON is malformed: invalid character (byte 0); its body comes as 'x-lz', which is not known",
        200,
    ),
    "packed_in_no_way": ("complete", "", 200),
    "packed_in_name_alone": ("malformed", "its body is not packed as its content-encoding says", 200),
    "after_a_mark": ("complete", "", 200),
    "status_503_cut": ("error", "http 503: come ba", 503),
    "error_event": ("error", 'error_event: {"message": "no"}', 200),
    "error_in_data": ("error", 'error_event: {"error": {"code": "no"}}', 200),
    "error_in_whole": ("error", "error_event: ", 200),
    "no_done": ("truncated", "unterminated: ", 200),
    "parts": ("complete", "", 200),
    "cut_in_an_event": ("truncated", "cut: in the middle of an event", 200),
    "cut_chunk": ("truncated", "cut: ", 200),
    "cut_length": ("truncated", "cut: ", 200),
    "reset_late": ("reset", "[Errno 104]", 200),
    "reset_early": ("reset", "[Errno 104]", 0),
    "closed_early": ("reset", "closed: ", 0),
    "closed_in_head": ("reset", "closed: ", 0),
    "stalls_first": ("stalled", "nothing came for 1.5 s", 0),
    "stalls_late": ("stalled", "nothing came for 1.5 s", 200),
    "drips_comments": ("timed_out", "", 200),
    "drips_text": ("timed_out", "", 200),
    "bad_chunking": ("malformed", "no HTTP: ", 200),
    "bad_json": ("malformed", "no chat completion: ", 200),
    "bad_whole": ("malformed", "no chat completion: ", 200),
    "other_json": ("malformed", "neither choices nor error", 200),
    "no_http": ("malformed", "no HTTP: ", 0),
    "endless_line": ("malformed", "too_large: ", 200),
}


# Long enough for an answer that comes byte by byte on a machine with much else to do, and shorter than `drips`.
LIMITS = Limits(connect_s=2.5, stall_s=1.5, deadline_s=3.0, body_bytes_max=300_000)
ASK = ResolvedAsk("openai-chat", "/v1/chat/completions", {"Authorization": "Bearer secret"}, "m", cached_mark="x-cache")
ASK = msgspec.structs.replace(
    ASK, prompt_version_at="x-cache", sources_at="/model", context_at="/model", keep_context=True
)


@pytest.fixture(scope="module")
def load(bench):
    """A load in which every question asks for another way to end, and the server that was asked."""
    with bench.serving() as server:
        child = bench.start(
            bench.plan(
                [server.url],
                list(ENDINGS),
                rate_per_s=220.0,
                total_s=1.5,
                turn_gap_s=1.0,
                ask=ASK,
                limits=LIMITS,
                drain_s=4.0,
            )
        )
        child.begin()
        assert child.wait() == 0, child.log.read_text()
        yield child, server


@pytest.fixture(scope="module")
def by_question(load):
    rows = defaultdict(list)
    for row in load[0].rows():
        rows[row.question].append(row)
    return rows


@pytest.mark.parametrize("behaviour", ENDINGS)
def test_every_way_to_end_is_told_apart(by_question, behaviour):
    outcome, detail, status = ENDINGS[behaviour]
    rows = by_question[behaviour]
    assert rows
    for row in rows:
        assert (row.outcome, row.status) == (outcome, status), row
        assert row.detail.startswith(detail) if detail else not row.detail, row


class Silent:
    """Connections on which nothing ever comes, of a loop whose clock is ahead: what was to be waited for is over at once."""

    def take(self, timeout_s):
        return self, False

    def settimeout(self, timeout_s): ...

    def sendall(self, request): ...

    def recv(self, most):
        raise TimeoutError

    def close(self): ...


@pytest.mark.parametrize(
    ("limits", "ended"),
    [
        (Limits(stall_s=9.0, deadline_s=9.0), ("timed_out", "")),
        (Limits(stall_s=3.0, deadline_s=9.0), ("stalled", "nothing came for 3 s")),
    ],
)
def test_where_nobody_says_how_long_an_answer_may_be_silent_the_deadline_ends_it_however_early_that_is_told(
    limits, ended
):
    answer = Answer()
    ask(answer, Silent(), b"", protocol("openai-chat").reader(ASK), monotonic(), limits)
    assert (answer.outcome, answer.detail) == ended


class Broken:
    """A protocol that somebody installed, and that has a defect."""

    def __init__(self, read):
        self.read = read

    def request(self, way, asked):
        return HttpRequest("POST", "/", {}, b"")

    def reader(self, way):
        return self

    def event(self, name, data):
        return self.read()

    def whole(self, body):
        return self.read()


class Answering(Silent):
    """Connections on which one answer comes."""

    def __init__(self, answer):
        self.answer = answer

    def recv(self, most):
        said, self.answer = self.answer, b""
        return said


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("read", "why"),
    [(lambda: {}["text"], "KeyError: 'text'"), (lambda: None, "TypeError: NoneType, where Said is due")],
)
def test_a_protocol_with_a_defect_loses_no_row(kind, read, why):
    answer = Answer()
    said = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 10\r\n\r\ndata: {{}}\n\n".encode()
    put(
        answer,
        Answering(said),
        ASK,
        Broken(read),
        Asked("q", "c", None, "n-1"),
        "http://127.0.0.1:1",
        monotonic(),
        Limits(),
    )
    assert (answer.outcome, answer.detail) == ("malformed", f"its protocol cannot read it: {why}")


@pytest.mark.parametrize(
    ("behaviour", "streamed", "orderly"),
    [
        ("answers", True, True),
        ("done_then_reset", True, True),
        ("to_the_close", True, True),
        ("no_done", True, True),
        ("cut_in_an_event", True, True),
        ("only_done", True, True),
        ("whole", False, True),
        ("status_500", False, True),
        ("cut_chunk", True, False),
        ("cut_length", False, False),
        ("reset_late", True, False),
        ("reset_early", False, False),
        ("stalls_late", True, False),
        ("drips_text", True, False),
        ("error_event", True, False),
    ],
)
def test_a_row_says_whether_a_client_that_looks_for_no_mark_of_the_end_noticed_anything(
    by_question, behaviour, streamed, orderly
):
    assert {(row.streamed, row.orderly) for row in by_question[behaviour]} == {(streamed, orderly)}


def test_a_row_says_by_what_an_answer_is_marked_and_which_model_it_names(by_question):
    assert {(row.cached, row.degraded, row.model) for row in by_question["from_a_cache"]} == {(True, False, "m-1")}
    assert {(row.cached, row.degraded, row.model) for row in by_question["whole"]} == {(False, False, "")}


def test_a_row_says_what_its_answer_names_as_its_grounds(by_question):
    named = {(row.prompt_version, row.sources, row.context, row.context_chars) for row in by_question["from_a_cache"]}
    assert named == {("HIT", "m-1", "m-1", 3)}
    assert {row.context_sha256[:12] for row in by_question["from_a_cache"]} == {sha256(b"m-1").hexdigest()[:12]}
    assert {(row.prompt_version, row.sources, row.context_sha256) for row in by_question["whole"]} == {("", "", "")}


def test_every_planned_request_has_exactly_one_row(load):
    child, _ = load
    rows = child.rows()
    assert child.plan.schedule.requests == len(rows) == 330
    assert audit((row.index for row in rows), 330) == Audit()
    assert all(row.sent_s is not None and row.outcome not in ("not_sent", "unfinished") for row in rows)


def test_a_request_is_never_sent_twice_however_it_ends(load):
    child, server = load
    asked = [heard.headers["x-request-id"] for heard in server.heard]
    assert sorted(asked) == sorted(row.nonce for row in child.rows())


def test_the_child_prints_nothing_while_all_goes_well(load):
    child, _ = load
    assert child.log.read_text() == ""


def test_the_answer_is_all_of_the_text_and_nothing_else(by_question):
    assert {(row.answer, row.chunks) for row in by_question["answers"]} == {("one two three", 3)}
    assert {(row.answer, row.chunks) for row in by_question["whole"]} == {("all at once", 0)}
    assert {row.answer for row in by_question["bytewise"]} == {"ä"}
    assert {row.answer for row in by_question["status_500"]} == {""}


def test_the_first_token_is_the_first_chunk_with_text_not_the_head_nor_the_role(load):
    child, server = load
    text_sent_s = {heard.headers["x-request-id"]: heard.text_sent_s for heard in server.heard}
    rows = [row for row in child.rows() if row.question == "answers"]
    assert rows
    for row in rows:
        assert text_sent_s[row.nonce] <= row.first_token_s <= row.end_s
    # The head came before the text was sent, unless this machine froze for as long as the server waits in between.
    assert any(row.first_byte_s < text_sent_s[row.nonce] for row in rows)


def test_without_streaming_the_first_token_is_the_whole_answer(by_question):
    assert all(row.first_token_s == row.end_s for row in by_question["whole"])


def test_instants_that_never_came_are_none(by_question):
    assert {row.first_token_s for row in by_question["only_done"]} == {None}
    assert {row.first_byte_s for row in by_question["closed_early"]} == {None}
    assert all(row.due_s <= row.sent_s <= row.end_s for rows in by_question.values() for row in rows)


def test_a_turn_says_whether_the_one_before_it_was_still_open(load):
    rows = {(row.conversation, row.turn): row for row in load[0].rows()}
    pairs = [(rows[name, turn - 1], row) for (name, turn), row in rows.items() if turn]
    overlapped = [row for last, row in pairs if last.end_s > row.sent_s]
    at_once = ("reset", "truncated", "malformed")  # what ends otherwise may wait a moment for the end of the message
    apart = [row for last, row in pairs if last.end_s < row.sent_s and last.outcome in at_once]
    assert overlapped
    assert apart
    assert all(row.overlapped for row in overlapped)
    assert not any(row.overlapped for row in apart)


def test_every_request_carries_its_nonce_and_a_trace_made_of_it(load):
    _, server = load
    for heard in server.heard:
        nonce = heard.headers["x-request-id"]
        assert heard.question.endswith(f" [{nonce}]")
        assert heard.headers["authorization"] == "Bearer secret"
    assert len({heard.headers["traceparent"] for heard in server.heard}) == len(server.heard)
