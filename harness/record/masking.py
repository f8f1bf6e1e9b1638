"""Secrets in what a run writes: whatever form a value takes there, the name that it was filled in by stands in its place.

It stands on the standard library alone, since the keeper, through which all that is printed goes, has nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

LEAST_CHARS = 4
"""A shorter value is not masked: it would stand in every other word."""
_ANYWHERE_CHARS = 8
_AS_A_WORD = rb"(?<![A-Za-z0-9_])%s(?![A-Za-z0-9_])"
_PART_CHARS = 8
_WORD_ENDS = re.compile(r"[\s,;]+")
_NAMED = re.compile(
    r"(?i:key|token|secret|password|passwd|pwd|sig|signature|sas)"
    r'(?:"\s*:\s*"(?P<quoted>(?:[^"\\]|\\.){8,})"|=(?P<said>[^\s;&,"]{8,}))'
)
"""What a value calls a secret itself: ``AccountKey=…;``, ``&sig=…``, ``"private_key": "…"``."""
_CORE_CHARS = 6
_JSON_ESCAPES = ("", "<>&", "<>", "<>&'\"", "<>&='", "<>&'\"+`")
"""What is written by its number: Python's JSON, Go's, Rails's and Django's, PHP's, Newtonsoft's and Laravel's for HTML, Gson's, .NET's."""
_LEFT_IN_URLS = ("", "/", "!$&'()*+,;=:@/", "!'()*", "!'()*;/?:@&=+$,#")
"""What stays as it is in a URL: in parameters and paths of Python, by RFC 3986, and in parts and wholes of JavaScript."""
_MAY_BE_ESCAPED = re.compile(r"""\\\\|\\"|[<>&='+`]""")
_ESCAPE = re.compile(r"\\u[0-9a-f]{4}")
# A text that is shorter than this has not been cut to its length by anybody here: a reason for an end is, at 40 characters.
_CUT_FROM_CHARS = 40
_CUT_CHARS = 4


