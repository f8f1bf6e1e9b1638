"""Heads of answers: what clients take is taken, and written anew by what it means; what nobody can read says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.http1.answer_head import Head, UnreadableError, answer_head, header_lines

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("said", "headers", "length", "chunked", "kept"),
    [
        (b"Content-Length: 2\r\n", [(b"Content-Length", b"2")], 2, False, True),
        (b"Content-Length: 2\r\nContent-Length: 2\r\n", [(b"Content-Length", b"2")], 2, False, True),
        (b"content-length: 2, 2\r\n", [(b"content-length", b"2")], 2, False, True),
        (b"Content-Length: +02\r\n", [(b"Content-Length", b"2")], 2, False, True),
        (b"Content-Length : 2\r\n", [(b"Content-Length", b"2")], 2, False, True),
        (b"Content-Length:\r\n 2\r\n", [(b"Content-Length", b"2")], 2, False, True),
        (b"Content-Length:\r\n", [], None, False, False),
        (b"Content-Length: 2\n", [(b"Content-Length", b"2")], 2, False, True),
        (b"Transfer-Encoding: Chunked\r\n", [(b"Transfer-Encoding", b"Chunked")], None, True, True),
        (
            b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
            [(b"Transfer-Encoding", b"chunked")], None, True, True,
        ),
        (
            b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
            [(b"Transfer-Encoding", b"identity"), (b"Content-Length", b"2")], 2, False, True,
        ),
        (b"Transfer-Encoding: gzip\r\n", [(b"Transfer-Encoding", b"gzip")], None, False, False),
        (b"X: a\r\n\tb\r\n  c\r\n", [(b"X", b"a b c")], None, False, False),
        (b"X: a\rb\0c\r\n", [(b"X", b"a b c")], None, False, False),
        (b"Connection: Close\r\nContent-Length: 0\r\n", [(b"Connection", b"Close"), (b"Content-Length", b"0")], 0, False, False),
    ],
)  # fmt: skip
def test_what_clients_take_is_taken(said: bytes, headers, length, chunked, kept) -> None:
    head = answer_head(OK + said + b"\r\n", to_head=False)
    assert (head.status, head.reason, head.headers) == (200, b"OK", headers)
    assert (head.length, head.chunked, head.keep_alive) == (length, chunked, kept)


def test_codings_beside_chunks_are_known_in_their_order() -> None:
    said = b"Transfer-Encoding: deflate\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    assert answer_head(OK + said, to_head=False).codings == (b"deflate", b"gzip")


@pytest.mark.parametrize("line", [b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 103 Hints"])
def test_some_have_no_body_whatever_their_length_says(line: bytes) -> None:
    assert answer_head(line + b"\r\nContent-Length: 9\r\n\r\n", to_head=False).length == 0


def test_an_answer_to_head_has_no_body_and_keeps_its_length() -> None:
    head = answer_head(OK + b"Content-Length: 9\r\n\r\n", to_head=True)
    assert (head.length, head.headers) == (0, [(b"Content-Length", b"9")])


@pytest.mark.parametrize(("version", "said", "kept"), [(b"0", b"", False), (b"0", b"Connection: keep-alive\r\n", True)])
def test_a_server_of_http_1_0_keeps_its_connection_only_where_it_says_so(version, said, kept) -> None:
    text = b"HTTP/1.%b 200 OK\r\n%bContent-Length: 2\r\n\r\n" % (version, said)
    assert answer_head(text, to_head=False).keep_alive is kept


LINES = st.lists(
    st.sampled_from(
        [b"A: b", b"A:b ", b"A:", b"A : b", b" folded", b"\t", b"A: b\r", b"A: \0", b"no colon", b"\xff: x", b"a: b: c", b"A: :"]
    ),
    max_size=5,
)  # fmt: skip


@given(LINES, st.sampled_from([b"\n", b"\r\n"]))
def test_lines_that_are_read_at_once_say_what_they_say_one_by_one(lines: list[bytes], end: bytes) -> None:
    text = OK + b"".join(line + end for line in lines) + end
    try:
        one_by_one: Any = header_lines([line.removesuffix(b"\r") for line in lines])
    except UnreadableError as error:
        one_by_one = str(error)
    said = _said(text)
    assert one_by_one == (said if isinstance(said, str) else said.headers)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_unreadable_and_never_quoted(noise: bytes) -> None:
    for text in (noise + b"\r\n\r\n", OK + noise + b"\r\n\r\n", OK + b"Content-Length: " + noise + b"\n\n"):
        said = _said(text)
        assert said.isascii() if isinstance(said, str) else b"\n" not in b"".join(map(b"".join, said.headers))


def _said(text: bytes) -> Head | str:
    try:
        return answer_head(text, to_head=False)
    except UnreadableError as error:
        return str(error)
