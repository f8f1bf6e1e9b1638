"""Events out of bytes that are cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.event_stream import Block, Blocks, Event, EventStream

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


def blocks(*pieces: bytes) -> list[Block]:
    stream = Blocks()
    return [*(block for piece in pieces for block in stream.feed(piece)), *stream.finish()]


@given(st.lists(st.integers(0, len(TEXT)), max_size=12), st.sampled_from([b"", b"data: no end", b"data: x\r\n\r"]))
def test_blocks_are_the_stream_byte_by_byte_and_say_the_same_events_however_it_is_cut(
    cut: list[int], rest: bytes
) -> None:
    text = TEXT + rest
    ends = [0, *sorted(cut), len(text)]
    found = blocks(*(text[start:end] for start, end in itertools.pairwise(ends)))
    assert b"".join(block.raw for block in found) == text
    plain = EventStream()
    assert [block.event for block in found if block.event] == [*plain.feed(text), *plain.finish()]


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"data: x", b"event: e", b": c"]), max_size=20), st.data())
def test_no_ends_of_lines_however_mixed_part_an_event_from_what_readers_of_streams_make_of_it(
    parts: list[bytes], data: st.DataObject
) -> None:
    text = b"".join(parts)
    at = data.draw(st.integers(0, len(text)))
    found = blocks(text[:at], text[at:])
    assert b"".join(block.raw for block in found) == text
    plain = EventStream()
    assert [block.event for block in found if block.event] == [*plain.feed(text), *plain.finish()]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_block_is_one_event_with_its_blank_line(size: int) -> None:
    text = b": hello\r\n\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n"
    found = blocks(*(text[at : at + size] for at in range(0, len(text), size)))
    said = [(block.raw, block.event.data if block.event else None) for block in found if block.raw != b"\n"]
    whole = [(raw.rstrip(b"\r\n"), data) for raw, data in said]
    assert whole == [(b": hello", None), (b"data: 1", b"1"), (b"data: 2", b"2")]


def test_what_has_not_ended_is_held_and_can_be_had_back() -> None:
    stream = Blocks()
    assert [block.raw for block in stream.feed(b"data: 1\n\ndata: 2\n")] == [b"data: 1\n\n"]
    assert stream.pending_bytes == len(b"data: 2\n")
    assert stream.rest() == b"data: 2\n"
    assert list(stream.finish()) == []
