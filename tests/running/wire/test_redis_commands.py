"""Commands of Redis are counted in the bytes that pass, however those are cut, and nothing that is said stops the counting of bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.running.wire.tap.redis_commands import RedisCommands


def _array(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def _counted(data: bytes, cuts: list[int] | None = None) -> int:
    counts: list[int] = []
    commands = RedisCommands(counts.append)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for start, end in pairwise(edges):
        commands.asked(data[start:end])
    return sum(counts)


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        (_array(b"PING"), 1),
        (_array(b"SET", b"key", b"v" * 100_000), 1),
        (_array(b"SET", b"k", b"*1\r\n$4\r\nPING\r\n"), 1),
        (_array(b"SET", b"k", b""), 1),
        (_array(b"GET", b"a") * 28, 28),
        (b"PING\r\n", 1),
        (b"PING\nGET a\n", 2),
        (b"\r\n\r\n", 0),
        (b"*0\r\n" + _array(b"PING"), 1),
        (b"*-1\r\n" + _array(b"PING"), 1),
        (_array(b"SUBSCRIBE", b"news") + b"PING\r\n" + _array(b"UNSUBSCRIBE"), 3),
        (_array(b"MULTI") + _array(b"INCR", b"a") + _array(b"EXEC"), 3),
        # What Redis would refuse and close upon is followed no further.
        (_array(b"PING") + b"*1\r\n:5\r\n" + _array(b"PING"), 1),
        (_array(b"PING") + b"*x\r\n" + _array(b"PING"), 1),
        (_array(b"PING") + b"*1\r\n$99999999999999\r\n", 1),
        (b"*1\r\n$4\r\nPI", 0),
    ],
)
@given(cuts=st.lists(st.integers(0, 1 << 20), max_size=8))
def test_each_command_is_counted_once_wherever_it_is_cut(said: bytes, commands: int, cuts: list[int]) -> None:
    assert _counted(said, cuts) == commands


@given(st.lists(st.lists(st.binary(max_size=30), min_size=1, max_size=4), max_size=10), st.lists(st.integers(0, 2000)))
def test_arrays_of_any_bytes_are_counted(said: list[list[bytes]], cuts: list[int]) -> None:
    assert _counted(b"".join(_array(*words) for words in said), cuts) == len(said)


@given(st.lists(st.binary(max_size=200)))
def test_whatever_is_said_it_never_raises(pieces: list[bytes]) -> None:
    commands = RedisCommands(lambda _: None)
    for piece in pieces:
        commands.asked(piece)
        commands.answered(piece)


def test_a_line_without_an_end_is_not_kept() -> None:
    commands = RedisCommands(lambda _: None)
    for _ in range(100):
        commands.asked(bytes(1 << 14))
    assert len(commands._line) <= 1 << 17
