"""What a YAML parser complains about, in the words of the person who made the slip."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

from harness.problems import without_passwords
from harness.reading.yaml.expected import clipped

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
        r"expected (?:<block end>|the node content), but found '\?'",
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
        r"expected ',' or '(.)', but got '([\]}])'",
        "a '{1}' stands here, and the '{opened}' of line {line} is closed by a '{0}'",
    ),
    _Slip(
        r"expected ',' or '(.)', but got .+",
        "a ',' is missing here, or a '{0}' that closes the '{opened}' of line {line}",
    ),
    _Slip(r"expected alphabetic or numeric character.*", "text that begins with & or * has to stand in quotes"),
    _Slip(r"mapping keys are not allowed here", "text that begins with ? has to stand in quotes"),
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
    if (shown := _of_lines(text, begun, line, problem)) is not None:
        return shown
    if opened and (address := _ADDRESS.search("".join(text.splitlines()[line - 1 : line]))):
        return line, f'inside brackets an address with a brace has to stand in quotes: "{address[0]}"'
    for slip in _SLIPS:
        match = re.fullmatch(slip.complaint, problem)
        if match:
            return begun if slip.begun else line, slip.words.format(*match.groups(), opened=opened, line=begun)
    return line, f"this is not YAML: {', '.join(part for part in (context, problem) if part)}"


_BLANK = re.compile("(?:^ *|[:-])([\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff])")
"""What looks like a blank, or like nothing, and is a letter to YAML, where a blank has a meaning."""
_DASH = re.compile(r"\s*([\u2010-\u2015\u2212\u2022\u25aa\u25e6*]|--)\s")
_COLON = re.compile(r"\s*(?:- )?[A-Za-z_][\w.-]*\s*([\uff1a\ufe55\u2236])")
_MERGE = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?: .*)?$", re.MULTILINE)
_ADDRESS = re.compile(r"""(?<!["'\w])[a-z][a-z+]*://[^\s"',{}\[\]]*(?:\{[\w.-]+\}[^\s"',{}\[\]]*)+""")
_KEY = r"(?P<key>[A-Za-z_][\w.-]*)"
_STUCK = re.compile(rf"\s*(?:- )?{_KEY}(?: *:(?P<value>[^\s:/].*|/(?!/).*))")
_STUCK_IN_BRACES = re.compile(rf"""[{{,]\s*{_KEY}:(?P<value>"[^"]*"|'[^']*')""")
_STUCK_DASH = re.compile(r"\s*-(?P<item>[A-Za-z_][\w.-]*:(?: .*)?)")
_EQUALS = re.compile(rf"\s*{_KEY} *= *(?P<value>\S.*[^,\s]|[^,\s])\s*")
_BARE = re.compile(rf"(?P<indent> *){_KEY}(?: +(?P<value>[^\s=].*))?")
_OPENED = re.compile(r"""\s*(?:- )?[\w.-]+: +(?:"[^"]*|'[^']*)""")
_NO_COMMENT = re.compile(r"\s*(?://|/\*)")
_SEMICOLON = re.compile(r"""[{\[](?:[^"'#;]|"[^"]*"|'[^']*')*;""")


def _of_lines(text: str, begun: int, stopped: int, problem: str) -> tuple[int, str] | None:
    """A slip that shows in the lines themselves: in that where the parser stopped, where it began, or the one before it stopped."""
    lines = text.splitlines()
    if merge := _MERGE.search(text):
        what = "a mark of a merge that was not finished; keep one of the two sides, and remove the marks"
        return text.count("\n", 0, merge.start()) + 1, what
    before = _before(lines, stopped)
    for number in sorted({begun, before, stopped}):
        here = lines[number - 1] if 1 <= number <= len(lines) else ""
        if what := _unlike_what_it_seems(here) or _miswritten(here, number == stopped):
            return number, what
    if problem.startswith("mapping values") and (bare := _without_colon(lines, before, stopped)):
        return before, bare
    if problem.startswith("expected <block end>, but found '<scalar>'"):
        opened = next((number for number in range(stopped - 1, 0, -1) if _OPENED.fullmatch(lines[number - 1])), None)
        if opened is not None:
            return opened, f"the quote that opens here is not closed before that of line {stopped}"
    return None


def _before(lines: list[str], number: int) -> int:
    """The line before the one of this *number* that says something; 0 where there is none."""
    said = (at for at in range(min(number - 1, len(lines)), 0, -1) if lines[at - 1].split("#")[0].strip())
    return next(said, 0)


def _unlike_what_it_seems(here: str) -> str:
    """A character that a word processor or a web page has put in the place of a plain one; empty where there is none."""
    if match := _BLANK.search(here):
        return f"a blank here is none, but U+{ord(match[1]):04X}; write a plain one"
    if match := _DASH.match(here):
        return f"a {match[1]} stands here where a list has a -"
    if match := _COLON.match(here):
        return f"a {match[1]} (U+{ord(match[1]):04X}) stands here where a : belongs"
    return ""


def _miswritten(here: str, is_last: bool) -> str:
    """A blank that is missing, or a sign of another language; *is_last*: it is the line at which the parser stopped."""
    if match := _STUCK.fullmatch(here) or _STUCK_IN_BRACES.search(here):
        # A ``key:value`` without a blank is a text to YAML, which goes on in the next line: the parser stops behind it.
        return f"a blank is missing behind the ':'; write {match['key']}: {_shown(match['value'])}"
    if match := _STUCK_DASH.fullmatch(here):
        return f"a blank is missing behind the '-'; write - {_shown(match['item'])}"
    if match := _EQUALS.fullmatch(here):
        return f"a key is followed by a ':', not by a '='; write {match['key']}: {_shown(match['value'])}"
    if _NO_COMMENT.match(here):
        return "a comment begins with #"
    if is_last and _SEMICOLON.search(here):
        return "a ';' stands here where a ',' belongs; text that holds one has to stand in quotes"
    return ""


def _without_colon(lines: list[str], number: int, stopped: int) -> str:
    """What to write for the key in the line of this *number*, which stands in line with that of the line after it, and has no colon."""
    match = _BARE.fullmatch(lines[number - 1]) if number else None
    if match is None or len(match["indent"]) != _indent(lines[stopped - 1]):
        return ""
    above = lines[_before(lines, number) - 1] if _before(lines, number) else ""
    if above and not above.rstrip().endswith(":") and _indent(above) < len(match["indent"]):
        return ""  # a text of several lines
    return f"a ':' is missing behind this key; write {match['key']}: {_shown(match['value'] or '')}".rstrip()


def _shown(value: str) -> str:
    return clipped(without_passwords(value.strip()), 40)


def _indent(here: str) -> int:
    return len(here) - len(here.lstrip())
