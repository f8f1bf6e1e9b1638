"""What is wrong with files: as lines for a person, as commands of GitHub's runner, or as one document ``harness.validation/1``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from harness.judging.json_document import DocumentPart
from harness.prepare import Validated, among
from harness.problems import Problem, UsageProblems
from harness.registry import suggestion
from harness.suites.validating import validate_file

OUTPUTS = ("text", "github", "json")


class Said(DocumentPart):
    """One thing that is wrong, or may not have been meant; *path* is the place inside the file, *line* is null where there is none."""

    level: Literal["error", "warning"]
    what: str
    file: str
    line: int | None
    path: str


class File(DocumentPart):
    """One file that was asked about; *without_target*: it is a scenario, and was held against no target."""

    file: str
    ok: bool
    without_target: bool


class Validation(DocumentPart):
    """All that is said of all files, those that they name included."""

    schema_: Literal["harness.validation/1"] = Field(default="harness.validation/1", alias="schema")
    ok: bool
    files: list[File]
    problems: list[Said]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in *files*, and *between* them."""

    files: dict[Path, Validated]
    between: tuple[Problem, ...]

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong, each once."""
        found = [problem for one in self.files.values() for problem in one.problems]
        return list(dict.fromkeys([*found, *self.between]))

    @property
    def warnings(self) -> list[Problem]:
        return list(dict.fromkeys(warning for one in self.files.values() for warning in one.warnings))

    def sound(self, path: Path) -> bool:
        """Whether nothing is wrong with the file at *path*."""
        return self.files[path].ok and all(problem.file != str(path) for problem in self.between)


def checked(files: Sequence[Path], target: Path | None) -> Checked:
    return Checked({path: validate_file(path, target) for path in files}, among(files))


def output(said: str) -> str:
    """*said*, where it is one of `OUTPUTS`; raises UsageProblems where it is none."""
    if said not in OUTPUTS:
        raise UsageProblems(Problem(f"there is no output {said!r}; {suggestion(said, list(OUTPUTS))}", path="--output"))
    return said


def in_json(found: Checked) -> str:
    said: list[tuple[Literal["error", "warning"], Problem]] = [("error", problem) for problem in found.problems]
    said += [("warning", warning) for warning in found.warnings]
    document = Validation(
        ok=not found.problems,
        files=[
            File(file=str(path), ok=found.sound(path), without_target=one.without_target)
            for path, one in found.files.items()
        ],
        problems=[Said(level=level, what=one.what, file=one.file, line=one.line, path=one.path) for level, one in said],
    )
    return document.model_dump_json(by_alias=True, indent=2)


def for_github(found: Checked) -> Iterator[str]:
    """A command of the runner for each problem and each warning, at its line."""
    from harness.report.annotations import of_problem

    yield from (of_problem("error", problem) for problem in found.problems)
    yield from (of_problem("warning", warning) for warning in found.warnings)


def for_people(found: Checked) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it is a complaint; what is wrong is told by whoever ends for it."""
    for path, one in found.files.items():
        if found.sound(path):
            yield False, f"{path}: OK{_ALONE if one.without_target else ''}"
        yield from ((True, f"warning: {warning}") for warning in one.warnings)


_ALONE = "; not checked against a target, since there is no targets/default.yaml beside it: name one with --target"
