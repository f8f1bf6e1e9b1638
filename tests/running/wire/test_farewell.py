"""The word by which an edge has its tap reset a client is heard wherever it is cut, and nothing else is taken for it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.running.wire.farewell import Farewell, Listening

FAREWELL = Farewell()
WORD = FAREWELL.say()


def heard(listening: Listening, text: bytes, cut: list[int]) -> tuple[bytes, bool]:
    """What came out of *text*, cut at these places, and whether the word was heard."""
    ends = [0, *sorted(each % (len(text) + 1) for each in cut), len(text)]
    out = b""
    for start, end in itertools.pairwise(ends):
        data, said = listening.hear(text[start:end])
        out += data
        if said:
            return out, True
    return out + listening.rest(), False


@given(st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=8))
def test_what_was_said_before_the_word_comes_whole_and_the_word_does_not(said: bytes, cut: list[int]) -> None:
    assert heard(Listening(FAREWELL), said + WORD, cut) == (said, True)


@given(st.lists(st.integers(0, len(WORD) - 1), max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_beginnings_of_the_word_are_passed_on(beginnings: list[int], cut: list[int]) -> None:
    text = b"x".join(WORD[:size] for size in beginnings)
    assert heard(Listening(FAREWELL), text, cut) == (text, False)


def test_before_it_was_ever_said_nobody_listens_for_it_and_no_two_links_have_the_same() -> None:
    silent = Farewell()
    assert Listening(silent).hear(silent.word) == (silent.word, False)
    assert silent.word != WORD
