"""Events out of bytes that are cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.event_stream import Event, EventStream

TEXT = (
    b"\xef\xbb\xbfdata: one\n\n: a comment\r\n\r\nevent: error\r\ndata:two\r\n\r\n"
    b"data: a\rdata: b\r\rid: 3\ndata\n\nevent: alone\n\ndata: last\n\n"
)
EVENTS = [Event(b"", b"one"), Event(b"error", b"two"), Event(b"", b"a\nb"), Event(b"", b"last")]


def read(*pieces: bytes) -> list[Event]:
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)]


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_events_are_the_same_however_the_stream_is_cut(cut: list[int]) -> None:
    ends = [0, *sorted(cut), len(TEXT)]
    assert read(*(TEXT[start:end] for start, end in itertools.pairwise(ends))) == EVENTS


def test_an_event_without_its_blank_line_is_given_at_the_end_and_not_before() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: [DO")) == []
    assert list(stream.feed(b"NE]")) == []
    assert stream.pending_bytes == len(b"data: [DONE]")
    assert list(stream.finish()) == [Event(b"", b"[DONE]")]
    assert list(stream.finish()) == []


def test_what_had_its_blank_line_is_not_given_again() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: x\r\n\r\n")) == [Event(b"", b"x")]
    assert stream.pending_bytes == 0
    assert list(stream.finish()) == []


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_may_end_in_any_of_three_ways(end: bytes) -> None:
    assert read(b"event: e" + end + b"data: x" + end + end) == [Event(b"e", b"x")]
