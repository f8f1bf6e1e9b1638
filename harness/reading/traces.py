"""A trace: a file that says when requests came, and where it has that their sizes and conversations, in one of the forms that are known."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from harness.problems import Problem, UsageProblems
from harness.reading.table_text import each_once, other_width, separated_by_commas
from harness.registry import nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

Unit = Literal["s", "ms", "stamp"]


class Form(NamedTuple):
    """One way to write a trace. *time* is the column that says when a request came; *needed*: what it has as well.

    In seconds or milliseconds that is counted from the trace's beginning; as stamps, it begins with the first of them. *columns*: what
    stands in which, where the trace has it.
    """

    name: str
    time: str
    unit: Unit
    columns: Mapping[str, str]
    needed: tuple[str, ...] = ()


_OURS = {"conversation": "conversation", "tokens_in": "tokens_in", "tokens_out": "tokens_out", "question": "question"}
FORMS = (
    Form("harness", "due_s", "s", _OURS),
    Form("harness", "at", "stamp", _OURS),
    # Mooncake's FAST'25 traces; `session_id` is what AIPerf adds. Requests whose `hash_ids` begin alike share a system prompt as often as
    # a conversation, so no conversations are made of them.
    Form(
        "Mooncake",
        "timestamp",
        "ms",
        {"conversation": "session_id", "tokens_in": "input_length", "tokens_out": "output_length"},
        ("input_length", "output_length"),
    ),
    # Azure/AzurePublicDataset, AzureLLMInferenceTrace of 2023 and 2024.
    Form(
        "Azure",
        "TIMESTAMP",
        "stamp",
        {"tokens_in": "ContextTokens", "tokens_out": "GeneratedTokens"},
        ("ContextTokens", "GeneratedTokens"),
    ),
    # HPMLL/BurstGPT; the later files have the session.
    Form(
        "BurstGPT",
        "Timestamp",
        "s",
        {"conversation": "Session ID", "tokens_in": "Request tokens", "tokens_out": "Response tokens"},
        ("Request tokens", "Response tokens"),
    ),
)
_SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")
_AT_ONCE = 20_000
"""So many rows are read before they are made into numbers: as texts they take ten times the room."""
_SHOWN = 40
_YEARS = (1678, 2261)
"""Of those in between, nanoseconds since 1970 are numbers of 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The rows of a trace in the order of their times, which are seconds after it begins.

    A token count of -1 is not known. *conversation* has a number for each, and *question* the id of one, or an empty text.
    """

    file: str
    form: str
    sha256: str
    at_s: Floats
    tokens_in: Ints | None = None
    tokens_out: Ints | None = None
    conversation: Ints | None = None
    question: tuple[str, ...] | None = field(default=None, repr=False)

    @property
    def length_s(self) -> float:
        """How long it is: a silence behind its last row may be as long as the longest between two."""
        import numpy as np

        return float(self.at_s[-1] + np.diff(self.at_s).max(initial=0.0))


def read(path: Path) -> Trace:
    """The trace in the file at *path*. Raises UsageProblems that says what is wrong, in which line, and what would be right."""
    import numpy as np

    if not path.name.lower().endswith(_SUFFIXES):
        raise UsageProblems(Problem(f"is no trace by its name; it may end in {', '.join(_SUFFIXES)}", str(path)))
    try:
        if path.exists() and not path.is_file():
            raise UsageProblems(Problem("is no file", str(path)))
        content = _parquet(path) if path.name.lower().endswith(".parquet") else _text(path)
        digest = _checksum(path)
    except FileNotFoundError:
        raise UsageProblems(Problem("there is no such file", str(path))) from None
    except (OSError, EOFError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise UsageProblems(Problem(f"cannot be read: {what}", str(path))) from None
    if not content.times.size:
        raise UsageProblems(Problem("has no row, so no request would be due", str(path)))
    order = np.argsort(content.times, kind="stable")
    sorted_ = {name: _taken(values, order) for name, values in content.others.items()}
    return Trace(str(path), content.form.name, digest, content.times[order], **sorted_)


def _taken(values: Any, order: Any) -> Any:
    """*values*, which are an array or texts, in *order*."""
    return tuple(map(values.__getitem__, order.tolist())) if isinstance(values, list) else values[order]


def _checksum(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def form_of(columns: Sequence[str], file: str) -> Form:
    """The form of a trace with these *columns*. Raises UsageProblems that names those of each form."""
    here = [form for form in FORMS if form.time in columns and set(form.needed) <= set(columns)]
    if not here:
        known = "; ".join(f"{form.name}: {', '.join(_names(form))}" for form in FORMS)
        every = sorted({name for form in FORMS for name in _names(form)})
        meant = {name: near[0] for name in columns if name not in every and (near := nearest(name, every))}
        slips = "".join(f"; did you mean {near!r} by {name!r}?" for name, near in meant.items())
        found = ", ".join(name or "(no name)" for name in columns) or "none"
        if any(map(_number, columns)):
            slips = "; the first line has to name them."
        raise UsageProblems(
            Problem(f"its columns are those of no trace: {found}{slips or '.'} Known are {known}", file, 1)
        )
    form = here[0]
    for name in columns:
        near = nearest(name, list(form.columns.values()))
        if form.columns is _OURS and name not in form.columns and near and near[0] not in columns:
            raise UsageProblems(Problem(f"unknown column {name!r}; did you mean {near[0]!r}?", file, 1))
    return form


def _names(form: Form) -> tuple[str, ...]:
    """All columns of *form* that are read."""
    return (form.time, *form.columns.values())


class _Content(NamedTuple):
    form: Form
    times: Floats
    others: dict[str, Any]  # arrays, and of questions a list of texts


class _Rows:
    """Gathers rows of one *form* that come in pieces, each value as a text or a number, with the line that it stands in."""

    def __init__(self, form: Form, columns: Sequence[str], file: str) -> None:
        self.form, self._file = form, file
        self._there = [what for what, name in form.columns.items() if name in columns]
        self.wanted = [form.time, *(form.columns[what] for what in self._there)]
        self._times: list[Any] = []
        self._tokens: dict[str, list[Any]] = {what: [] for what in self._there if what.startswith("tokens")}
        self._questions: list[str] = []
        self._conversations: dict[object, int] = {}
        self._numbers: list[int] = []
        self._zoned: bool | None = None

    def add(self, columns: Sequence[Sequence[object]], lines: Sequence[int]) -> None:
        """Add rows by their *columns*, in the order of what is *wanted*. Raises UsageProblems for the first value that cannot be."""
        times, *others = columns
        self._times.append(self._stamps(times, lines) if self.form.unit == "stamp" else self._seconds(times, lines))
        for what, values in zip(self._there, others, strict=True):
            if what in self._tokens:
                self._tokens[what].append(self._counts(self.form.columns[what], values, lines))
            elif what == "question":
                self._questions += ["" if _blank(value) else str(value) for value in values]
            else:
                self._number(values)

    def _number(self, values: Sequence[object]) -> None:
        """Of conversations, each by the order in which they come; a row that names none has one of its own."""
        known = self._conversations
        # What is not itself is no number (NaN), as a table has it where it has nothing.
        self._numbers += [
            known.setdefault(value if value and value == value else object(), len(known)) for value in values
        ]

    def content(self) -> _Content:
        """All that was added."""
        import numpy as np

        times = np.concatenate(self._times) if self._times else np.empty(0)
        if self.form.unit == "stamp" and times.size:
            times = (times - times.min()) / 1e9
        if self.form.unit == "ms":
            times = times / 1e3
        others: dict[str, Any] = {what: np.concatenate(counts) for what, counts in self._tokens.items() if counts}
        if "question" in self._there:
            others["question"] = self._questions
        if "conversation" in self._there:
            others["conversation"] = np.array(self._numbers, np.int64)
        return _Content(self.form, times, others)

    def _refuse(self, column: str, value: object, what: str, line: int) -> UsageProblems:
        said = "is empty" if _blank(value) else f"{str(value)[:_SHOWN]!r} {what}"
        return UsageProblems(Problem(said, self._file, line, column))

    def _floats(self, column: str, values: Sequence[object], lines: Sequence[int]) -> Floats:
        """*values* as numbers; raises UsageProblems for the first that is none."""
        import numpy as np

        try:
            return np.asarray(values, np.float64)
        except (TypeError, ValueError, OverflowError):
            for value, line in zip(values, lines, strict=True):
                if _number(value) is None:
                    raise self._refuse(column, value, f"is no number{_with_a_point(value)}", line) from None
            raise

    def _seconds(self, values: Sequence[object], lines: Sequence[int]) -> Floats:
        import numpy as np

        found = self._floats(self.form.time, values, lines)
        wrong = ~(np.isfinite(found) & (found >= 0))
        if wrong.any():
            at = int(wrong.argmax())
            what = "is before the trace begins" if found[at] < 0 else "is no time"
            raise self._refuse(self.form.time, values[at], what, lines[at])
        return found

    def _stamps(self, values: Sequence[object], lines: Sequence[int]) -> Ints:
        """Nanoseconds since 1970, of stamps that name no zone as if they were UTC; all have to say alike whether they name one."""
        import numpy as np
        import pandas as pd

        texts = [str(value) for value in values]
        zoned = [_zoned(text) for text in texts]
        self._zoned = zoned[0] if self._zoned is None and zoned else self._zoned
        stamps = pd.to_datetime(pd.Series(texts, dtype=object), format="ISO8601", utc=True, errors="coerce")
        wrong = stamps.isna().to_numpy() | (np.array(zoned, bool) != self._zoned)
        if wrong.any():
            at = int(wrong.argmax())
            what = "is no time; write it as 2026-11-26 18:15:46.68"
            if not stamps.isna()[at]:
                what = (
                    "names a time zone, and the rows before it do not"
                    if zoned[at]
                    else "names no time zone, and the rows before it do"
                )
            raise self._refuse(self.form.time, values[at], what, lines[at])
        far = ((stamps.dt.year < _YEARS[0]) | (stamps.dt.year > _YEARS[1])).to_numpy()
        if far.any():
            at = int(far.argmax())
            what = f"is no time of a trace; they are of the years {_YEARS[0]} to {_YEARS[1]}"
            raise self._refuse(self.form.time, values[at], what, lines[at])
        return np.asarray(stamps.dt.as_unit("ns").astype("int64"), np.int64)

    def _counts(self, column: str, values: Sequence[object], lines: Sequence[int]) -> Ints:
        import numpy as np

        if isinstance(values, np.ndarray):
            found = np.where(np.isnan(values), -1.0, values)
        else:
            # Most traces know every size, and to look for blanks takes longer than all else that is done with one.
            known = values if all(values) else [-1 if _blank(value) else value for value in values]
            found = self._floats(column, known, lines)
        wrong = ~((found >= 0) & (found == np.floor(found)) & np.isfinite(found)) & (found != -1)
        if wrong.any():
            at = int(wrong.argmax())
            raise self._refuse(column, values[at], "is no number of tokens", lines[at])
        return found.astype(np.int64)


def _blank(value: object) -> bool:
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and math.isnan(value))
    )


def _zoned(stamp: str) -> bool:
    """Whether *stamp* names a time zone: behind its date stands a sign, or a Z at its end."""
    time = stamp[10:]
    return "+" in time or "-" in time or time[-1:] in ("Z", "z")


def _with_a_point(value: object) -> str:
    """How *value* is written as a number, where a comma alone is wrong with it; else nothing."""
    right = value.strip().replace(",", ".") if isinstance(value, str) and value.count(",") == 1 else ""
    return f"; a number is written with a point, such as {right}" if right and _number(right) is not None else ""


def _number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(value)  # type: ignore[arg-type]  # what is none raises
    except (TypeError, ValueError):
        return None


def _text(path: Path) -> _Content:
    """What stands in a file of lines: CSV, or a JSON object in each."""
    name = path.name.lower()
    lines = _jsonl if ".jsonl" in name else _csv
    with ExitStack() as open_files:
        stream: Any = open_files.enter_context(path.open("rb"))
        if name.endswith(".gz"):
            stream = open_files.enter_context(gzip.GzipFile(fileobj=stream))
        text = open_files.enter_context(TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
        try:
            return lines(text, str(path))
        except UnicodeDecodeError as error:
            raise UsageProblems(Problem(f"is not UTF-8: {error.reason}; save the file as UTF-8", str(path))) from None
        except gzip.BadGzipFile:
            raise UsageProblems(Problem("is not packed with gzip, as its name says", str(path))) from None


def _csv(text: Iterable[str], file: str) -> _Content:
    reader = csv.reader(text)
    try:
        columns = [name.strip() for name in next((row for row in reader if any(row)), [])]
        if not columns:
            raise UsageProblems(Problem("is empty; its first line names its columns", file))
        separated_by_commas(columns, file)
        rows = _Rows(form_of(columns, file), columns, file)
        each_once(columns, rows.wanted, file)
        positions = [columns.index(name) for name in rows.wanted]
        return _gathered(rows, _picked(reader, positions, columns, file))
    except csv.Error as error:
        raise UsageProblems(Problem(f"is no CSV: {error}", file, reader.line_num)) from None


def _picked(reader: Any, positions: Sequence[int], columns: Sequence[str], file: str) -> Iterator[tuple[Any, ...]]:
    """The line of each row with its values at *positions*; *reader* is one of the csv module, whose type has no public name."""
    for row in reader:
        if len(row) == len(columns) and any(row):
            yield (reader.line_num, *[row[position] for position in positions])
        elif any(row):
            raise UsageProblems(Problem(other_width(row, columns), file, reader.line_num))


_VALUE = float | int | str | None
"""What a line of JSON may say of a request."""


def _jsonl(text: Iterable[str], file: str) -> _Content:
    numbered = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
    first = next(numbered, None)
    if first is None:
        raise UsageProblems(Problem("is empty; each of its lines is a JSON object", file))
    columns = list(_decoded(msgspec.json.Decoder(dict[str, object]), *first, file))
    rows = _Rows(form_of(columns, file), columns, file)
    fields = [(f"f{at}", _VALUE, msgspec.field(default=None, name=name)) for at, name in enumerate(rows.wanted)]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Line", fields))

    def decoded(number: int, line: str) -> tuple[Any, ...]:
        return (number, *msgspec.structs.astuple(_decoded(decoder, number, line, file)))

    return _gathered(rows, (decoded(*one) for one in chain((first,), numbered)))


def _decoded(decoder: msgspec.json.Decoder[Any], number: int, line: str, file: str) -> Any:
    try:
        return decoder.decode(line)
    except msgspec.DecodeError as error:
        raise UsageProblems(Problem(f"is no JSON object of a request: {error}", file, number)) from None


def _gathered(rows: _Rows, picked: Iterator[tuple[Any, ...]]) -> _Content:
    while some := list(islice(picked, _AT_ONCE)):
        lines, *values = zip(*some, strict=True)
        rows.add(values, lines)
    return rows.content()


def _parquet(path: Path) -> _Content:
    """What stands in a Parquet file, whose rows count as its lines."""
    import pandas as pd

    try:
        with path.open("rb") as stream:
            frame = pd.read_parquet(stream)
    except OSError as error:
        if error.errno is not None:
            raise
        raise UsageProblems(Problem("is not a whole Parquet file", str(path))) from None
    except ValueError:  # pyarrow's errors about what a file holds are of this kind
        raise UsageProblems(Problem("is not a whole Parquet file", str(path))) from None
    columns = [str(name) for name in frame.columns]
    rows = _Rows(form_of(columns, str(path)), columns, str(path))
    if len(frame):
        values = [_of_frame(frame[name]) for name in rows.wanted]
        rows.add(values, range(1, len(frame) + 1))
    return rows.content()


def _of_frame(column: Any) -> Any:
    """The values of one *column* of a table: an array of numbers, else a list."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(column):
        return [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    if is_numeric_dtype(column):
        return column.to_numpy(dtype="float64", na_value=math.nan)
    return [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
