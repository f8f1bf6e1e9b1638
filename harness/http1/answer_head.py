"""The head of an answer, read as leniently as clients read it, and written anew by what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from harness.http1.headers import Headers, by_name

# An empty line, whatever ends the lines; robust clients take LF alone (RFC 9112, 2.2).
END_OF_HEAD = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.(\d)[ \t]+([1-9]\d{2})(?:[ \t]+(.*))?", re.DOTALL)
_OTHER_PROTOCOLS = (
    (b"\x15\x03", "the provider speaks TLS; its address would begin with https"),
    (b"\x16\x03", "the provider speaks TLS; its address would begin with https"),
    (b"HTTP/2", "the provider's status line is not of HTTP/1.x"),
    (b"\x00\x00", "the provider speaks HTTP/2, of which nothing is passed here"),
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[^ \t\r\0][^\r\0]*)?(?<![ \t:]))")
"""A header line in which nothing has to be put right."""
_PLAIN_LINES = re.compile(
    rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[^ \t\r\n\0][^\r\n\0]*)?(?<![ \t:]))\r?\n", re.MULTILINE
)
"""The same, wherever it stands, with its end."""
_LENGTH = re.compile(rb"\+?[0-9]{1,18}")
_LENGTH_CHARS_MAX = 18
_SAY_MORE = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_THEIR_CHARS = frozenset(map(len, _SAY_MORE))
_BODILESS = (204, 304)


class UnreadableError(Exception):
    """What a provider said is no answer. The message says why, and quotes nothing, since a secret may be in it."""


class Head(msgspec.Struct, frozen=True):
    """The head of an answer, and how its body is framed.

    *length*: of the body, in bytes; None where *chunked* says where it ends, or the end of the connection does.
    *codings*: what else was done to the body for the way, in order, such as ``gzip``; it is passed on as it is (RFC 9112, 6.1).
    """

    status: int
    reason: bytes
    headers: Headers
    length: int | None = None
    chunked: bool = False
    codings: tuple[bytes, ...] = ()
    keep_alive: bool = False
    trailers: Headers = msgspec.field(default_factory=list)
    """What came behind the body, once it is whole."""
    said: Mapping[bytes, bytes] = msgspec.field(default_factory=dict)
    """What `by_name` has of the headers; empty where nobody has looked."""

    @property
    def interim(self) -> bool:
        """Whether another head follows (RFC 9110, 15.2)."""
        return 100 <= self.status < 200 and self.status != 101

    @property
    def framed(self) -> bool:
        """Whether it says where its body ends, or has none."""
        return self.chunked or self.length is not None


def answer_head(text: bytes, *, to_head: bool) -> Head:
    """What *text* says, which ends with an empty line; *to_head*: it answers a HEAD, and so has no body.

    Folded lines become one (RFC 9112, 5.2), blanks before a colon go (5.1), equal lengths become one (6.3), and a length beside chunks
    goes (6.3). Raises UnreadableError.
    """
    first, _, rest = text.lstrip(b"\r\n").partition(b"\n")
    match = _STATUS_LINE.fullmatch(first.removesuffix(b"\r"))
    if match is None:
        raise UnreadableError(_no_status_line(text))
    status, headers = int(match[2]), _headers(rest)
    first_said = by_name(headers)
    said = _saying_more(headers, first_said)
    codings = _codings(said[b"transfer-encoding"]) if b"transfer-encoding" in said else []
    chunked = codings[-1:] == [b"chunked"]
    length = None
    if lengths := said.get(b"content-length"):
        length = None if codings else _length(lengths)
        if length is None or lengths != [b"%d" % length]:
            headers = _framed_once(headers, length, coded=bool(codings))
    if to_head or status in _BODILESS or status < 200:
        length, chunked = 0, False
    kept = _kept(match[1], said[b"connection"]) if b"connection" in said else match[1] != b"0"
    keep_alive = (chunked or length is not None) and kept
    others = tuple([coding for coding in codings if coding != b"chunked"]) if codings else ()
    reason = match[3] or b""
    return Head(
        status,
        reason if reason.isalpha() else _plain(reason),
        headers,
        length,
        chunked,
        others,
        keep_alive,
        [],
        first_said,
    )


def _headers(lines: bytes) -> Headers:
    """What the header *lines* say, the last of which is empty."""
    plain: Headers = _PLAIN_LINES.findall(lines)
    if len(plain) == lines.count(b"\n") - 1:
        return plain
    return header_lines([line.removesuffix(b"\r") for line in lines.split(b"\n")])


def _saying_more(headers: Headers, first_said: Mapping[bytes, bytes]) -> Mapping[bytes, list[bytes]]:
    """All the values of each of those of *headers* that say how a body is framed, or whether it is the last on its connection."""
    said: dict[bytes, list[bytes]] = {}
    if len(first_said) == len(headers):
        for name in _SAY_MORE:
            if name in first_said:
                said[name] = [first_said[name]]
        return said
    for name, value in headers:
        if len(name) in _THEIR_CHARS and (lower := name.lower()) in _SAY_MORE:
            said.setdefault(lower, []).append(value)
    return said


def header_lines(lines: list[bytes]) -> Headers:
    """What the *lines* of a head or a trailer say, each without its end. Raises UnreadableError."""
    headers: Headers = []
    for line in lines:
        if (plain := _PLAIN_LINE.fullmatch(line)) is not None:
            headers.append((plain[1], plain[2]))
        elif line[:1] in (b" ", b"\t") and line.strip():
            if not headers:
                raise UnreadableError("the provider's first header line begins with a blank")
            name, value = headers[-1]
            headers[-1] = (name, (value + b" " + _plain(line)).strip())
        elif line.strip():
            name, colon, value = line.partition(b":")
            if not colon or not name.strip():
                raise UnreadableError("the provider's answer has a header line without a name and a colon")
            if not _NAME.fullmatch(name.strip()):
                # Hardly any client takes it (RFC 9110, 5.1), and the tap could not follow what comes behind it.
                raise UnreadableError(
                    "the provider's answer has a header whose name has a character that no name may have"
                )
            headers.append((name.strip(), _plain(value)))
    return headers


def _plain(value: bytes) -> bytes:
    # A lone CR could end a line for somebody else (RFC 9112, 2.2).
    return value.replace(b"\r", b" ").replace(b"\0", b" ").strip(b" \t")


def _codings(values: Sequence[bytes]) -> list[bytes]:
    """The transfer codings, in order; none where nothing but ``identity`` is named."""
    said = b",".join(values).lower()
    if not said or said == b"chunked":
        return [said] if said else []
    codings = [coding.strip() for coding in said.split(b",")]
    return [coding for coding in codings if coding and coding != b"identity"]


def _length(values: Sequence[bytes]) -> int | None:
    if len(values) == 1 and values[0].isdigit() and len(values[0]) <= _LENGTH_CHARS_MAX:
        return int(values[0])
    lengths = {length.strip() for value in values for length in value.split(b",")} - {b""}
    if any(not _LENGTH.fullmatch(length) for length in lengths):
        raise UnreadableError("the provider's Content-Length is no number")
    counts = {int(length) for length in lengths}
    if len(counts) > 1:
        raise UnreadableError("the provider's answer has several Content-Lengths that differ")
    return counts.pop() if counts else None


def _framed_once(headers: Headers, length: int | None, *, coded: bool) -> Headers:
    """*headers* with one length at most, in the place of the first."""
    framed: Headers = []
    for name, value in headers:
        if name.lower() != b"content-length":
            framed.append((name, value))
        elif not coded and length is not None:
            framed.append((name, b"%d" % length))
            coded = True
    return framed


def _kept(minor: bytes, values: Sequence[bytes]) -> bool:
    said = {word.strip().lower() for word in b",".join(values).split(b",")}
    return b"close" not in said and (minor != b"0" or b"keep-alive" in said)


def _no_status_line(text: bytes) -> str:
    told = (what for begin, what in _OTHER_PROTOCOLS if text.startswith(begin))
    return next(told, "the provider's answer does not begin with a status line of HTTP/1.x")
