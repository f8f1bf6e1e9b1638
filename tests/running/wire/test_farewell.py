"""The word by which an edge has its tap reset a client is heard wherever it is cut, and nothing else is taken for it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.running.wire.farewell import Farewell, Listening

FAREWELL = Farewell()
WORD, HALF = FAREWELL.say(), FAREWELL.say("half")
BETWEEN = next(bytes([byte]) for byte in range(256) if byte not in WORD + HALF)
"""What goes on with neither word."""


def heard(listening: Listening, text: bytes, cut: list[int]) -> tuple[bytes, str | None]:
    """What came out of *text*, cut at these places, and the last word that was heard."""
    ends = [0, *sorted(each % (len(text) + 1) for each in cut), len(text)]
    out, last = b"", None
    for start, end in itertools.pairwise(ends):
        data, said = listening.hear(text[start:end])
        out, last = out + data, said or last
    return out + listening.rest(), last


@given(st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=8))
def test_what_was_said_before_the_word_comes_whole_and_the_word_does_not(said: bytes, cut: list[int]) -> None:
    assert heard(Listening(FAREWELL), said + WORD, cut) == (said, "reset")
    assert heard(Listening(FAREWELL), said + HALF, cut) == (said, "half")
    assert heard(Listening(FAREWELL), said + HALF + WORD, cut) == (said, "reset")


@given(st.lists(st.integers(0, len(WORD) - 1), max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_beginnings_of_the_word_are_passed_on(beginnings: list[int], cut: list[int]) -> None:
    text = BETWEEN.join(WORD[:size] for size in beginnings)
    assert heard(Listening(FAREWELL), text, cut) == (text, None)


def test_before_it_was_ever_said_nobody_listens_for_it_and_no_two_links_have_the_same() -> None:
    silent = Farewell()
    assert Listening(silent).hear(silent.words["reset"]) == (silent.words["reset"], None)
    assert len({*silent.words.values(), WORD, HALF}) == 4
