"""A log as it lies on the disk, packed or not: its lines, or the JSON documents in it, one after the other, in bounded memory."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from harness.incidents.calls import Broken
from harness.incidents.documents import TORN, TORN_PACKED, documents, is_json
from harness.incidents.stamps import seconds
from harness.incidents.wrapped import column_of_lines, is_wrapped, unwrapped
from harness.problems import Problem, UsageProblems
from harness.record.read_once import Kept, NoFileError, is_there_again

SEPARATORS = ",;\t|"
"""What may stand between the values of a table: of these the one that is most often in its first line."""
LINE_MOST = 64 << 20
"""So long a line may be, and so large a JSON document that does not stand in a line of its own."""
HEAD = 1 << 16
_LOOKED_AT = 50
_COLUMNS_MOST = 10_000
_BOM = b"\xef\xbb\xbf"
_SEPARATOR = re.compile(rb"sep=([,;\t|])$", re.IGNORECASE)
"""With which a table may begin that Excel is to read."""
_QUOTED = re.compile(r'"[^"]*"')
_DRAWN = re.compile(rb"[\s|+:=-]*--[\s|+:=-]*|\(\d+ rows?\)")
_PACKED = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PACKED_OTHERWISE = {
    _PACKED: "is packed twice with gzip; unpack it once",
    b"PK\x03\x04": "is a ZIP archive; unpack it, and name the files that were in it",
    b"\x28\xb5\x2f\xfd": "is packed with zstd; unpack it, or pack it with gzip",
    b"BZh": "is packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ\0": "is packed with xz; unpack it, or pack it with gzip",
    b"PAR1": "is Parquet; write it as CSV or as JSON, one row a line",
}
"""How files begin that hold logs and are not read here, and what to do with them."""
_OF_DOCUMENTS = re.compile(rb"\s*(?:\{|\[\s*(?:[{\[]|$))")
_BLANK = b" \r\n\x1e"
"""What a line may have around it, with the mark of RFC 7464. A tab at its end stands before an empty column."""


@dataclass(frozen=True)
class Source:
    """One file, and what was said of it: the *columns* of a table by what stands in them, the *zone* of stamps that name none."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC
    zoneless: list[bool] = field(default_factory=list)
    """Not empty once a stamp has named no zone."""
    latest: list[float] = field(default_factory=list)
    """The last time that was read of those, at most."""

    told: list[str] = field(default_factory=list)
    """What the one who reads what it came to has to know of how it was read."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        if kept := self.__dict__.get("_kept"):
            kept.close()

    def seconds(self, value: object) -> float:
        """Seconds since 1970 of a time in it. Raises NoTimeError."""
        at_s, named = seconds(value, self.zone, self.latest[0] if self.latest else None)
        if not named:
            self.latest[:] = [at_s]
            if not self.zoneless:
                self.zoneless.append(True)
        return at_s

    def head(self) -> bytes:
        """The beginning of it, unpacked, and of what is inside. Raises UsageProblems where it cannot be read."""
        return next(self.heads())

    def heads(self) -> Iterator[bytes]:
        """Its beginning; of what a collector wrote, from each of the first few rows on, since lines of others may stand before the log's.

        Raises UsageProblems where it cannot be read.
        """
        head = self._head()
        if self._wrapped or self._column is not None:
            first = [one[1] for one in islice(self.documents(), _LOOKED_AT) if not isinstance(one, Broken)]
            yield from (b"\n".join(first[at:])[:HEAD] for at, text in enumerate(first) if text[:1] in (b"{", b"["))
            head = head if self._column is None else b"\n".join(first)[:HEAD]
        yield head

    def _head(self) -> bytes:
        try:
            with self._open() as stream:
                text, torn = _as_far_as(stream, HEAD)
            if torn and not text:
                raise UsageProblems(Problem("is not packed with gzip, as its beginning says", str(self.path)))
            if what := _unreadable(text):
                raise UsageProblems(Problem(what, str(self.path)))
            return text[:HEAD].removeprefix(_BOM).lstrip(_BLANK)
        except IsADirectoryError:
            raise UsageProblems(Problem("is a folder; name the files in it", str(self.path))) from None
        except FileNotFoundError:
            raise UsageProblems(Problem("there is no such file", str(self.path))) from None
        except NoFileError as error:
            raise UsageProblems(Problem(str(error), str(self.path))) from None
        except OSError as error:
            raise UsageProblems(Problem(f"cannot be read: {error.strerror or error}", str(self.path))) from None

    def lines(self) -> Iterator[tuple[int, bytes] | Broken]:
        """Each line that is not blank, with its number; one that is too long, and a packed file that ends too early, are broken.

        Of what a collector of logs put into documents of its own it is the lines inside.
        """
        return self.documents() if self._wrapped or self._column is not None else self._lines()

    def documents(self) -> Iterator[tuple[int, bytes] | Broken]:
        """Each JSON document, one a line, one after the other or in lists; lines, where it begins with none."""
        found = self._documents() if self._column is None else self._values(self._column)
        return unwrapped(found, LINE_MOST) if self._wrapped else found

    @cached_property
    def _column(self) -> int | None:
        """Which column holds a log's lines, of a table that a collector's page was saved as and of which no other column is named."""
        if self._head()[:1] in (b"{", b"[", b""):
            return None
        try:
            names, found = _table(self._lines(), self.path)
        except UsageProblems:  # whatever else it is, it is no table
            return None
        if {*names} & {*self.columns.values()}:
            return None
        return column_of_lines(names, [one[1] for one in islice(found, _LOOKED_AT) if not isinstance(one, Broken)])

    def _values(self, column: int) -> Iterator[tuple[int, bytes] | Broken]:
        for one in _table(self._lines(), self.path)[1]:
            if isinstance(one, Broken):
                yield one
            elif text := one[1][column].strip():
                yield one[0], text.encode("utf-8", "surrogateescape")

    @cached_property
    def _wrapped(self) -> bool:
        if self._column is not None:
            values = islice(self._values(self._column), _LOOKED_AT)
            return is_wrapped(one[1] for one in values if not isinstance(one, Broken))
        first = [one[1] for one in islice(self._documents(), 1) if not isinstance(one, Broken)]
        return is_wrapped(chain(first, self._head().splitlines()[:_LOOKED_AT]))

    def _lines(self) -> Iterator[tuple[int, bytes] | Broken]:
        number = 0
        with self._open() as stream:
            try:
                while line := stream.readline(LINE_MOST + 1):
                    number += 1
                    if len(line) > LINE_MOST:
                        yield Broken(number, f"is longer than {LINE_MOST >> 20} MiB")
                        _skip(stream)
                    elif b"\0" in line:
                        yield Broken(number, "has a NUL byte in it")
                    elif (line := line.removeprefix(_BOM).strip(_BLANK)).strip():
                        yield number, line
            except TORN:
                yield Broken(number + 1, TORN_PACKED)

    def _documents(self) -> Iterator[tuple[int, bytes] | Broken]:
        if self._one_a_line or isinstance(next(self._apart(), Broken(1, "")), Broken):
            yield from self._lines()
        else:
            yield from self._apart()

    @cached_property
    def _one_a_line(self) -> bool:
        head = self._head()
        if not _OF_DOCUMENTS.match(head):
            return True
        first = next(self._lines(), None)
        return (
            head.lstrip()[:1] == b"{"
            and isinstance(first, tuple)
            and not isinstance(first, Broken)
            and is_json(first[1])
        )

    def _apart(self) -> Iterator[tuple[int, bytes] | Broken]:
        with self._open() as stream:
            yield from documents(stream, LINE_MOST)

    def _open(self) -> IO[bytes]:
        stream = self._kept.again() if self._kept else self.path.open("rb")
        packed = stream.read(2) == _PACKED
        stream.seek(0)
        return cast("IO[bytes]", _Unpacked(stream)) if packed else stream

    @cached_property
    def _kept(self) -> Kept | None:
        """All of it, where it is there only once, as what comes out of a pipe is."""
        return None if is_there_again(self.path) else Kept(self.path)


class _Unpacked(gzip.GzipFile):
    """What is packed in a stream, which is closed with it."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        super().__init__(fileobj=packed, mode="rb")

    def close(self) -> None:
        super().close()
        self._packed.close()


