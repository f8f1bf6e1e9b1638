"""Patterns that may take for ever are told from those that only look alike."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reading.ambiguity import runs_away

ENDLESS = [
    "(a+)+", "(a*)*", "(a|a)+", "(a|ab|b)+", "(a?b?)*c", r"(\w+\s?)*$", r"(?:\s*\w+\s*)+", r"(\d{1,3},?){1,400}", "((ab)*|a)*b",
    r"([a-z]+|\d+)*x", "(x+x+)+y", r"(.|\s)*x", "^(([a-z])+.)+[A-Z]([a-z])+$", "([^a]|b)*c", "(?i)(?:ab|A[bc])+x", "(?:a|(?:ab)+|b)*c",
    r"(?s)(.|\n)*x",
]  # fmt: skip
BOUNDED = [
    "", "a", r"(\w+\s)*$", "(?:[^,]*,)*x", "(foo|foobar)+", ".*.*x", "a+b+", r"\d+(\.\d+)?", r"(\d{1,3},?){1,4}", "(a|A)+", "(?i)(a|A)+",
    r"([a-z]|\d)*x", r"(.|\n)*x", "(a++)+", "(?:(?>a+))+x", "refund.{0,40}30 days|30 days.{0,40}refund", "(a|b|c|d)*e", "a{1000}",
    r"^\s*(yes|no|maybe)\b", r"(\d+(,\d+)*;)*", r"(\w+) \1", "(?=a+)(b)*", "(a)?(?(1)b|c)+", "x" * 5_000, "(a?){16}" * 20, "(é|É|[à-ü])*x",
]  # fmt: skip


@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_pattern_that_is_found_in_too_many_ways_is_told(pattern: str) -> None:
    assert runs_away(pattern)


@pytest.mark.parametrize("pattern", BOUNDED, ids=lambda pattern: pattern[:40])
def test_one_that_is_found_in_few_is_not(pattern: str) -> None:
    assert not runs_away(pattern)


PIECES = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map("(?:{0[0]}){0[1]}".format),
    ),
    max_leaves=6,
)


@given(PIECES)
def test_what_is_said_of_a_pattern_is_said_of_it_twice_over_and_raises_nothing(piece: str) -> None:
    re.compile(piece)
    if runs_away(piece):
        assert runs_away(f"x{piece}y")


@given(st.text(alphabet="ab|()*+?.[]^-{}1,\\wds", max_size=20))
def test_any_pattern_that_compiles_is_looked_at(text: str) -> None:
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        try:
            re.compile(text)
        except re.error:
            return
        runs_away(text)
