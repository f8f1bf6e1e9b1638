"""What a YAML parser complains about, in the words of the person who made the slip."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

_OPENED_BY = {"flow sequence": "[", "flow mapping": "{"}


@dataclass(frozen=True, slots=True)
class _Slip:
    """A parser's *complaint* and what to say instead; *begun*: the slip is where it began, not where it stopped."""

    complaint: str
    words: str
    begun: bool = False


_TAB = "a tab stands where only spaces may; indent with spaces"
_UNLIKE = "this line is indented unlike the lines around it"
_SLIPS = (
    _Slip(r"found character '\\t' that cannot start any token", _TAB),
    _Slip(r"found a tab character that violates indentation", _TAB),
    _Slip(r"found character (.+) that cannot start any token", "text that begins with {0} has to stand in quotes"),
    _Slip(
        r"mapping values are not allowed here",
        "a ':' too many, or a line indented too far; text that holds ': ' has to stand in quotes",
    ),
    _Slip(r"could not find expected ':'", "a ':' is missing after this key", begun=True),
    _Slip(
        r"found unexpected (end of stream|document separator)", "the quote that opens here is never closed", begun=True
    ),
    _Slip(
        r"found unknown escape character '(.+)'",
        "\\{0} means nothing between double quotes; use single quotes, or write \\\\",
    ),
    _Slip(
        r"expected <block end>, but found '\?'",
        "this key is in line with the '-' of the list; a key of the same item stands under the item's first key, behind the '-'",
    ),
    _Slip(r"expected <block end>, but found ('-'|'<block .+)", _UNLIKE),
    _Slip(
        r"expected <block end>, but found '<scalar>'",
        "text goes on after a closing quote or bracket; a text that holds one has to stand in quotes as a whole",
    ),
    _Slip(
        r"expected <block end>, but found '(.)'", "a '{0}' too many; text that begins with it has to stand in quotes"
    ),
    _Slip(
        r"expected the node content, but found '(.)'",
        "a value is missing before '{0}'; text that begins with it has to stand in quotes",
    ),
    _Slip(
        r"expected the node content, but found '<stream end>'", "the file ends inside a bracket that is never closed"
    ),
    _Slip(r"sequence entries are not allowed here", "a list cannot begin here; put its first '-' on a line of its own"),
    _Slip(r"expected ',' or '.', but got '<stream end>'", "the '{opened}' that opens here is never closed", begun=True),
    _Slip(r"expected ',' or '.', but got '\?'", "text inside brackets that holds a ? has to stand in quotes"),
    _Slip(
        r"expected ',' or '.', but got '\{'",
        'text inside brackets that holds a {{ has to stand in quotes, such as "${{KEY}}"',
    ),
    _Slip(
        r"expected ',' or '(.)', but got .+",
        "a ',' is missing here, or a '{0}' that closes the '{opened}' of line {line}",
    ),
    _Slip(r"expected alphabetic or numeric character.*", "text that begins with & or * has to stand in quotes"),
    _Slip(r"found undefined tag handle.*", "text that begins with ! has to stand in quotes"),
    _Slip(r"expected a comment or a line break.*", "text that begins with > or | has to stand in quotes"),
    _Slip(r"expected chomping or indentation indicators.*", "text that begins with > or | has to stand in quotes"),
    _Slip(r"expected '<document start>', but found .+", "a second document begins here; a file holds one"),
)


def explain(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line of *text* that *error* is about, and what is wrong there."""
    if isinstance(error, ReaderError):
        what = f"the character U+{int(error.character):04X} may not stand in a YAML file; remove it"
        return text.count("\n", 0, error.position) + 1, what
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, f"this is not YAML: {error}"
    stopped = error.problem_mark or error.context_mark
    line = stopped.line + 1 if stopped else 1
    begun = error.context_mark.line + 1 if error.context_mark else line
    problem, context = error.problem or "", error.context or ""
    opened = next((bracket for name, bracket in _OPENED_BY.items() if name in context), "")
    if (stuck := _stuck_to_its_colon(text, begun, line)) is not None:
        return stuck
    if (unlike := _unlike_what_it_seems(text, begun, line)) is not None:
        return unlike
    if opened and (address := _ADDRESS.search("".join(text.splitlines()[line - 1 : line]))):
        return line, f'inside brackets an address with a brace has to stand in quotes: "{address[0]}"'
    for slip in _SLIPS:
        match = re.fullmatch(slip.complaint, problem)
        if match:
            return begun if slip.begun else line, slip.words.format(*match.groups(), opened=opened, line=begun)
    return line, f"this is not YAML: {', '.join(part for part in (context, problem) if part)}"


_BLANK = re.compile("(?:^ *|[:-])([\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff])")
"""What looks like a blank, or like nothing, and is a letter to YAML, where a blank has a meaning."""
_DASH = re.compile(r"\s*([\u2010-\u2015\u2212])\s")


def _unlike_what_it_seems(text: str, begun: int, line: int) -> tuple[int, str] | None:
    """A character that a word processor or a web page has put in the place of a plain one."""
    lines = text.splitlines()
    for number in sorted({begun, line - 1, line}):
        here = lines[number - 1] if 1 <= number <= len(lines) else ""
        if match := _BLANK.search(here):
            return number, f"a blank here is none, but U+{ord(match[1]):04X}; write a plain one"
        if match := _DASH.match(here):
            return number, f"a {match[1]} stands here where a list has a -"
    return None


_ADDRESS = re.compile(r"""(?<!["'\w])[a-z][a-z+]*://[^\s"',{}\[\]]*(?:\{[\w.-]+\}[^\s"',{}\[\]]*)+""")
_STUCK = re.compile(r"\s*(?:- )?(?P<key>[A-Za-z_][\w.-]*):(?P<value>[^\s:/].*)")


def _stuck_to_its_colon(text: str, begun: int, line: int) -> tuple[int, str] | None:
    """A ``key:value`` without a blank is a text to YAML, which goes on in the next line: the parser stops behind it."""
    lines = text.splitlines()
    for number in sorted({begun, line - 1, line}):
        match = _STUCK.fullmatch(lines[number - 1]) if 1 <= number <= len(lines) else None
        if match:
            key, value = match["key"], match["value"].strip()
            return number, f"a blank is missing behind the ':'; write {key}: {value[:40]}"
    return None