def _unreadable(text: bytes) -> str:
    """What a file that begins with *text* is, and what to do with it, where it is no text that is read here; empty where it may be."""
    for beginning, said in _PACKED_OTHERWISE.items():
        if text.startswith(beginning):
            return said
    if text.startswith(_UTF_16) or any(not any(text[at::2]) and any(text[1 - at :: 2]) for at in (0, 1)):
        return "is UTF-16 or UTF-32; write it as UTF-8, as with: iconv -f UTF-16 -t UTF-8"
    if b"\r" in text and b"\n" not in text and text.lstrip()[:1] not in (b"{", b"["):
        return "has lines that end with a carriage return alone; end them with a line feed, as with: tr '\\r' '\\n'"
    return ""


def _as_far_as(stream: IO[bytes], most: int) -> tuple[bytes, bool]:
    """What can be read of *stream*, at least *most* bytes where it has so many, and whether it is packed and torn."""
    pieces, size = [], 0
    try:
        while size <= most and (piece := stream.read1(1 << 20)):  # type: ignore[attr-defined]  # both kinds that are opened have it
            pieces.append(piece)
            size += len(piece)
    except TORN:
        return b"".join(pieces), True
    return b"".join(pieces), False


def _skip(stream: IO[bytes]) -> None:
    while (piece := stream.readline(1 << 20)) and not piece.endswith(b"\n"):
        pass


