"""A file that a person wrote, checked against its model, with every place in it still known by its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from glob import escape
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar, get_args

from pydantic import BaseModel

from harness.problems import Problem, UsageProblems
from harness.reading.yaml import overrides as settings
from harness.reading.yaml import paths
from harness.reading.yaml.expected import choices
from harness.reading.yaml.mending import mended
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.rules import part, pieces
from harness.reading.yaml.sentences import refusals, unsure, validate
from harness.reading.yaml.tree import RefusedError, Tree, Wrong, compose
from harness.reading.yaml.types import fields
from harness.registry import suggestion

# So many files of one name are pointed to.
_SHOWN = 3
BYTES_MAX = 1 << 20

M = TypeVar("M", bound=BaseModel)
_KIND = re.compile(r"harness\.(?:scenario|target|questions|suite|gameday|result)/[0-9]+")
_OF_A_SHELL = ("/dev/fd/", "/proc/")
"""Where a shell shows what a command of it prints, as in ``<(command)``."""
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where each place of a document was written: in the *file*, by line, or among what was *put* over it."""

    file: str
    tree: Tree
    put: tuple[KeyPath, ...] = ()
    written: Mapping[KeyPath, str] = field(default_factory=dict)
    """How keys that are slips stand in the file, by the paths at which they are meant."""

    def problem(self, path: KeyPath, what: str, *, key: bool = False) -> Problem:
        """A problem at *path*, where it is to be mended; *key*: it is the key that is wrong."""
        path = tuple(self.written.get(path[: end + 1], step) for end, step in enumerate(path))
        for put in self.put:
            if (made := self._made(put)) and path[: len(made)] == made and path[: len(put)] != put:
                beside = suggestion(str(made[-1]), [str(name) for name in self.tree.children(made[:-1])])
                beside += "" if beside.endswith("?") else "."
                there = f"the file has no {paths.written(made)}; {beside}"
                return settings.problem(paths.written(put), f"{there} In a new one, {paths.written(path)} {what}")
            if path[: len(put)] == put or (put[: len(path)] == path and not self.tree.holds(path)):
                return settings.problem(paths.written(path), what)
        line = self.tree.key_line(path) if key else self.tree.line(path)
        return Problem(what, self.file, line, paths.written(path))

    def _made(self, put: KeyPath) -> KeyPath:
        """What of the way to *put* was made for it among others of the file; empty where all was there."""
        ways = (put[:steps] for steps in range(2, len(put)))
        return next((way for way in ways if self.tree.children(way[:-1]) and not self.tree.holds(way)), ())


class Located(Protocol):
    """What knows where each place of a document was written."""

    def problem(self, path: KeyPath, what: str, *, key: bool = False) -> Problem: ...


