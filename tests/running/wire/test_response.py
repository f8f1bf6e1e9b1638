"""An answer is read the same however its bytes are cut, and whatever comes instead of one ends in a line."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_shapes import answers
from wire_shapes.shape import Shape

from harness.http1.answer_head import UnreadableError
from harness.running.wire.edge.response import ResponseReading

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


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"])
def test_what_is_not_whole_is_not_said_to_be(said: bytes) -> None:
    assert _read([said])[2] is False
