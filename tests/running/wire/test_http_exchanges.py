from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.record.rowfile import read_rows
from harness.record.rows import Attempt
from harness.running.wire.ledger import Ledger
from harness.running.wire.tap.http_exchanges import HttpExchanges

ASK = b"POST /v1/chat?key=secret HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n{n-00000000aa}"
SAY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Book:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger: Ledger[Attempt] = Ledger(path)
        self.talk = HttpExchanges("east", self.ledger)

    @property
    def rows(self) -> list[Attempt]:
        return list(read_rows(self.path, Attempt))

    @property
    def outcomes(self) -> list[str]:
        return [row.outcome for row in self.rows]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    book = Book(tmp_path / "attempts.rows")
    yield book
    book.ledger.finish()


def test_an_answered_request_is_one_complete_attempt(book: Book) -> None:
    book.talk.asked(ASK)
    book.talk.answered(SAY)

    (row,) = book.rows
    assert (row.link, row.nonce, row.method, row.path) == ("east", "n-00000000aa", "POST", "/v1/chat")
    assert (row.status, row.outcome, row.bytes_out, row.bytes_in) == (200, "complete", len(ASK), len(SAY))
    assert row.sent_s is not None
    assert row.first_byte_s is not None
    assert row.end_s is not None
    assert row.start_s <= row.sent_s <= row.first_byte_s <= row.end_s


def test_a_question_in_the_query_of_a_get_carries_its_nonce_and_the_row_has_no_query(book: Book) -> None:
    for piece in (b"GET /search?q=gift%20[n-0000", b"0000aa] HTTP/1.1\r\nHost: x\r\n\r\n"):
        book.talk.asked(piece)
    book.talk.answered(SAY)
    assert [(row.nonce, row.method, row.path) for row in book.rows] == [("n-00000000aa", "GET", "/search")]


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_it_makes_no_difference_how_the_bytes_are_cut(book: Book, size: int) -> None:
    for text, tell in ((ASK, book.talk.asked), (SAY, book.talk.answered)) * 2:
        for start in range(0, len(text), size):
            tell(text[start : start + size])

    assert [(row.nonce, row.outcome, row.bytes_out, row.bytes_in) for row in book.rows] == [
        ("n-00000000aa", "complete", len(ASK), len(SAY))
    ] * 2


@pytest.mark.parametrize("behind", [ASK, b"nonsense", b"POST / HTTP/1.1\r\nnonsense\r\n\r\n"])
def test_what_follows_the_last_request_takes_no_answer_from_those_before_it(book: Book, behind: bytes) -> None:
    last = ASK.replace(b"Host: x", b"Host: x\r\nConnection: close")
    book.talk.asked(ASK + last + behind)
    book.talk.answered(SAY + SAY)
    book.talk.far_ended(reset=False)
    assert [(row.status, row.outcome) for row in book.rows] == [(200, "complete")] * 2


def test_what_is_no_request_takes_no_answer_from_those_before_it(book: Book) -> None:
    book.talk.asked(ASK + b"GET /a HTTP/1.1\r\nnonsense\r\n\r\n")
    book.talk.answered(SAY + SAY)
    assert sorted((row.status, row.outcome) for row in book.rows) == [(0, "malformed"), (200, "complete")]


def test_pipelined_requests_are_answered_in_their_order(book: Book) -> None:
    book.talk.asked(ASK + ASK.replace(b"00aa", b"00bb"))
    book.talk.answered(SAY + SAY.replace(b"200 OK", b"429 No"))

    assert [(row.nonce, row.status) for row in book.rows] == [("n-00000000aa", 200), ("n-00000000bb", 429)]
    assert sum(row.bytes_out for row in book.rows) == 2 * len(ASK)
    assert sum(row.bytes_in for row in book.rows) == 2 * len(SAY)


