"""Text that somebody else wrote is bounded, and what would act unseen is shown."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.plain_text import one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, Ünïcödé, 漢字 and 🙂", "plain words, Ünïcödé, 漢字 and 🙂"),
        ("two\nlines\r\nmore", "two\nlines\nmore"),
        ("a\tb", "a    b"),
        ("\x1b[2J", "⟨U+001B⟩[2J"),
        ("\x00\x7f\x85", "⟨U+0000⟩⟨U+007F⟩⟨U+0085⟩"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\ufeff\u200b", "⟨U+FEFF⟩⟨U+200B⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\uffff", "⟨U+FFFF⟩"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_what_acts_unseen_is_shown_and_the_rest_is_left_alone(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_text_is_cut_with_a_mark_and_a_short_one_is_not() -> None:
    assert visible("x" * 50, 50) == "x" * 50
    assert visible("x" * 51, 50) == "x" * 50 + "…"


def test_ten_megabytes_become_a_few_hundred_characters() -> None:
    text = "spam " * 2_000_000
    assert len(visible(text, 500)) <= 510
    assert len(one_line(text, 300)) <= 310


def test_a_tower_of_accents_is_no_higher_than_four() -> None:
    assert visible("Z" + "\u0301" * 900 + "!") == "Z" + "\u0301" * 4 + "!"


def test_one_line_is_one_line_even_of_a_text_that_is_mostly_blank() -> None:
    assert one_line("  a \n\n b\t c ") == "a b c"
    assert one_line("a" + " \n" * 10_000 + "b", 20) == "a…"


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(1, 200))
def test_whatever_is_shown_is_bounded_and_can_be_written_in_xml(text: str, most: int) -> None:
    for shown in (visible(text, most), one_line(text, most)):
        assert len(shown) <= most + 14  # the last character may have been spelled out, and the mark
        assert fromstring(f"<a>{escape(shown)}</a>").text or not shown
    assert "\n" not in one_line(text, most)
