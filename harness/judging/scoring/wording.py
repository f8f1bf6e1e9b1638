"""What a text says, apart from how it is written: its normalised wording, and the facts in it.

Likeness of texts cannot tell a paraphrase from a contradiction ("30 days" and "14 days" are nearly the same
text); facts can.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import category, normalize

_UNITS: Final[dict[str, str]] = {
    alias: unit
    for unit, aliases in {
        "ms": "millisecond milliseconds msec",
        "s": "sec secs second seconds",
        "min": "mins minute minutes",
        "h": "hr hrs hour hours",
        "day": "days d",
        "week": "weeks",
        "month": "months",
        "°c": "celsius",
        "year": "years yr yrs",
        "%": "percent pct",
        "m": "metre metres meter meters",
        "km": "kilometre kilometres kilometer kilometers",
        "kg": "kilogram kilograms",
        "g": "gram grams",
        "kb": "kilobyte kilobytes",
        "mb": "megabyte megabytes",
        "gb": "gigabyte gigabytes",
        "tb": "terabyte terabytes",
        "eur": "€ euro euros",
        "usd": "$ dollar dollars",
        "gbp": "£ pound pounds",
        "am": "",
        "pm": "",
        "token": "tokens",
        "request": "requests",
    }.items()
    for alias in (unit, *aliases.split())
}
_WORDS: Final[dict[str, int]] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_MONTHS: Final[dict[str, int]] = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_MONTH = rf"(?P<{{}}>{'|'.join(_MONTHS)})[a-z]*\.?"
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SCALE = r"(?:\s?(?P<{}>million|billion)\b)?"
_FROM_A_DIGIT = (
    r"(?P<iso>\d{4}-\d{2}-\d{2}\b)",
    rf"(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH.format('month1')},?\s+(?P<year1>\d{{4}})\b",
    r"(?P<apart>\d+(?:[/:.]\d+){2,}\b|\d+[:/]\d+\b)",  # a date in digits, a version, a time of day
    rf"(?P<money>[$€£])\s?(?P<sum>{_DIGITS}){_SCALE.format('scale1')}",
    rf"(?P<number>[-+]?{_DIGITS}){_SCALE.format('scale2')}(?:[\s-]?(?P<unit>{_UNIT})(?![^\W_]))?(?![^\W_])",
    r"(?P<id1>\d+[a-z](?:[._-]?[a-z\d])*)",
)
_FROM_A_LETTER = (
    r"(?P<url>https?://[^\s<>\"']+)",
    r"(?P<not>(?:not|no(?!\.\s?\d)|never|none|nor|neither|cannot|without|[a-z]+n't)\b)",
    rf"{_MONTH.format('month2')}\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year2>\d{{4}})\b",
    rf"(?P<word>{'|'.join(_WORDS)})[\s-](?P<measure>{_UNIT})\b",
    r"(?P<id2>[a-z][a-z._-]*\d(?:[._-]?[a-z\d])*)",
)
# Split by what it starts with, as nearly every place in a text can then be ruled out at once.
_FACT: Final = re.compile(
    rf"(?<![\w.])(?=[\d$€£+-])(?:{'|'.join(_FROM_A_DIGIT)})|(?<![^\W_])(?=[a-z])(?:{'|'.join(_FROM_A_LETTER)})"
)
_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]+")


@lru_cache(maxsize=4096)
def normalised(text: str) -> str:
    """*text* in one spelling: compatible characters, case, punctuation and white space make no difference."""
    folded = _folded(text)
    if not folded.isascii():
        folded = "".join(" " if category(c)[0] in "PZC" else c for c in folded)
    return " ".join(_PUNCTUATION.sub(" ", folded).split())


@lru_cache(maxsize=4096)
def facts(text: str) -> frozenset[str]:
    """What *text* commits itself to: numbers with their units, dates, identifiers, URLs, and ``not`` for any denial.

    The same fact gives the same string: ``30 days``, ``30-day`` and ``thirty days`` are all ``30 day``.
    """
    return frozenset(_fact(match) for match in _FACT.finditer(_folded(text)))


def _folded(text: str) -> str:
    return normalize("NFKC", text).casefold().replace("’", "'").replace("\u2212", "-")


def _fact(match: re.Match[str]) -> str:
    found = match.groupdict()
    for i in "12":
        if found[f"year{i}"]:
            return f"{found[f'year{i}']}-{_MONTHS[found[f'month{i}']]:02}-{int(found[f'day{i}']):02}"
    if found["not"]:
        return "not"
    if found["word"]:
        return f"{_WORDS[found['word']]} {_UNITS[found['measure']]}"
    if found["money"] or found["number"]:
        unit = found["money"] or found["unit"]
        parts = (_number(found["sum"] or found["number"]), found["scale1"] or found["scale2"], unit and _UNITS[unit])
        return " ".join(part for part in parts if part)
    return match[0].rstrip(".,;:!?)")


def _number(written: str) -> str:
    """*written* without separators of thousands, a plus, or zeros that say nothing."""
    plain = written.replace(",", "").lstrip("+")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