class Mask:
    """What hides the values of *secrets*, given by name, wherever they stand: as they are, and as others encode them.

    A value of four to seven characters is hidden where it stands as a word of its own, a longer one anywhere.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        forms: dict[bytes, bytes] = {}
        patterns: dict[bytes, bytes] = {}
        for name, value in secrets.items():
            for form in _forms(value):
                raw = form.text.encode("utf-8", "surrogateescape")
                forms.setdefault(raw, b"${%s}" % name.encode())
                patterns.setdefault(raw, re.escape(raw) if form.anywhere else _AS_A_WORD % re.escape(raw))
        # The longest first: a value may be a part of another.
        self._forms = dict(sorted(forms.items(), key=lambda item: -len(item[0])))
        self._any = re.compile(b"|".join(patterns[form] for form in self._forms)) if forms else None

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._forms)

    def text(self, text: str) -> str:
        """*text* without them; what a cut left of one at its end is hidden too."""
        if not self._forms or not text:
            return text
        encoded = text.encode("utf-8", "surrogatepass")
        masked = self.raw(encoded)
        if len(encoded) >= _CUT_FROM_CHARS and (begun := self.begun(masked, _CUT_CHARS)):
            masked = masked[:-begun] + self._named(masked[-begun:])
        return text if masked is encoded else masked.decode("utf-8", "surrogatepass")

    def raw(self, data: bytes) -> bytes:
        """*data* without them; the same object where there are none."""
        # A search for each form is far quicker than one for all of them, and most of what is written has none.
        if self._any is None or not any(form in data for form in self._forms):
            return data
        return self._any.sub(lambda match: self._forms[match[0]], data)

    def begun(self, data: bytes, least: int = 1) -> int:
        """How many bytes at the end of *data*, if any then at *least* so many, may be the beginning of one of them."""
        return max((_overlap(data, form, least) for form in self._forms), default=0)

    def settled(self, data: bytes) -> int:
        """How many bytes of *data* stay what they are, whatever follows: one value may go on where another one ends."""
        at = len(data) - self.begun(data)
        if at < len(data) and self._any is not None:
            ends = (match.start() for match in self._any.finditer(data) if match.start() < at < match.end())
            at = min(ends, default=at)
        return at

    def _named(self, begun: bytes) -> bytes:
        return next(name for form, name in self._forms.items() if form.startswith(begun))


NOTHING = Mask({})
"""Hides nothing."""


class MaskedStream:
    """Bytes that come in pieces, cut anywhere; what may be the beginning of a secret is held back until more has come."""

    def __init__(self, mask: Mask) -> None:
        self._mask, self._held = mask, b""

    def feed(self, piece: bytes) -> bytes:
        """What can be written by now."""
        data = self._held + piece
        told = self._mask.settled(data)
        self._held = data[told:]
        return self._mask.raw(data[:told])

    def finish(self) -> bytes:
        """What was held back: nothing more will come."""
        held, self._held = self._held, b""
        return self._mask.raw(held)


def _overlap(data: bytes, form: bytes, least: int) -> int:
    """The length of the longest true beginning of *form* with which *data* ends; 0 where that is shorter than *least*."""
    at = max(0, len(data) - len(form) + 1)
    while (at := data.find(form[:least], at)) >= 0:
        if form.startswith(data[at:]):
            return len(data) - at
        at += 1
    return 0


class _Form(NamedTuple):
    """One way in which a value is written; *anywhere*: also inside a word."""

    text: str
    anywhere: bool


def _forms(value: str) -> Iterator[_Form]:
    """Every way in which *value*, or a part of it that is a secret by itself, is likely to be written."""
    for part in _parts(value):
        if len(part) >= LEAST_CHARS:
            for written in (part, *_escaped(part)):
                yield _Form(written, len(part) >= _ANYWHERE_CHARS)
            for written in (*_in_base64(part), *_in_base64(f":{part}")):
                yield _Form(written, anywhere=True)


def _parts(value: str) -> Iterator[str]:
    """*value*; its words, as of ``Bearer KEY``, of several keys or of a key of many lines; what it calls a secret itself, as a connection
    string or a JSON document does; the password, where it is an address with one.
    """
    yield value
    yield value.strip()
    words = _WORD_ENDS.split(value)
    if len(words) > 1:
        yield from (word for word in words if len(word) >= _PART_CHARS)
    for match in _NAMED.finditer(value):
        said = match["said"] or match["quoted"]
        yield said
        yield from (line for line in re.split(r"\\n|\s", said) if len(line) >= _PART_CHARS)
    from urllib.parse import unquote

    from harness.reading.hosts import password_of

    if secret := password_of(value):
        yield from (secret, unquote(secret))


def _escaped(value: str) -> Iterator[str]:
    """As in JSON of several makes, in Python, URLs, HTML and a shell."""
    from html import escape
    from urllib.parse import quote, quote_plus

    for plain in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        for letters in _JSON_ESCAPES:
            written = _by_number(plain, letters)
            for cased in (written, _ESCAPE.sub(lambda match: f"\\u{match[0][2:].upper()}", written)):
                yield cased
                yield cased.replace("/", "\\/")  # as PHP does
    raw = value.encode("utf-8", "surrogateescape")
    yield from (repr(value)[1:-1], repr(raw)[2:-1])
    spaced = (quote_plus(raw), quote_plus(raw, safe="*"))
    for quoted in (*(quote(raw, safe=letters) for letters in _LEFT_IN_URLS), *spaced):
        for whole in (quoted, quoted.replace("~", "%7E")):
            yield whole
            yield re.sub("%..", lambda match: match[0].lower(), whole)
    yield from (escape(value), escape(value, quote=False))
    yield escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield value.replace("'", "'\"'\"'")


def _by_number(plain: str, letters: str) -> str:
    """The inside of a JSON string with those of *letters* that are in it by their numbers."""

    def written(match: re.Match[str]) -> str:
        letter = match[0][-1]
        return f"\\u{ord(letter):04x}" if letter in letters else match[0]

    return _MAY_BE_ESCAPED.sub(written, plain)


def _in_base64(value: str) -> Iterator[str]:
    """What of a base64 text depends on *value* alone, whatever stands before and behind it, as in ``user:password``."""
    from binascii import b2a_base64
    from urllib.parse import quote

    raw = value.encode("utf-8", "surrogateescape")
    for before in range(3):
        # Six bits a character; those at both ends share one with their neighbours.
        first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        core = b2a_base64(bytes(before) + raw, newline=False).decode()[first:last]
        if len(core) >= _CORE_CHARS:
            yield core
            yield core.replace("+", "-").replace("/", "_")
            yield core.replace("/", "\\/")  # in JSON, as PHP writes it
            yield from (quoted := quote(core, safe=""), quoted.replace("%2F", "%2f").replace("%2B", "%2b"))
