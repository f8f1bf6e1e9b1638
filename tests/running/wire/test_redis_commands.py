"""Commands of Redis are counted in the bytes that pass, however those are cut, and nothing that is said stops the counting of bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.running.wire.tap.redis_commands import RedisCommands


def _array(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def _counted(data: bytes, cuts: list[int] | None = None) -> tuple[int, int]:
    """How many commands there are, and how many of them are housekeeping."""
    counts: list[tuple[int, int]] = []
    commands = RedisCommands(lambda *both: counts.append(both), lambda: None)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for start, end in pairwise(edges):
        commands.asked(data[start:end])
    return sum(whole for whole, _ in counts), sum(kept for _, kept in counts)


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
    assert _counted(said, cuts)[0] == commands


@pytest.mark.parametrize(
    ("said", "housekeeping"),
    [
        (_array(b"PING") * 3, 3),
        (b"ping\r\nPING hello\r\n", 2),
        (
            _array(b"HELLO", b"3", b"AUTH", b"u", b"p")
            + _array(b"CLIENT", b"SETNAME", b"GET")
            + _array(b"select", b"1"),
            3,
        ),
        (_array(b"PING") + _array(b"GET", b"PING") + _array(b"INFO"), 2),
        (b"GET PING\r\n", 0),
        # Who is told where to ask instead may go past the link from then on.
        (_array(b"SENTINEL", b"get-master-addr-by-name", b"m") + _array(b"GET", b"k"), 1),
        (_array(b"CLUSTER", b"SLOTS") + _array(b"cluster", b"shards") + _array(b"READONLY"), 3),
        (_array(b"PINGS") + _array(b"PIN") + _array(b"P" * 100_000), 0),
        (_array(b"SET", b"PING", b"v" * 100_000), 0),
        # Who listens may say nothing else, and is told what comes.
        (_array(b"PING") + _array(b"SUBSCRIBE", b"news") + _array(b"PING") * 2, 1),
        (_array(b"PSYNC", b"?", b"-1") + _array(b"REPLCONF", b"ACK", b"0") + b"PING\r\n", 0),
        # What is not said to its end is no command.
        (_array(b"PING") + b"*2\r\n$4\r\nPING\r\n", 1),
    ],
)
@given(cuts=st.lists(st.integers(0, 1 << 20), max_size=8))
def test_commands_that_ask_the_store_for_nothing_are_told_apart_wherever_they_are_cut(
    said: bytes, housekeeping: int, cuts: list[int]
) -> None:
    assert _counted(said, cuts)[1] == housekeeping


@pytest.mark.parametrize(("first", "pushed"), [(b"SUBSCRIBE", 2), (b"PING", 0)])
def test_what_is_told_is_pushed_where_the_client_listens(first: bytes, pushed: int) -> None:
    times: list[None] = []
    commands = RedisCommands(lambda *_: None, lambda: times.append(None))
    commands.answered(b"+hello\r\n")
    commands.asked(_array(first, b"news"))
    for _ in range(2):
        commands.answered(b"+OK\r\n")
    assert len(times) == pushed


@given(st.lists(st.lists(st.binary(max_size=30), min_size=1, max_size=4), max_size=10), st.lists(st.integers(0, 2000)))
def test_arrays_of_any_bytes_are_counted(said: list[list[bytes]], cuts: list[int]) -> None:
    assert _counted(b"".join(_array(*words) for words in said), cuts)[0] == len(said)


@given(st.lists(st.binary(max_size=200)))
def test_whatever_is_said_it_never_raises(pieces: list[bytes]) -> None:
    commands = RedisCommands(lambda *_: None, lambda: None)
    for piece in pieces:
        commands.asked(piece)
        commands.answered(piece)


def test_a_line_without_an_end_is_not_kept() -> None:
    commands = RedisCommands(lambda *_: None, lambda: None)
    for _ in range(100):
        commands.asked(bytes(1 << 14))
    assert len(commands._line) <= 1 << 17
