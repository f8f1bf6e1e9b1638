"""A text's sketch says of another text what the text itself would say, but for the last eighth of a beginning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.sketch import Sketch, Sketched, read, sketch, squeezed

TEXTS = st.text(st.characters(exclude_categories=()), max_size=300)


def sketched(text: str) -> Sketched:
    known = read(sketch(text))
    assert known is not None
    return known


@given(st.lists(TEXTS, max_size=8))
def test_it_is_the_same_however_the_text_is_cut(pieces: list[str]) -> None:
    made = Sketch()
    for piece in pieces:
        made.add(piece)
    assert str(made) == sketch("".join(pieces))
    assert sketched("".join(pieces)).is_text(squeezed("".join(pieces)))


def test_it_is_the_same_for_a_long_text_in_small_pieces() -> None:
    text = "".join(f"{number}, " for number in range(5000))
    made = Sketch()
    for at in range(0, len(text), 7):
        made.add(text[at : at + 7])
    assert str(made) == sketch(text) == str(made)


@given(TEXTS, st.integers(0, 300))
def test_every_beginning_is_one_and_the_whole_is_none(text: str, until: int) -> None:
    whole = squeezed(text)
    assert sketched(text).begins_with(whole[:until]) == (until < len(whole))


@given(st.text("abcd", min_size=40, max_size=300), st.data())
def test_what_differs_before_the_last_eighth_is_no_beginning(text: str, data: st.DataObject) -> None:
    until = data.draw(st.integers(20, len(text) - 1))
    at = data.draw(st.integers(0, until * 7 // 8 - 2))
    other = text[:at] + "x" + text[at + 1 : until]
    assert not sketched(text).begins_with(other)
    assert not sketched(text).is_text(text[:-1] + "x")


def test_white_space_makes_no_difference() -> None:
    assert sketch(" It is\n30 days. ") == sketch("It is 30days.")
    assert sketch("It is 30 days.") != sketch("It is 3 days.")


def test_a_long_text_has_a_short_sketch() -> None:
    assert len(sketch("x" * 60_000)) < 500
    assert sketched("x" * 3_000_000).is_text("x" * 3_000_000)


def test_what_is_no_sketch_is_none() -> None:
    assert read("") is None
    assert read("12") is None