def test_marks_are_read_from_headers_and_the_body_has_the_last_word(book: Book) -> None:
    headers = b"traceparent: 00-ab-cd-01\r\nX-Stainless-Retry-Count: 2\r\nx-note: n-00000000cc\r\n"
    book.talk.asked(ASK.replace(b"Host: x\r\n", headers))
    book.talk.answered(SAY)
    book.talk.asked(ASK.replace(b"Host: x\r\n", headers).replace(b"{n-00000000aa}", b"no mark in it."))
    book.talk.answered(SAY)

    assert [(row.nonce, row.traceparent, row.retry_count) for row in book.rows] == [
        ("n-00000000aa", "00-ab-cd-01", 2),
        ("n-00000000cc", "00-ab-cd-01", 2),
    ]


def test_a_row_has_the_nonce_of_its_request_and_the_press_of_its_client_beside_it(book: Book) -> None:
    for said in (b"{n-00000000aa}", b"{n-0000003 00aa", b"{n-000000300aa}"):
        book.talk.asked(ASK.replace(b"Length: 14", b"Length: %d" % len(said)).replace(b"{n-00000000aa}", said))
        book.talk.answered(SAY)
    assert [(row.nonce, row.press) for row in book.rows] == [("n-00000000aa", 0), ("", 0), ("n-00000000aa", 3)]


@pytest.mark.parametrize("name", [b"Authorization", b"api-key", b"X-Api-Key", b"Cookie"])
def test_secrets_are_not_even_searched(book: Book, name: bytes) -> None:
    ask = ASK.replace(b"{n-00000000aa}", b"no mark in it.").replace(b"Host: x", name + b": n-00000000dd")
    book.talk.asked(ask)
    book.talk.answered(SAY)
    assert book.rows[0].nonce == ""


@pytest.mark.parametrize("count", [b"x", b"-1", b"", b"\xb2"])
def test_a_retry_count_that_is_no_number_is_none(book: Book, count: bytes) -> None:
    book.talk.asked(ASK.replace(b"Host: x", b"x-stainless-retry-count: " + count))
    book.talk.answered(SAY)
    assert [(row.retry_count, row.outcome) for row in book.rows] == [(None, "complete")]


@pytest.mark.parametrize(
    ("said", "reset", "outcome", "status"),
    [
        (b"", False, "closed", 0),
        (b"", True, "reset", 0),
        (b"HTTP/1.1 20", False, "truncated", 0),
        (b"HTTP/1.1 20", True, "reset", 0),
        (SAY[:-1], False, "truncated", 200),
        (SAY[:-1], True, "truncated", 200),
        (CHUNKED + b"2\r\nok\r\n", False, "truncated", 200),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", False, "complete", 200),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", False, "complete", 200),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", True, "truncated", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False, "closed", 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + SAY, False, "complete", 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + SAY, False, "complete", 200),
        (b"HTTP/1.1 204 None\r\n\r\n", False, "complete", 204),
        (b"nonsense\r\n\r\n", False, "malformed", 0),
    ],
)
def test_how_the_far_side_ends_names_the_outcome(
    book: Book, said: bytes, reset: bool, outcome: str, status: int
) -> None:
    book.talk.asked(ASK)
    if said:
        book.talk.answered(said)
    book.talk.far_ended(reset=reset)

    (row,) = book.rows
    assert (row.outcome, row.status) == (outcome, status)
    assert row.end_s is not None
    assert not book.talk.owed


def test_an_answer_to_head_has_no_body_whatever_its_length_says(book: Book) -> None:
    book.talk.asked(b"HEAD /a HTTP/1.1\r\n\r\n")
    book.talk.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    book.talk.asked(ASK)
    book.talk.answered(SAY)
    assert [(row.method, row.outcome) for row in book.rows] == [("HEAD", "complete"), ("POST", "complete")]


def test_a_client_that_leaves_ends_what_was_owed_and_nothing_else(book: Book) -> None:
    book.talk.asked(ASK)
    book.talk.answered(SAY)
    book.talk.asked(ASK)
    assert book.talk.unheard_since_s is not None
    book.talk.answered(SAY[:-1])
    assert book.talk.unheard_since_s is None
    book.talk.client_left()
    assert book.outcomes == ["complete", "client_left"]