@dataclass(frozen=True, slots=True)
class Document(Generic[M]):
    """The *value* that a *text* holds. *file* is its name as given, *sha256* that of the text as UTF-8."""

    value: M
    text: str = field(repr=False)
    file: str
    sha256: str
    _origin: Located = field(repr=False, compare=False)

    def problem(self, path: str, what: str) -> Problem:
        """A problem at *path*, such as ``faults[0].at``, with its line; if that is left out, the line around it."""
        return self._origin.problem(paths.parse(path), what)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file holds though its model refuses it: the bare *value*, each place of which still knows its line."""

    value: Plain
    wrong: tuple[KeyPath, ...]
    """Places of which something is refused."""
    meant: Plain
    """The value with its slips of keys and kinds put right."""
    unsure: tuple[KeyPath, ...]
    """Places of what is meant at which nobody can tell what stands there."""
    _origin: Origin

    def problem(self, path: str, what: str) -> Problem:
        """As `Document.problem`, at the path of what is meant."""
        return self._origin.problem(paths.parse(path), what)

    def part(self, model: type[M]) -> Document[M] | None:
        """As much of a document of *model* as is right, by its top-level keys, for checks that are `sayable`; None where there is none."""
        if not isinstance(self.meant, dict):
            return None
        return self._document(part(model, self.meant, (), self.unsure))

    def rest(self, model: type[M]) -> Document[M] | None:
        """As `part`, down to single keys: for checks that look at each key as such, and take none to be left out."""
        if not isinstance(self.meant, dict):
            return None
        return self._document(pieces(model, self.meant, (), self.unsure))

    def _document(self, value: M) -> Document[M]:
        return Document(value, "", self._origin.file, "", self._origin)


class DraftProblems(UsageProblems):
    """What is wrong with a file that can be read as far as its *draft*, the rest of which can be checked all the same."""

    def __init__(self, draft: Draft, *problems: Problem) -> None:
        super().__init__(*problems)
        self.draft = draft


def load(path: Path, model: type[M], overrides: Mapping[str, str] = _NONE) -> Document[M]:
    """The document in the file at *path*. Raises UsageProblems with everything that is wrong, sorted by line."""
    return read(text_of(path), model, str(path), overrides)


def read(text: str, model: type[M], file: str, overrides: Mapping[str, str] = _NONE) -> Document[M]:
    """The document in *text* of *file*. Raises UsageProblems with everything that is wrong, sorted by line.

    *overrides* are values, written as in a file, by path; they stand in place of the file's.
    """
    encoded = _encoded(text, file)
    try:
        tree = compose(text)
    except RefusedError as refused:
        raise UsageProblems(_problem(refused.wrong, file)) from None
    other = _other_kind(model, tree)
    if other:
        raise UsageProblems(_problem(other, file))
    value, put = settings.apply(overrides, tree.root.value, settings.ends_with(model))
    origin = Origin(file, tree, put)
    told = {wrong.path for wrong in tree.wrongs if wrong.path}
    problems = [_problem(wrong, file) for wrong in tree.wrongs]
    unfit = [said for said in refusals(model, value) if not any(said.path[: len(path)] == path for path in told)]
    problems += [origin.problem(said.path, said.what, key=said.key) for said in unfit]
    if problems:
        meant, written = mended(model, value)
        wrong = (*told, *(said.path for said in unfit))
        draft = Draft(value, wrong, meant, (*told, *unsure(model, meant)), replace(origin, written=written))
        raise DraftProblems(draft, *sorted(problems, key=lambda problem: problem.line or 0))
    checked: M = validate(model, value)
    return Document(checked, text, file, sha256(encoded).hexdigest(), origin)


def meant(path: Path, *, named_in_a_file: bool = False) -> list[str]:
    """Files that whoever wrote *path* may have meant: that of nearly its name beside it, or those of its name up to two folders below.

    One that is *named_in_a_file* may also be beside that file's folder.
    """
    near = get_close_matches(path.name, [beside.name for beside in path.parent.glob("*.yaml")], n=1)
    named = escape(path.name.removesuffix(".yaml"))
    folders = ("", "*/", "*/*/", *(("../", "../*/") if named_in_a_file else ()))
    around = [str(found) for folder in folders for found in sorted(path.parent.glob(f"{folder}{named}.yaml"))]
    return [str(path.parent / near[0])] if near else around[:_SHOWN]


def text_of(path: Path, bytes_max: int = BYTES_MAX) -> str:
    """The text of the file at *path*. Raises UsageProblems where there is none, or too much, or it is not UTF-8."""
    try:
        if path.is_fifo() and not path.as_posix().startswith(_OF_A_SHELL):
            # Nobody may ever write to it, and to open it waits for that.
            raise UsageProblems(Problem("is a pipe, not a file", file=str(path)))
        with path.open("rb") as stream:
            held = stream.read(bytes_max + 1)
    except FileNotFoundError:
        near = meant(path)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageProblems(Problem(f"there is no such file{hint}", str(path))) from None
    except IsADirectoryError:
        raise UsageProblems(Problem("is a directory, not a file", str(path))) from None
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise UsageProblems(Problem(f"cannot be read: {what}", str(path))) from None
    if len(held) > bytes_max:
        raise UsageProblems(Problem(_too_long(bytes_max), str(path)))
    try:
        return held.decode()
    except UnicodeDecodeError as error:
        line = held.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{held[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise UsageProblems(Problem(what, str(path), line)) from None


def _too_long(bytes_max: int) -> str:
    return f"is larger than {bytes_max >> 20} MiB; no file of this kind is"


def _encoded(text: str, file: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise UsageProblems(Problem("holds half of a surrogate pair; save the file as UTF-8", file)) from None
    if len(encoded) > BYTES_MAX:
        raise UsageProblems(Problem(_too_long(BYTES_MAX), file))
    return encoded


def _other_kind(model: type[BaseModel], tree: Tree) -> Wrong | None:
    """What to say of a file of another kind or version: that it is one, and not that every key of it is wrong."""
    root = tree.root.value
    said = root.get("schema") if isinstance(root, dict) else None
    kind = fields(model).get("schema")
    wanted = get_args(kind.annotation) if kind else ()
    if not isinstance(said, str) or said in wanted or not wanted or not _KIND.fullmatch(said):
        return None
    return Wrong(("schema",), f"this is a {said} file; wanted here is {choices(list(wanted))}", tree.line(("schema",)))


def _problem(wrong: Wrong, file: str) -> Problem:
    return Problem(wrong.what, file, wrong.line, paths.written(wrong.path))
