"""What collects logs puts each line into a document of its own, as Docker, Kubernetes and CloudWatch do: the lines that are in those."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from harness.incidents.calls import Broken
from harness.incidents.columns import of_calls, plain
from harness.incidents.documents import is_json

_OWN = {"httpRequest", "resourceSpans", "resource_spans", "startTime", "start_time", "response_code"}
"""What a document has that is a row of a log itself, whatever else is in it."""
_LINES = ("log", "message", "@message", "MESSAGE", "line", "textPayload")
"""Docker and Fluent Bit; CloudWatch, Logstash, journald; Loki; Google Cloud."""
_COLUMNS = ("message", "raw", "line", "log", "log_message", "source", "body", "content", "text_payload")
"""Of tables: CloudWatch and Datadog; Splunk; Grafana; Azure; Kibana; Google Cloud."""
_LINE = re.compile(
    r"\s*(\{\s*\"|\[\d{4}-\d\d-\d\d[T ]|[^\[\"]{1,200} \[\d\d/[A-Z][a-z][a-z]/\d{4}:|(?:https?|h2|grpcs|wss?) \d{4}-\d\d-\d\dT\S+Z app/)"
)
_ROWS = ("log_processed", "jsonPayload", "_source", *_LINES)
_LISTS = ("events", "logEvents", "results", "hits", "data", "result", "streams", "values")
"""CloudWatch's answers, what it sends on, and those of Logs Insights; Elasticsearch; Loki."""
_DEEP_MOST = 6
_CRI = re.compile(rb"\S+ (stdout|stderr) ([FP])(?::\S*)? (.*)$", re.DOTALL)
_STAMPED = re.compile(
    rb"(?:[\w.-]+ +\| +)?(?:\d{4}-\d\d-\d\d[T ]\S+ +)?(?:[^\s{[\"]\S* +)?(\{.*|\[\d{4}-.*)$", re.DOTALL
)
"""``kubectl logs --timestamps``, ``docker compose logs`` and ``aws logs tail`` write a time, and where it is from, before each line."""


class _Piece(NamedTuple):
    """A line, or a part of it: whether it has *ended*, where that is known, and the *stream* whose parts belong together."""

    text: bytes
    ended: bool | None = True
    stream: str = ""


def column_of_lines(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Which column of a table with these *names* holds a log's lines, by its first *rows*; None where it is a table of calls itself."""
    if of_calls(names):
        return None
    plains = [plain(name) for name in names]
    places = [plains.index(name) for name in _COLUMNS if name in plains]
    return next((at for at in places if any(_LINE.match(row[at]) for row in rows)), None)


def is_wrapped(texts: Iterable[bytes]) -> bool:
    """Whether one of *texts* is a document of a collector's, or a line that it wrote something before."""
    return any(_pieces(text) is not None for text in texts)


def unwrapped(found: Iterator[tuple[int, bytes] | Broken], most: int) -> Iterator[tuple[int, bytes] | Broken]:
    """The lines inside of those *found*, with where their documents stand; what is no document of a collector's comes as it is.

    A line that came in parts is put together again, if it is no longer than *most* bytes.
    """
    held: dict[str, _Held] = {}
    for one in found:
        if isinstance(one, Broken):
            yield one
            continue
        at, text = one
        pieces = _pieces(text)
        for piece in [_Piece(text)] if pieces is None else pieces:
            line = held.setdefault(piece.stream, _Held(at))
            line.parts.append(piece.text)
            line.size += len(piece.text)
            if line.size > most:
                yield Broken(line.began, f"is longer than {most >> 20} MiB")
            elif not _ended(piece, line):
                continue
            else:
                yield from ((line.began, text) for text in _lines(b"".join(line.parts)))
            del held[piece.stream]
    yield from ((line.began, b"".join(line.parts)) for line in held.values())


@dataclass
class _Held:
    """A line that came in *parts* so far, and where it *began*."""

    began: int
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


def _ended(piece: _Piece, line: _Held) -> bool:
    """Whether *piece* is the last of a *line*; where nobody says so, a document ends where it is whole."""
    if piece.ended is not None:
        return piece.ended
    text = piece.text.rstrip()
    return not line.parts[0].lstrip().startswith(b"{") or (text.endswith(b"}") and is_json(b"".join(line.parts)))


def _lines(text: bytes) -> list[bytes]:
    text = text.strip(b" \r\n")
    return [text] if b"\n" not in text or is_json(text) else [line for line in text.splitlines() if line.strip()]


def _pieces(text: bytes) -> list[_Piece] | None:
    """What is in *text*; None where it is no document of a collector's."""
    if text[:1] == b"{":
        try:
            return _of(msgspec.json.decode(text), _DEEP_MOST)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
    if cri := _CRI.match(text):
        inner = _pieces(cri[3]) if cri[2] == b"F" else None
        return inner or [_Piece(cri[3], cri[2] == b"F", cri[1].decode())]
    stamped = _STAMPED.match(text)
    return (_pieces(stamped[1]) or [_Piece(stamped[1])]) if stamped and stamped.start(1) else None


def _of(document: Any, deep: int) -> list[_Piece] | None:
    """What is in a *document*, and in those that are in it."""
    if isinstance(document, list) and document and all(isinstance(one, dict) and "field" in one for one in document):
        document = {one["field"]: one.get("value") for one in document}
    if not isinstance(document, dict) or deep == 0 or _OWN & document.keys():
        return None
    for key in _ROWS:
        if (found := _row(key, document, deep)) is not None:
            return found
    for key in _LISTS:
        if isinstance(listed := document.get(key), dict):
            return _of(listed, deep - 1)
        if isinstance(listed, list):
            each = [(one, _of(_paired(one), deep - 1)) for one in listed]
            if any(its for _, its in each):
                # What somebody else wrote is a row, too: it is counted.
                return [piece for one, its in each for piece in its or [_Piece(_text(one))]]
    return None


def _paired(one: Any) -> Any:
    """A document; a pair of a time and a text, as Loki has them, as one."""
    pair = isinstance(one, list) and len(one) >= 2 and all(isinstance(part, str) for part in one[:2])
    return {"line": one[1]} if pair else one


def _text(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _row(key: str, document: Mapping[str, Any], deep: int) -> list[_Piece] | None:
    """What stands at *key*: a line, or a row that somebody has read already."""
    value = document.get(key)
    if isinstance(value, dict):
        return _of(value, deep - 1) or [_Piece(_text(value))]
    if not isinstance(value, str) or not (key == "log" or value.lstrip()[:1] in ("{", "[")):
        return None
    text = value.encode("utf-8", "surrogatepass")
    if value.lstrip()[:1] == "{" and is_json(text):
        return _of(msgspec.json.decode(text), deep - 1) or [_Piece(text)]
    # Docker cuts a line at 16 KiB, and only the last part of it ends as a line does.
    ended = True if key != "log" or value.endswith("\n") else None
    return [_Piece(text, ended, str(document.get("stream", "")))]
