"""The kinds of files that people write, each known by what stands at its key ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay
from harness.reading.question_files import is_of_rows, load_questions
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.suite import Suite
from harness.reading.target import Target
from harness.reading.yaml.document import Document, load, text_of
from harness.reading.yaml.tree import RefusedError, compose
from harness.registry import suggestion

Kind = Scenario | Target | Questions | Suite | GameDay
KINDS: dict[str, type[Kind]] = {get_args(kind.model_fields["schema_"].annotation)[0]: kind for kind in get_args(Kind)}


def load_any(
    path: Path,
) -> Document[Scenario] | Document[Target] | Document[Questions] | Document[Suite] | Document[GameDay]:
    """The document in the file at *path*, of the kind that it says. Raises UsageProblems with everything wrong."""
    kind = kind_of(path)
    if kind is Questions:
        return load_questions(path)
    if kind is Scenario:
        return load(path, Scenario)
    if kind is Suite:
        return load(path, Suite)
    if kind is GameDay:
        return load(path, GameDay)
    return load(path, Target)


def kind_of(path: Path) -> type[Kind]:
    """The kind that the file at *path* says it is, or questions where it has one in each row. Raises UsageProblems where it says none."""
    if is_of_rows(path):
        return Questions
    text, file = text_of(path), str(path)
    said, line = _said(text, file)
    if said not in KINDS:
        what = "is missing; it should be the first line" if said is None else f"unknown kind of file {said!r}"
        raise UsageProblems(Problem(f"{what}; {suggestion(said or '', list(KINDS))}", file, line, "schema"))
    return KINDS[said]


def _said(text: str, file: str) -> tuple[str | None, int]:
    try:
        tree = compose(text)
    except RefusedError as refused:
        raise UsageProblems(Problem(refused.wrong.what, file, refused.wrong.line)) from None
    said = tree.root.value.get("schema") if isinstance(tree.root.value, dict) else None
    return (None if said is None else str(said)), tree.line(("schema",))
