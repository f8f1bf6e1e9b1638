"""An answer is read the same however its bytes are cut, and whatever comes instead of one ends in a line."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_shapes import answers
from wire_shapes.shape import Shape

from harness.http1.answer import ResponseReading
from harness.http1.answer_head import UnreadableError

SHAPES = [*answers.PASSED, *answers.READ_ALONG, *answers.UNREADABLE]
SMALL = [shape for shape in SHAPES if len(shape.answers) < 2000]


def _read(pieces: list[bytes]) -> tuple[object, ...]:
    reading, error = ResponseReading(to_head=False), ""
    for piece in pieces:
        try:
            reading.feed(piece)
        except UnreadableError as unreadable:
            error = str(unreadable)
            break
    body = b"".join(reading.pieces)
    return reading.head, body, reading.whole, reading.keep_alive, [head.status for head in reading.interim], error


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_byte_by_byte_it_is_the_same(shape: Shape) -> None:
    said = shape.answers
    assert _read([said[at : at + 1] for at in range(len(said))])[:5] == _read([said])[:5]


@given(st.sampled_from(SMALL), st.lists(st.integers(0, 2000), max_size=8))
def test_in_any_pieces_it_is_the_same(shape: Shape, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(shape.answers)) for cut in cuts), len(shape.answers)]
    pieces = [shape.answers[begin:end] for begin, end in pairwise(ends)]
    assert _read(pieces)[:5] == _read([shape.answers])[:5]


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_whatever_comes_is_read_or_ends_in_one_line(noise: bytes, before: bytes) -> None:
    assert "\n" not in str(_read([before + noise])[-1])


_NO_END = "something else where its end should be"
_NO_SIZE = "what is no hexadecimal number for its size"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_chunks_whose_lines_end_in_lf_alone_are_read_as_they_come() -> None:
    reading = ResponseReading(to_head=False)
    reading.feed(CHUNKED.replace(b"\r", b"") + b"5\nhello\n6;a=b\n wor")
    assert (b"".join(reading.pieces), reading.whole) == (b"hello wor", False)
    reading.feed(b"ld\n0\nX: 1\n")
    assert (b"".join(reading.pieces), reading.whole) == (b"hello world", False)
    reading.feed(b"\n")
    assert (reading.whole, reading.excess) == (True, False)


@pytest.mark.parametrize(
    ("behind", "told"),
    [
        (b"X-T: 1\r\nx-t:2\n", [(b"X-T", b"1"), (b"x-t", b"2")]),
        (b"nonsense\r\nX-T: 1\r\n", []),
        (b"X T: 1\r\n", []),
        (b"", []),
    ],
)
def test_a_trailer_is_told_and_what_is_none_spoils_nothing(behind: bytes, told: list[tuple[bytes, bytes]]) -> None:
    reading = ResponseReading(to_head=False)
    reading.feed(CHUNKED + b"2\r\nok\r\n0\r\n" + behind + b"\r\n")
    assert (b"".join(reading.pieces), reading.whole) == (b"ok", True)
    assert reading.head is not None
    assert reading.head.trailers == told


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        (b"5\r\nhelloworld\r\n", _NO_END),
        (b"5\r\nhello\rX", _NO_END),
        (b"five\r\nhello\r\n", _NO_SIZE),
        (b"\r\n5\r\nhello\r\n", _NO_SIZE),
        (b"-5\r\nhello\r\n", _NO_SIZE),
        (b"0x5\r\nhello\r\n", _NO_SIZE),
        (b"5 5\r\nhello\r\n", _NO_SIZE),
        (b"8000000000000000\r\n", "a size of more than 63 bits"),
        (b"5;" + b"a" * 20_000, "a line of more than 16384 bytes"),
        (b"0\r\n" + b"a: b\r\n" * 70_000, "a trailer of more than 262144 bytes"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_what_is_no_chunk_is_told_and_not_quoted_since_a_secret_may_be_in_it(chunks: bytes, told: str) -> None:
    assert _read([CHUNKED + chunks])[-1] == f"a chunk of the provider's answer cannot be read: it has {told}"


@pytest.mark.parametrize(
    ("behind", "whole", "told"),
    [
        (b"0\r\n", True, []),
        (b"0", True, []),
        (b"00;a=b\r", True, []),
        (b"0\r\nX-T: 1\r\nX-", True, [(b"X-T", b"1")]),
        (b"", False, []),
        (b"1", False, []),
        (b"5\r\nhel", False, []),
    ],
)
def test_with_its_last_chunk_an_answer_is_whole_whatever_should_stand_behind_it_and_its_connection_is_used_no_more(
    behind: bytes, whole: bool, told: list[tuple[bytes, bytes]]
) -> None:
    reading = ResponseReading(to_head=False)
    reading.feed(CHUNKED + b"2\r\nok\r\n" + behind)
    assert not reading.whole
    reading.finish()
    assert (reading.whole, reading.keep_alive) == (whole, False)
    assert reading.head is not None
    assert reading.head.trailers == told


@pytest.mark.parametrize(("more", "excess"), [(b"", False), (b"\r\n", False), (b"HTTP/1.1 200 OK\r\n", True)])
def test_what_follows_the_last_chunk_is_told_unless_it_is_a_line_end_too_many(more: bytes, excess: bool) -> None:
    reading = ResponseReading(to_head=False)
    reading.feed(CHUNKED + b"0\r\n\r\n" + more)
    assert (reading.whole, reading.excess) == (True, excess)


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"])
def test_what_is_not_whole_is_not_said_to_be(said: bytes) -> None:
    assert _read([said])[2] is False
