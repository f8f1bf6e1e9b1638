"""Questions out of the files in which they may stand: YAML, and for many of them CSV or JSONL, a question in each row or line."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path

from pydantic import ValidationError

from harness.problems import Problem, UsageProblems
from harness.reading.questions import QUESTIONS_MAX, Question, Questions
from harness.reading.table_text import each_once, other_width, separated_by_commas
from harness.reading.yaml import Document, load, paths
from harness.reading.yaml.document import text_of
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.recall import recall, recalled
from harness.reading.yaml.sentences import refusals, validate
from harness.registry import suggestion

ROWS = (".csv", ".jsonl")
"""How the names of files end that have a question in each row or line."""
_YAML = (".yaml", ".yml")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tgz", ".7z")
_KEY = re.compile(rb"""^[{\s]*["']?(schema|questions)["']?\s*:""", re.MULTILINE)
"""Who wrote one of these meant the mapping, whatever the file is called."""
_BYTES_MAX = 256 << 20
_TOLD_MAX = 20
"""After so many questions that are wrong no further one is looked at: what ails them is most often one thing."""
_COLUMNS = ("id", "text", "user", "region", "expected", "system", "size", "max_tokens")
_NUMBERS = frozenset({"size", "max_tokens"})
_Row = tuple[int, dict[str, Plain]]
"""A question as it is written, and the line on which it ends."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where each question of a file of rows was written."""

    file: str
    lines: Sequence[int]

    def problem(self, path: KeyPath, what: str, *, key: bool = False) -> Problem:
        """A problem at *path*, with the line of the question that it is in."""
        match path:
            case ("questions", int(index), *inside):
                return Problem(what, self.file, self.lines[index], paths.written(tuple(inside)))
        return Problem(what, self.file, None, paths.written(path))


def is_of_rows(path: Path) -> bool:
    """Whether the file at *path* has by its name a question in each row or line."""
    return path.suffix.lower() in ROWS


def load_questions(path: Path) -> Document[Questions]:
    """The questions in the file at *path*. Raises UsageProblems with what is wrong, sorted by line."""
    if is_of_rows(path):
        return _of_rows(path, _checked, strict=True)
    try:
        return load(path, Questions)
    except UsageProblems:
        if path.suffix.lower() in _YAML or not path.is_file() or _KEY.search(path.read_bytes()):
            raise
        raise UsageProblems(Problem(_unread(path.suffix), str(path))) from None


def _unread(ending: str) -> str:
    """What is read, said of a file of another *ending*."""
    packed = ": unpack it first" if ending.lower() in _PACKED else ""
    return (
        "questions are read out of YAML (.yaml, a mapping with the key questions), JSONL (.jsonl, a question in each line) or CSV "
        f"(.csv, one in each row), and its name {f'ends in {ending!r}' if ending else 'has no ending'}{packed}"
    )


def nothing_asked() -> Document[Questions]:
    """The questions of a run in which the harness asks nothing: none."""
    none = Questions.model_construct(schema_="harness.questions/1", questions=[])
    return Document(
        none, "# Nothing was asked: the load was the service's own.\n", "questions.yaml", "", _Lines("", ())
    )


def recall_questions(path: Path) -> tuple[Document[Questions], tuple[Problem, ...]]:
    """The questions of a stored run, and all that today's rules would refuse in them; raises UsageProblems as `recall` does."""
    if not is_of_rows(path):
        return recall(path, Questions)
    refused: list[Problem] = []

    def lenient(row: dict[str, Plain], where: str, line: int) -> Question:
        try:
            return _checked(row, where, line)
        except UsageProblems as found:
            refused.extend(found.problems)
            try:
                return recalled(Question, row)
            except ValueError:
                raise found from None

    return _of_rows(path, lenient, strict=False), tuple(refused)


def _checked(row: dict[str, Plain], file: str, line: int) -> Question:
    """The question in *row*. Raises UsageProblems with all that is wrong in it."""
    try:
        question: Question = validate(Question, row)
    except ValidationError:
        found = [Problem(said.what, file, line, paths.written(said.path)) for said in refusals(Question, row)]
        raise UsageProblems(*found) from None
    return question


def _of_rows(
    path: Path, checked: Callable[[dict[str, Plain], str, int], Question], *, strict: bool
) -> Document[Questions]:
    """*strict*: what could be read in two ways is refused, which a file that was run is not."""
    text, file = text_of(path, _BYTES_MAX), str(path)
    plain = text.removeprefix("\ufeff")
    rows = _csv(plain, file, strict) if path.suffix.lower() == ".csv" else _jsonl(plain, file, strict)
    questions: list[Question] = []
    lines: list[int] = []
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for line, row in rows:
        try:
            question = checked(row, file, line)
        except UsageProblems as found:
            problems += found.problems
            if len(problems) >= _TOLD_MAX:
                break
            continue
        if (known := first.setdefault(question.id, line)) != line:
            problems.append(
                Problem(f"{question.id!r} is the id on line {known} too; each needs its own", file, line, "id")
            )
        questions.append(question)
        lines.append(line)
    if not problems and not 0 < len(questions) <= QUESTIONS_MAX:
        problems.append(Problem(f"has {len(questions):,} questions; there may be 1 to {QUESTIONS_MAX:,}", file))
    if problems:
        raise UsageProblems(*problems)
    value = Questions.model_construct(schema_="harness.questions/1", questions=questions)
    return Document(value, text, file, sha256(text.encode()).hexdigest(), _Lines(file, lines))


def _jsonl(text: str, file: str, strict: bool) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_each_once if strict else None)
        except _TwiceError as error:
            raise UsageProblems(Problem(str(error), file, number)) from None
        except (ValueError, RecursionError) as error:
            raise UsageProblems(Problem(f"is no JSON: {error}", file, number)) from None
        if strict and _HALF.search(line) and any(map(_UNUSABLE.search, _strings(row))):
            what = "holds a character that no program can be given (half of a surrogate pair)"
            raise UsageProblems(Problem(what, file, number))
        if not isinstance(row, dict):
            what = 'is no JSON object; each line is a question, such as {"id": "a", "text": "What is it?"}'
            raise UsageProblems(Problem(what, file, number))
        yield number, row


class _TwiceError(Exception):
    """A name stands twice in one object."""


def _each_once(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(f"{next(name for name in names if names.count(name) > 1)!r} is here twice; keep one")
    return found


_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_UNUSABLE = re.compile("[\ud800-\udfff]")


def _strings(value: Plain) -> Iterator[str]:
    """Every text in *value*, names among them."""
    match value:
        case str():
            yield value
        case list():
            yield from (text for one in value for text in _strings(one))
        case dict():
            yield from (text for name, one in value.items() for text in (name, *_strings(one)))


def _csv(text: str, file: str, strict: bool) -> Iterator[_Row]:
    # Else a quote that is never closed makes one text of all that follows.
    reader = csv.reader(StringIO(text, newline=""), strict=strict)
    try:
        columns = [name.strip() for name in next((row for row in reader if any(row)), [])]
        _check_columns(columns, file, strict)
        for row in reader:
            if any(row) and len(row) != len(columns):
                raise UsageProblems(Problem(other_width(row, columns), file, reader.line_num))
            if any(row):
                cells = zip(columns, row, strict=True)
                yield reader.line_num, {name: _cell(name, cell) for name, cell in cells if cell.strip()}
    except csv.Error as error:
        raise UsageProblems(Problem(f"is no CSV: {error}", file, reader.line_num)) from None


def _check_columns(columns: Sequence[str], file: str, strict: bool) -> None:
    separated_by_commas(columns, file)
    if strict:
        each_once(columns, columns, file)
    problems = [
        Problem(f"there is no column {name!r}; its first line names its columns", file, 1)
        for name in ("id", "text")
        if name not in columns
    ]
    for name in columns:
        if name in ("turns", "tools"):
            problems.append(Problem(f"a cell cannot hold {name}; write the questions as JSONL or YAML", file, 1))
        elif name not in _COLUMNS:
            problems.append(Problem(f"unknown column {name!r}; {suggestion(name, list(_COLUMNS))}", file, 1))
    if problems:
        raise UsageProblems(*problems)


def _cell(name: str, cell: str) -> Plain:
    return int(cell) if name in _NUMBERS and cell.strip().isdecimal() else cell