def test_half_a_request_is_an_attempt_too(book: Book) -> None:
    book.talk.asked(ASK[:-3])
    assert book.talk.halfway
    assert book.talk.unheard_since_s is None
    book.talk.client_left()
    assert [(row.outcome, row.sent_s, row.bytes_out) for row in book.rows] == [("client_left", None, len(ASK) - 3)]


def test_an_answer_that_comes_before_the_request_is_whole_waits_for_its_nonce(book: Book) -> None:
    book.talk.asked(ASK[:-13])
    book.talk.answered(SAY.replace(b"200 OK", b"413 No"))
    assert book.rows == []
    book.talk.asked(ASK[-13:])
    assert [(row.status, row.nonce, row.outcome) for row in book.rows] == [(413, "n-00000000aa", "complete")]


def test_a_request_that_is_not_http_is_malformed_once(book: Book) -> None:
    book.talk.asked(b"POST / HTTP/1.1\r\nno header\r\n\r\n")
    book.talk.asked(ASK)
    book.talk.answered(SAY)
    assert book.outcomes == ["malformed"]


def test_an_upgrade_that_is_not_taken_up_hides_no_later_request(book: Book) -> None:
    asked = ASK.replace(b"Host: x", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA")
    book.talk.asked(asked + asked)
    book.talk.answered(SAY)
    book.talk.answered(SAY)
    assert [(row.nonce, row.outcome) for row in book.rows] == [("n-00000000aa", "complete")] * 2


@pytest.mark.parametrize("size", [1, 7, 50])
def test_an_offer_of_another_protocol_may_come_in_any_pieces(book: Book, size: int) -> None:
    ask = ASK.replace(b"Host: x\r\n", b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n")
    said = ask + ask.replace(b"00aa", b"00bb")
    for at in range(0, len(said), size):
        book.talk.asked(said[at : at + size])
    book.talk.answered(SAY * 2)
    assert [(row.nonce, row.outcome) for row in book.rows] == [
        ("n-00000000aa", "complete"),
        ("n-00000000bb", "complete"),
    ]


def test_no_user_and_no_password_of_an_address_reaches_a_row(book: Book) -> None:
    book.talk.asked(b"GET http://user:secret@elsewhere.test/a/b?key=secret HTTP/1.1\r\nHost: x\r\n\r\n")
    book.talk.answered(SAY)
    book.talk.asked(b"GET HTTP://user:secret@elsewhere.test?key=secret HTTP/1.1\r\nHost: x\r\n\r\n")
    book.talk.answered(SAY)
    assert [row.path for row in book.rows] == ["/a/b", "/"]


def test_what_follows_an_upgrade_is_not_followed(book: Book) -> None:
    book.talk.asked(b"GET /live HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    book.talk.answered(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00")
    book.talk.asked(b"\x81\x05hello")
    book.talk.far_ended(reset=False)
    assert [(row.status, row.outcome) for row in book.rows] == [(101, "complete")]


def test_who_asks_for_a_tunnel_to_somewhere_else_asks_what_no_link_carries(book: Book) -> None:
    book.talk.asked(b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n")
    book.talk.answered(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    book.talk.far_ended(reset=False)
    assert [(row.method, row.outcome) for row in book.rows] == [("CONNECT", "malformed")]


def test_an_attempt_still_open_at_the_end_is_unfinished_and_written_once(book: Book) -> None:
    book.talk.asked(ASK)
    book.ledger.finish()
    book.talk.client_left()
    assert [(row.outcome, row.nonce, row.end_s) for row in book.rows] == [("unfinished", "n-00000000aa", None)]


def test_what_nobody_asked_for_is_not_an_answer(book: Book) -> None:
    book.talk.answered(SAY)
    assert book.rows == []
    assert not book.talk.owed
