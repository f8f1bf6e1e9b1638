"""Unquoted words of YAML 1.2."""

from __future__ import annotations

import pytest

from harness.reading.yaml.plain import scalar


@pytest.mark.parametrize(
    "word",
    ["on", "off", "yes", "No", "y", "12:30", "1_000", "0b1", "=", "<<", "tRUE", "0x", "1.2.3", "3s", "-", "2024-01-01"],
)
def test_words_that_yaml_1_1_reads_into_are_text(word: str) -> None:
    assert scalar(word) == word


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("10", 10),
        ("010", 10),
        ("-3", -3),
        ("0o17", 15),
        ("0xff", 255),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
    ],
)
def test_words_of_the_core_schema_stand_for_their_values(word: str, value: object) -> None:
    assert scalar(word) == value
    assert type(scalar(word)) is type(value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (".inf", ".inf is not a finite number; write one, or put the word in quotes"),
        (".nan", ".nan is not a finite number; write one, or put the word in quotes"),
        ("1e999", "1e999 is not a finite number; write one, or put the word in quotes"),
        ("9" * 5000, "a number of 5000 characters is too long; put it in quotes if it is meant as text"),
    ],
)
def test_numbers_that_no_file_needs_are_refused(word: str, message: str) -> None:
    with pytest.raises(ValueError, match="number") as refused:
        scalar(word)
    assert str(refused.value) == message
