"""The mark of a body: equal for the tries of one call, whatever their nonce and however they come; another one for another call."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from harness.protocols.body_mark import BodyMark
from harness.protocols.nonce import Unmarked, marked, nonce, without

NONCE = nonce("run-7", 5).encode()
PRESSED = marked(nonce("run-7", 5), 2).encode()
SALT = b"salt"


def mark(*pieces: bytes, salt: bytes = SALT) -> int:
    made = BodyMark(salt)
    for piece in pieces:
        made.feed(piece)
    return made.mark


def test_the_tries_of_one_call_have_one_mark_whatever_the_press():
    body = b'{"messages": [{"content": "How long? [%b]"}]}'
    assert mark(body % NONCE) == mark(body % PRESSED) == mark(body % nonce("run-7", 6).encode())


def test_another_call_has_another_mark_and_nothing_has_none():
    assert mark(b"plan %b" % NONCE) != mark(b"tool %b" % NONCE)
    assert mark() == 0


def test_who_does_not_know_the_salt_cannot_try_out_what_stood_in_a_body():
    assert mark(b"yes") != mark(b"yes", salt=b"other")
    assert 0 < mark(b"yes") < 2**48


PARTS = st.lists(
    st.sampled_from([NONCE, PRESSED, b"n-", b"session-", b"\\n", b"x", b"0123456789", b"[", b" ", b"n-00", b"y" * 60]), max_size=14
).map(b"".join)  # fmt: skip


@given(PARTS, st.lists(st.integers(0, 400), max_size=6))
@example(b"session-1764108000" + b"y" * 60, [3, 9])
def test_it_does_not_matter_how_a_body_was_cut(body: bytes, cuts: list[int]):
    at = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    left: list[bytes] = []
    rest = Unmarked(left.append)
    for begin, end in pairwise(at):
        rest.feed(body[begin:end])
    rest.end()
    assert b"".join(left) == without(body)
