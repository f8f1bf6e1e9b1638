"""What an unquoted word of YAML 1.2 stands for: booleans are true and false; ``on``, ``yes``, ``12:30`` are text."""

from __future__ import annotations

import re
from math import isfinite

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""A value as JSON knows it."""

_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BOUNDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS_MAX = 300


def scalar(word: str) -> bool | int | float | str | None:
    """The value of an unquoted *word*; raises ValueError for a number that is not finite, or absurdly long."""
    if word in _WORDS:
        return _WORDS[word]
    if _BOUNDLESS.fullmatch(word):
        raise ValueError(f"{word} is not a finite number; write one, or put the word in quotes")
    based = _BASED.fullmatch(word) is not None
    if not based and not _FLOAT.fullmatch(word):
        return word
    if len(word) > _DIGITS_MAX:
        raise ValueError(f"a number of {len(word)} characters is too long; put it in quotes if it is meant as text")
    if based or _DECIMAL.fullmatch(word):
        return int(word, 0 if based else 10)
    if not isfinite(float(word)):
        raise ValueError(f"{word} is not a finite number; write one, or put the word in quotes")
    return float(word)