def decoded(text: bytes) -> Any:
    """The JSON value that *text* is. Raises ValueError, in words that quote nothing of it."""
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def rows(source: Source) -> Iterator[tuple[int, dict[str, Any]] | Broken]:
    """Each JSON object of *source*, with the line that it begins in; of a list, its place there."""
    for found in source.documents():
        if isinstance(found, Broken):
            yield found
            continue
        line, text = found
        try:
            value = decoded(text)
        except ValueError as error:
            yield Broken(line, str(error))
            continue
        listed = value if isinstance(value, list) else _listed(value)
        for one in listed:
            yield (line, one) if isinstance(one, dict) else Broken(line, "is no JSON object")


def _listed(value: object) -> list[Any]:
    """The rows of an API's answer, which stand at its key ``data``; anything else is itself."""
    if isinstance(value, dict) and isinstance(value.get("data"), list) and not {"startTime", "start_time"} & set(value):
        return list(value["data"])
    return [value]


def table(source: Source) -> tuple[list[str], Iterator[tuple[int, list[str]] | Broken]]:
    """The names of the columns of *source*, a table as CSV, and each row with its line. Raises UsageProblems where it has no first line."""
    return _table(source.lines(), source.path)


def _table(
    lines: Iterator[tuple[int, bytes] | Broken], path: Path
) -> tuple[list[str], Iterator[tuple[int, list[str]] | Broken]]:
    first = next(lines, None)
    said = _SEPARATOR.match(first[1]) if isinstance(first, tuple) and not isinstance(first, Broken) else None
    first = next(lines, None) if said else first
    if first is None or isinstance(first, Broken):
        raise UsageProblems(Problem("is empty; its first line names its columns", str(path)))
    header = _text(first[1])
    separator = _text(said[1]) if said else max(SEPARATORS, key=_QUOTED.sub("", header).count)
    if separator == "|":
        framed = first[1].startswith(b"|") and first[1].endswith(b"|")
        header, lines = _text(first[1][1:-1] if framed else first[1]), _undrawn(lines, framed)
    names = _names(header, separator, path)
    if len(names) > _COLUMNS_MOST:
        raise UsageProblems(
            Problem(
                f"has {len(names):,} columns in its first line: a table of calls has {_COLUMNS_MOST:,} at most",
                str(path),
            )
        )
    return names, _rows_of(lines, len(names), separator)


def _names(header: str, separator: str, path: Path) -> list[str]:
    csv.field_size_limit(LINE_MOST)
    try:
        return [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    except csv.Error as error:
        raise UsageProblems(
            Problem(f"its first line, which names its columns, is no CSV: {error}", str(path), 1)
        ) from None


def _undrawn(lines: Iterator[tuple[int, bytes] | Broken], framed: bool) -> Iterator[tuple[int, bytes] | Broken]:
    """The rows of a table that is drawn with strokes, as ``psql`` and Markdown have them, without what is only drawn."""
    for found in lines:
        if isinstance(found, Broken):
            yield found
        elif not _DRAWN.fullmatch(found[1]):
            text = found[1].strip().removeprefix(b"|").removesuffix(b"|") if framed else found[1]
            yield found[0], b"|".join(value.strip() for value in text.split(b"|"))


def several(name: str) -> str:
    """That columns cannot be told apart by their *name*."""
    return f"there are several columns called {name[:40]!r}, and nobody can tell which is meant: rename all but one"


def _rows_of(
    lines: Iterator[tuple[int, bytes] | Broken], width: int, separator: str
) -> Iterator[tuple[int, list[str]] | Broken]:
    csv.field_size_limit(LINE_MOST)
    at, torn = 0, list[Broken]()

    def texts() -> Iterator[str]:
        nonlocal at
        for found in lines:
            if isinstance(found, Broken):
                torn.append(found)
            else:
                at = found[0]
                yield _text(found[1]) + "\n"

    reader = csv.reader(texts(), delimiter=separator, strict=True)
    while True:
        before = at
        try:
            values = next(reader)
        except StopIteration:
            yield from torn
            return
        except csv.Error as error:
            lost = f", and nothing from here to line {at} was read: is a quote not closed?" if at > before + 1 else ""
            yield Broken(before + 1, f"is no CSV: {error}{lost}")
            continue
        if len(values) == width:
            yield at, values
        else:
            lasts = f" from here to line {at}" if at > before + 1 else ""
            yield Broken(before + 1 if lasts else at, f"has {len(values)} values{lasts}, and there are {width} columns")


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def rows_or_table(source: Source) -> Iterator[tuple[int, dict[str, Any]] | Broken]:
    """Each row of an export that is written as JSON or as CSV, with its line."""
    if source.head().lstrip()[:1] in (b"{", b"["):
        yield from rows(source)
        return
    names, found = table(source)
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise UsageProblems(*(Problem(several(name), str(source.path), 1) for name in twice))
    for one in found:
        yield one if isinstance(one, Broken) else (one[0], dict(zip(names, one[1], strict=True)))
