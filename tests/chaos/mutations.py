"""What becomes of bytes that somebody garbled: seeded, so that what was found once can be looked at again."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

_TREACHEROUS = (
    b"\x00", b"\xff", b"\xc3", b"\r", b"\n", b"\r\n\r\n", b" ", b"\t", b"'", b'"', b"\\", b"{", b"}", b"[", b"]", b":", b"- ", b"#",
    b"&a", b"*a", b"!!x", b"NaN", b"Infinity", b"-0", b"1e999", b"-1", b"null", b"true", b'""', b"{}", b"[]", b"0x10", b"9" * 400,
    b"[" * 5000, b"{a: " * 2000, b'{"a":' * 3000, "\u202e".encode(), "\ud7ff\U0010ffff".encode(), b"\xef\xbb\xbf", b"%", b"../", b"${X}",
    b"chunked", b"Content-Length: 5\r\n", b"HTTP/1.1 200 OK\r\n", b"data: ", b"data: [DONE]\n\n", b"ffffffffffffffff\r\n",
)  # fmt: skip


def mutated(data: bytes, random: Random) -> bytes:
    """*data* after one to four slips."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = random.choice(_SLIPS)(data, random)
    return data


def _flip(data: bytes, random: Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _drop(data: bytes, random: Random) -> bytes:
    start, length = random.randrange(len(data) + 1), random.choice((1, 2, 10, 100, 1000))
    return data[:start] + data[start + length :]


def _repeat(data: bytes, random: Random) -> bytes:
    start, length = random.randrange(len(data) + 1), random.choice((1, 10, 100, 1000))
    piece = data[start : start + length]
    return data[:start] + piece * random.choice((2, 3, 50)) + data[start + length :]


def _insert(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(_TREACHEROUS) + data[at:]


def _swap_lines(data: bytes, random: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _another_value(data: bytes, random: Random) -> bytes:
    """A number or a word in the place of another."""
    words = list(re.finditer(rb"-?\d[\d.]*|[A-Za-z_]{3,}", data))
    if not words:
        return data
    word = random.choice(words)
    return data[: word.start()] + random.choice(_TREACHEROUS) + data[word.end() :]


_SLIPS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _cut,
    _drop,
    _repeat,
    _insert,
    _insert,
    _swap_lines,
    _another_value,
    _another_value,
)
